"""`.kws` files as the numpy runner reads them: what was written comes back, and nothing hostile gets further."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.graph_writer import to_kws, write_graph
from kws.errors import ConfigError, ModelFileError
from kws.graph import run_graph, zero_states
from kws.graph.layout import HEADER, MAX_FILE_BYTES
from kws.runtime import open_runner
from kws.runtime.detector import Detector
from kws.runtime.graph_file import parse_graph, read_graph_file
from kws.runtime.graph_runner import GraphRunner
from tests.graphs import every_operation, spec_of
from tests.hostile_kws import HEADER_BYTES, mutants, resealed

GRAPH = every_operation(0)
SPEC = spec_of(GRAPH)
FILE = to_kws(SPEC, GRAPH)


def inputs(n_steps: int = 6, n_channels: int = 1) -> np.ndarray:
    shape = (n_channels, n_steps * GRAPH.step_frames, GRAPH.n_features)
    return np.random.default_rng(1).normal(0, 2, shape).astype(np.float32)


def refused(data: bytes) -> str:
    with pytest.raises(ModelFileError) as error:
        parse_graph(data, "x.kws")
    message = str(error.value)
    assert message.startswith("x.kws") and "\n" not in message and len(message) < 300
    return message


@pytest.mark.parametrize("compression", ["log", "pcen"])
def test_what_was_written_comes_back(compression: str) -> None:
    spec = spec_of(GRAPH, compression=compression)
    found, graph = parse_graph(to_kws(spec, GRAPH))
    assert found == dataclasses.replace(spec, states=GRAPH.states)
    expected, expected_states = run_graph(GRAPH, inputs(), zero_states(GRAPH))
    scores, states = run_graph(graph, inputs(), zero_states(graph))
    assert np.array_equal(scores, expected)
    assert all(map(np.array_equal, states, expected_states))


def test_int8_rows_are_within_half_a_step() -> None:
    _, graph = parse_graph(to_kws(SPEC, GRAPH, is_int8=True))
    for before, after in zip(GRAPH.operations, graph.operations, strict=True):
        for name in ("weight", "weight_input", "weight_hidden"):
            weight = getattr(before, name, None)
            if weight is None or weight.ndim == 1:
                continue
            rows, found = (w.reshape(len(weight), -1) for w in (weight, getattr(after, name)))
            step = np.abs(rows).max(axis=1, keepdims=True) / 127
            assert np.all(np.abs(rows - found) <= 0.501 * step)
            assert not np.array_equal(rows, found)
        for name in ("bias", "bias_input", "bias_hidden"):
            assert np.array_equal(getattr(before, name, 0), getattr(after, name, 0))


def test_a_row_of_zeros_and_one_value_survive_int8() -> None:
    weight = GRAPH.operations[0].weight.copy()  # type: ignore[union-attr]
    weight[1] = 0.0
    first = dataclasses.replace(GRAPH.operations[0], weight=weight)  # type: ignore[call-arg]
    _, graph = parse_graph(to_kws(SPEC, dataclasses.replace(GRAPH, operations=(first, *GRAPH.operations[1:])), True))
    assert not graph.operations[0].weight[1].any()  # type: ignore[union-attr]


def test_the_suffix_opens_it_without_any_other_package(tmp_path: Path) -> None:
    path = tmp_path / "model.KWS"
    write_graph(SPEC, GRAPH, path)
    assert isinstance(open_runner(path), GraphRunner)
    detector = Detector.open(path)
    detector.process(np.zeros(16_000, np.int16))
    assert detector.spec.keywords == SPEC.keywords


@pytest.mark.parametrize("steps", [(1,) * 6, (2, 1, 3), (6,)])
def test_states_are_kept_for_any_blocks(tmp_path: Path, steps: tuple[int, ...]) -> None:
    path = tmp_path / "m.kws"
    write_graph(SPEC, GRAPH, path)
    runner, x = GraphRunner(path), inputs(6, 2)
    expected, _ = run_graph(GRAPH, x, zero_states(GRAPH, 2))
    parts = [runner.run(part) for part in np.split(x, np.cumsum(steps)[:-1] * GRAPH.step_frames, axis=1)]
    assert np.allclose(np.concatenate(parts, axis=1), expected, atol=1e-6)
    runner.reset()
    assert np.allclose(runner.run(x[:1]), expected[:1], atol=1e-6)


def test_a_graph_of_another_spec_is_not_written() -> None:
    with pytest.raises(ConfigError, match="the spec says keywords"):
        to_kws(dataclasses.replace(SPEC, keywords=("one",)), GRAPH)


def test_too_big_is_not_read(tmp_path: Path) -> None:
    big = tmp_path / "big.kws"
    with big.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ModelFileError, match="accepted are 1 to 16777216"):
        read_graph_file(big)


def test_truncated_anywhere_and_with_more_behind() -> None:
    for n_bytes in range(0, len(FILE), 97):
        assert "truncated" in refused(FILE[:n_bytes]) or n_bytes < HEADER_BYTES + 4
    assert "truncated or altered" in refused(FILE + b"\0")


def test_any_changed_byte_is_noticed() -> None:
    for place in range(0, len(FILE), 41):
        changed = bytearray(FILE)
        changed[place] ^= 0x10
        refused(bytes(changed))


def _header(**changes: int) -> bytes:
    names = ("magic", "version", "n_bytes", "n_spec", "n_operations", "target", "zero")
    fields = dict(zip(names, struct.unpack_from(HEADER, FILE), strict=True)) | changes
    return resealed(struct.pack(HEADER, *fields.values()) + FILE[HEADER_BYTES:])


def _spec(change: Callable[[dict], object]) -> bytes:
    n_spec = struct.unpack_from(HEADER, FILE)[3]
    values = json.loads(FILE[HEADER_BYTES : HEADER_BYTES + n_spec])
    change(values)
    text = json.dumps(values).encode()
    rest = FILE[HEADER_BYTES + n_spec + (-n_spec % 4) :]
    body = text + bytes(-len(text) % 4) + rest
    fields = list(struct.unpack_from(HEADER, FILE))
    fields[2:4] = [HEADER_BYTES + len(body), len(text)]
    return resealed(struct.pack(HEADER, *fields) + body)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello, I am no model at all, but long enough", "first bytes"),
        (_header(version=2), "format 2"),
        (_header(version=0xFFFFFFFF), "format 4294967295"),
        (_header(n_operations=0), "0 operations"),
        (_header(n_operations=14), "bytes are left|read before"),
        (_header(n_operations=16), "claims"),
        (_header(n_operations=2**32 - 1), "operations; accepted"),
        (_header(n_spec=2**32 - 1), "claims 4294967295 bytes"),
        (_header(target=3), "output of a step"),
        (_header(target=16), "read before it is made"),
        (_spec(lambda v: v.update(format=9)), "format 9"),
        (_spec(lambda v: v.update(input="samples")), "accepted in a .kws file is 'features'"),
        (_spec(lambda v: v["states"].pop()), "more states than the spec"),
        (_spec(lambda v: v["states"][0].update(shape=[5, 5])), "not those of the spec"),
        (_spec(lambda v: v["states"].append({"name": "z", "shape": [1]})), "not those of the spec"),
        (_spec(lambda v: v["front_end"].update(scale="linear")), "bands of its front-end are not those"),
        (_spec(lambda v: v["front_end"].update(window_samples=63)), "window of its front-end"),
        (_spec(lambda v: v.update(keywords=["one"])), "output of a step"),
        (_spec(lambda v: v.update(step_frames=6)), "operation"),
    ],
)
def test_what_does_not_fit(data: bytes, problem: str) -> None:
    with pytest.raises(ModelFileError, match=problem):
        parse_graph(data)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None)
def test_mutants_with_a_right_checksum_are_read_or_refused(seed: int) -> None:
    (data,) = mutants(FILE, 1, seed)
    try:
        _, graph = parse_graph(data)
    except ModelFileError as error:
        assert "\n" not in str(error)
        return
    with np.errstate(all="ignore"):
        run_graph(graph, inputs(1)[:, : graph.step_frames], zero_states(graph))


def test_hostile_sizes_ask_for_no_memory() -> None:
    worst = 0
    parse_graph(FILE)
    for data in mutants(FILE, 300, seed=7):
        tracemalloc.start()
        with contextlib.suppress(ModelFileError):
            parse_graph(data)
        worst = max(worst, tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert worst < 2_000_000


def test_small_files_that_want_much_are_refused() -> None:
    # Half a million bands of padding, a step of a thousand frames, contexts of hours: all from a few bytes.
    for place, value in ((12, 60_000), (8, 65_536)):
        data = bytearray(FILE)
        at = _first_operation(data)
        struct.pack_into("<I", data, at + place, value)
        refused(resealed(bytes(data)))


def _first_operation(data: bytes | bytearray) -> int:
    words = struct.pack("<7I", 2, 0, 12, 2, 1, 2, 1)
    return bytes(data).index(words)


def test_resealed_is_what_the_writer_seals() -> None:
    assert resealed(FILE) == FILE
    assert struct.unpack("<I", FILE[-4:])[0] == zlib.crc32(FILE[:-4])
