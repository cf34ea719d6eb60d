"""TFLite files that are not what they say: one clear error each, and no runtime ever sees them."""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable

import numpy as np
import pytest

from export.tflite.builder import Form, TfliteBuilder
from export.tflite.flatbuffer import encode_model
from export.tflite.numerics import FloatNumerics
from export.tflite.writer import to_tflite, write_tflite_internal, write_tflite_sequence
from kws.errors import ModelFileError
from kws.graph import Conv1d, Dense, Graph, Gru
from kws.runtime import tflite_runner
from kws.runtime.flatbuffer import MAX_TABLES, FlatbufferError, read_flatbuffer
from kws.runtime.tflite_file import CHECKSUM_KEY, parse_tflite, with_checksum
from kws.runtime.tflite_runner import TfliteRunner
from kws.runtime.tflite_schema import DType, Op
from kws.spec import METADATA_KEY, StateSpec
from tests.tiny_model import tiny_spec
from tests.tiny_tflite import tiny_graph

SPEC = tiny_spec(states=())


@pytest.fixture(scope="module")
def whole() -> bytes:
    return to_tflite(SPEC, tiny_graph(), FloatNumerics())


@pytest.fixture(autouse=True)
def no_runtime(monkeypatch):
    """Fail where a runtime would be given a file of this module."""
    monkeypatch.setattr(tflite_runner, "_open_interpreter", lambda *_: pytest.fail("a runtime saw the file"))


def refused(tmp_path, data: bytes) -> str:
    path = tmp_path / "bad.tflite"
    path.write_bytes(data)
    with pytest.raises(ModelFileError) as error:
        TfliteRunner(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value) and len(str(error.value)) < 500
    return str(error.value).removeprefix(str(path))


def rewritten(data: bytes, change: Callable[[dict], object]) -> bytes:
    """Return a file whose tables were changed, all else as a careful attacker would leave it."""

    def whole_row(row):
        if isinstance(row, dict):
            return {key: whole_row(value) for key, value in row.items() if value is not None}
        if isinstance(row, list):
            return [whole_row(item) for item in row]
        return data[row] if isinstance(row, slice) else row

    model = whole_row(read_flatbuffer(data))
    change(model)
    encoded = encode_model(model)
    names = [entry["name"] for entry in model["metadata"]]
    return with_checksum(encoded) if CHECKSUM_KEY in names else encoded


def test_missing_empty_directory_and_too_big(tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        TfliteRunner(tmp_path / "none.tflite")
    with pytest.raises(ModelFileError, match="accepted is a TFLite model"):
        TfliteRunner(tmp_path)
    assert "has 0 bytes" in refused(tmp_path, b"")
    with (tmp_path / "big.tflite").open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(ModelFileError, match="accepted are 1 to 67108864"):
        TfliteRunner(tmp_path / "big.tflite")


@pytest.mark.parametrize(
    "content", [b"hello", b"\x00" * 500, b"\xff" * 64, b"\x1c\0\0\0TFL3", b"\x80\x04\x95pickle" * 9]
)
def test_no_tflite(tmp_path, content):
    assert "is truncated or no TFLite model" in refused(tmp_path, content)


def test_truncated_anywhere(tmp_path, whole):
    for n_bytes in range(1, len(whole), 61):
        assert "truncated" in refused(tmp_path, whole[:n_bytes]) or "damaged" in refused(tmp_path, whole[:n_bytes])


def test_every_single_changed_byte_is_found(tmp_path, whole):
    rng = np.random.default_rng(0)
    for place in rng.choice(len(whole), 300, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        refused(tmp_path, bytes(damaged))


def test_mutated_files_whose_checksum_was_mended(tmp_path, whole, monkeypatch):
    # What gets past all checks is a sound model with other numbers; everything else is refused before a runtime.
    class ReachedRuntimeError(Exception):
        pass

    def reach(*_: object) -> None:
        raise ReachedRuntimeError

    monkeypatch.setattr(tflite_runner, "_open_interpreter", reach)
    rng = np.random.default_rng(1)
    n_refused = n_passed = 0
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            place = int(rng.integers(len(data) // 4)) * 4
            data[place : place + 4] = struct.pack("<I", int(rng.choice([0, 1, 2**31, 2**32 - 1, rng.integers(2**16)])))
        try:
            mended = with_checksum(bytes(data))
        except FlatbufferError:
            continue
        (tmp_path / "m.tflite").write_bytes(mended)
        try:
            TfliteRunner(tmp_path / "m.tflite")
        except ModelFileError:
            n_refused += 1
        except ReachedRuntimeError:
            n_passed += 1
    assert n_refused > 50 and n_passed


def test_not_ours(tmp_path, whole):
    def without(name: str) -> Callable[[dict], None]:
        return lambda m: m["metadata"].remove(next(entry for entry in m["metadata"] if entry["name"] == name))

    for name in (METADATA_KEY, CHECKSUM_KEY):
        assert "no model of this toolkit" in refused(tmp_path, rewritten(whole, without(name)))
    bare = TfliteBuilder()
    bare.output(bare.unary(Op.TANH, bare.input("x", (1, 2))), "y")
    assert "no model of this toolkit" in refused(tmp_path, bare.model("bare", {}))


def spec_text(whole: bytes, text: bytes) -> bytes:
    def change(model: dict) -> None:
        entry = next(entry for entry in model["metadata"] if entry["name"] == METADATA_KEY)
        model["buffers"][entry["buffer"]]["data"] = text

    return rewritten(whole, change)


def test_spec_that_is_none(tmp_path, whole):
    assert "not JSON" in refused(tmp_path, spec_text(whole, b"{"))
    assert "not UTF-8" in refused(tmp_path, spec_text(whole, b"\xff\xfe"))
    newer = SPEC.to_json().replace('"format": 1', '"format": 2').encode()
    assert "update the toolkit" in refused(tmp_path, spec_text(whole, newer))


def test_spec_of_another_model(tmp_path, whole):
    def with_spec(**changes: object) -> str:
        spec = parse_tflite(whole, "").spec
        return refused(tmp_path, spec_text(whole, tiny_spec(**{"states": spec.states, **changes}).to_json().encode()))

    assert "has the inputs 'features, before'; its spec says features" in with_spec(states=())
    assert "before has the shape" in with_spec(states=(StateSpec("before", (10, 3)),))
    assert "before has the shape" in with_spec(states=(StateSpec("before", (2, 4, 5)),))
    assert "scores has the shape (1, 1, 1)" in with_spec(keywords=("loud", "louder"))
    assert "features has the shape" in with_spec(step_frames=8)
    assert "its spec says samples" in with_spec(input="samples")
    many = tuple(StateSpec(f"s{i}", (4_000_000,)) for i in range(50))
    assert "the states have" in with_spec(states=many)


def test_other_variants_say_what_they_are(tmp_path):
    write_tflite_internal(SPEC, tiny_graph(), tmp_path / "internal.tflite")
    assert "keeps its states to itself" in refused(tmp_path, (tmp_path / "internal.tflite").read_bytes())
    write_tflite_sequence(SPEC, tiny_graph(), tmp_path / "sequence.tflite", 5)
    assert "takes sequences" in refused(tmp_path, (tmp_path / "sequence.tflite").read_bytes())


def tensor(model: dict, name: str) -> dict:
    return next(row for row in model["subgraphs"][0]["tensors"] if row.get("name") == name)


def operator(model: dict, op: Op) -> dict:
    codes = [code["builtin_code"] for code in model["operator_codes"]]
    return next(row for row in model["subgraphs"][0]["operators"] if codes[row["opcode_index"]] == op)


def options(model: dict, op: Op) -> dict:
    return operator(model, op)["builtin_options"]


def set_items(row: dict, **values: object) -> None:
    row.update(values)


HOSTILE: dict[str, tuple[Callable[[dict], object], str]] = {
    "weights larger than their bytes": (
        lambda m: set_items(tensor(m, "raised_weight"), shape=[1, 1 << 20]),
        "claims 4194304 bytes",
    ),
    "a shape without end": (
        lambda m: set_items(tensor(m, "features"), shape=[1, 2**31 - 1, 10]),
        "has the shape",
    ),
    "a dynamic axis": (lambda m: set_items(tensor(m, "features"), shape=[-1, 4, 10]), "has the shape"),
    "no axis": (lambda m: set_items(tensor(m, "features"), shape=[]), "has the shape"),
    "text for numbers": (lambda m: set_items(tensor(m, "features"), type=5), "has the type 5"),
    "a buffer that is not there": (lambda m: set_items(tensor(m, "features"), buffer=999), "buffer that is not there"),
    "a result with a buffer": (lambda m: set_items(tensor(m, "scores"), buffer=1), "claims 4 bytes"),
    "int8 without a scale": (lambda m: set_items(tensor(m, "features"), type=9), "without a scale"),
    "a scale of zero": (
        lambda m: set_items(tensor(m, "raised_bias"), quantization={"scale": [0.0], "zero_point": [0]}),
        "quantisation",
    ),
    "an operation that runs code": (
        lambda m: set_items(m["operator_codes"][0], builtin_code=32, deprecated_builtin_code=32),
        "uses the operation 32",
    ),
    "two codes for one operation": (
        lambda m: set_items(m["operator_codes"][0], deprecated_builtin_code=99),
        "is not accepted",
    ),
    "a version of tomorrow": (lambda m: set_items(m["operator_codes"][0], version=99), "version 99"),
    "an operation out of the list": (
        lambda m: set_items(m["subgraphs"][0]["operators"][0], opcode_index=77),
        "not in its list",
    ),
    "a tensor out of the list": (
        lambda m: set_items(m["subgraphs"][0]["operators"][0], inputs=[0, 4096]),
        "tensor that is not there",
    ),
    "a missing optional input": (
        lambda m: set_items(operator(m, Op.FULLY_CONNECTED), inputs=[0, -1, 1]),
        "tensor that is not there",
    ),
    "a circle": (lambda m: m["subgraphs"][0]["operators"].reverse(), "impossible order"),
    "a result that is also the input": (
        lambda m: set_items(operator(m, Op.LOGISTIC), outputs=m["subgraphs"][0]["inputs"][:1]),
        "impossible order",
    ),
    "no options": (lambda m: operator(m, Op.CONCATENATION).pop("builtin_options"), "options of another operation"),
    "an axis that is not there": (lambda m: set_items(options(m, Op.CONCATENATION), axis=7), "axis"),
    "an activation of tomorrow": (
        lambda m: set_items(options(m, Op.FULLY_CONNECTED), fused_activation_function=5),
        "activation",
    ),
    "a slice out of reach": (
        lambda m: set_items(options(m, Op.STRIDED_SLICE), begin_mask=1),
        "STRIDED_SLICE is not accepted",
    ),
    "two graphs": (lambda m: m["subgraphs"].append(copy.deepcopy(m["subgraphs"][0])), "2 subgraphs"),
    "no graph": (lambda m: set_items(m, subgraphs=[]), "no TFLite model"),
    "another version": (lambda m: set_items(m, version=4), "version 3"),
    "a signature of other tensors": (
        lambda m: set_items(m["signature_defs"][0]["inputs"][0], tensor_index=3),
        "signature",
    ),
    "no signature": (lambda m: set_items(m, signature_defs=[]), "0 signatures"),
    "an output that nothing computes": (
        lambda m: set_items(m["subgraphs"][0], outputs=m["subgraphs"][0]["inputs"]),
        "output that nothing computes",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_tables_with_a_right_checksum(tmp_path, whole, name):
    change, message = HOSTILE[name]
    assert message in refused(tmp_path, rewritten(whole, change))


def hostile_step(tmp_path, make: Callable[[TfliteBuilder], object]) -> str:
    """Return what is said of a model whose operations `make` adds."""
    builder = TfliteBuilder()
    make(builder)
    data = builder.model("x", {METADATA_KEY: SPEC.to_json().encode(), CHECKSUM_KEY: bytes(4)})
    return refused(tmp_path, with_checksum(data))


def test_strides_of_zero(tmp_path):
    def make(builder: TfliteBuilder) -> None:
        x = builder.input("features", (1, 4, 1, 1))
        weight, bias = builder.constant("w", np.ones((1, 1, 1, 1))), builder.constant("b", np.ones(1))
        sizes = dict(padding=1, stride_h=0, stride_w=0, dilation_h_factor=1, fused_activation_function=0)
        builder.output(builder.op(Op.CONV_2D, [x, weight, bias], (1, 4, 1, 1), **sizes), "scores")

    assert "strides or dilations that do not fit" in hostile_step(tmp_path, make)


def test_more_work_than_a_step_may_take(tmp_path):
    def make(builder: TfliteBuilder) -> None:
        x = builder.input("features", (1, 1000, 1000, 4))
        weight, bias = builder.constant("w", np.ones((1, 20, 20, 4))), builder.constant("b", np.ones(1))
        builder.output(builder.conv_2d(x, weight, bias), "scores")

    assert "multiplications a step" in hostile_step(tmp_path, make)


def test_more_memory_than_a_step_may_take(tmp_path):
    def make(builder: TfliteBuilder) -> None:
        x = builder.input("features", (1, 4_000_000))
        for _ in range(3):
            x = builder.unary(Op.LOGISTIC, x)
        builder.output(x, "scores")

    assert "values a step" in hostile_step(tmp_path, make)


def test_weights_that_are_computed(tmp_path):
    def make(builder: TfliteBuilder) -> None:
        x, weight = builder.input("features", (1, 4)), builder.input("w", (2, 4))
        bias = builder.constant("b", np.ones(2))
        builder.output(builder.fully_connected(x, weight, bias), "scores")

    assert "weight or bias that does not fit" in hostile_step(tmp_path, make)


def test_shapes_that_are_computed(tmp_path):
    def make(builder: TfliteBuilder) -> None:
        x, shape = builder.input("features", (1, 4)), builder.input("s", (2,), Form(DType.INT32))
        builder.output(builder.op(Op.RESHAPE, [x, shape], (4, 1)), "scores")

    assert "no list of whole numbers" in hostile_step(tmp_path, make)


def test_fft_of_a_length_that_runtimes_have_not(tmp_path):
    def make(builder: TfliteBuilder) -> None:
        real, _ = builder.real_fft(builder.input("features", (1, 1, 12)))
        builder.output(real, "scores")

    assert "RFFT2D is not accepted" in hostile_step(tmp_path, make)


def test_per_channel_scales_of_a_product(tmp_path):
    # tflite-runtime 2.14 loads them and computes nonsense.
    from export.tflite.builder import Quantisation, per_tensor

    def make(builder: TfliteBuilder) -> None:
        x = builder.input("features", (1, 4), per_tensor(0.1))
        weight = builder.constant("w", np.ones((2, 4)), Form(DType.INT8, Quantisation((0.1, 0.2))))
        bias = builder.constant("b", np.ones(2), Form(DType.INT32, Quantisation((0.01, 0.02))))
        builder.output(builder.fully_connected(x, weight, bias), "scores")

    assert "FULLY_CONNECTED has a weight that does not fit" in hostile_step(tmp_path, make)


def test_tables_that_share_their_parts_without_end(tmp_path, whole):
    # Few bytes that would be read as a hundred thousand tables.
    data = bytearray(whole)
    model = read_flatbuffer(whole)
    assert len(model["buffers"]) < 100
    table = struct.pack("<HHi", 4, 4, 4)  # an empty table and its list of fields
    n_entries = MAX_TABLES + 10
    head = struct.pack("<I4s", 20, b"TFL3") + struct.pack("<HHHHHH", 12, 8, 0, 0, 4, 0)
    body = struct.pack("<iI", 12, 4) + struct.pack("<I", n_entries)
    offsets = b"".join(struct.pack("<I", 4 * (n_entries - i) + 4) for i in range(n_entries))
    assert "tables" in refused(tmp_path, head + body + offsets + table) and data


def test_layers_of_every_kind_are_accepted(monkeypatch, tmp_path):
    # The checks are not so strict that they refuse what is written.
    monkeypatch.undo()
    rng = np.random.default_rng(0)

    def random(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    operations = (
        Conv1d("features", "a", random(6, 10, 5), random(6), 4, 1, 1, "c"),
        Gru("a", "b", random(9, 6), random(9, 3), random(9), random(9), "h"),
        Dense("b", "logit", random(1, 3), random(1)),
    )
    graph = Graph((*operations, *tiny_graph().operations[1:]), "features", "score", 10, 1, 4)
    from dataclasses import replace

    graph = replace(graph, operations=(*operations, replace(tiny_graph().operations[1], source="logit")))
    (tmp_path / "m.tflite").write_bytes(to_tflite(SPEC, graph, FloatNumerics()))
    assert TfliteRunner(tmp_path / "m.tflite").spec.states == graph.states
