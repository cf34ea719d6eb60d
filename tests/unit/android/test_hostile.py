"""Thousands of hostile models in one small Java process: no crash, no hang, no memory, one kind of error."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from export.graph_writer import to_kws
from kws.config import FrontEndConfig
from kws.errors import ModelFileError
from kws.models import PRESETS, build_model
from kws.runtime.graph_file import parse_graph
from kws.spec import ModelSpec
from tests.graphs import every_operation, spec_of
from tests.hostile_kws import mutants
from tests.java_engine import JavaEngine

N_MUTANTS = 2500


def models() -> list[bytes]:
    """Return good files: small ones with every operation, and one of real size with int8 weights."""
    graphs = [every_operation(seed) for seed in range(2)]
    small = [to_kws(spec_of(graphs[0]), graphs[0]), to_kws(spec_of(graphs[1], compression="pcen"), graphs[1], True)]
    network = build_model(PRESETS["crnn"], 40, 1).eval()
    spec = ModelSpec("test", ("word",), FrontEndConfig(), PRESETS["crnn"], network.step_frames)
    return [*small, to_kws(spec, network.to_graph(), True)]


def opened(engine: JavaEngine, files: list[bytes], folder: Path) -> tuple[int, int, float]:
    """Return how many files were accepted and refused, and the slowest in ms."""
    with (folder / "models.bin").open("wb") as file:
        for data in files:
            file.write(struct.pack(">i", len(data)) + data)
    accepted, refused, slowest = engine.call("open", folder / "models.bin").split()
    return int(accepted), int(refused), float(slowest)


def test_mutants(engine: JavaEngine, tmp_path: Path) -> None:
    good = models()
    files = [file for seed, data in enumerate(good) for file in mutants(data, N_MUTANTS // len(good), seed)]
    accepted, refused, slowest = opened(engine, files, tmp_path)
    assert accepted + refused == len(files)
    # A changed weight is a model all the same; most others are no model any more.
    assert refused > 0.3 * len(files) and accepted > 0.02 * len(files)
    # A second of noise through each included.
    assert slowest < 20_000


def test_good_ones_are_accepted(engine: JavaEngine, tmp_path: Path) -> None:
    assert opened(engine, models(), tmp_path)[:2] == (3, 0)


def test_truncated_anywhere_and_noise(engine: JavaEngine, tmp_path: Path) -> None:
    data = models()[0]
    rng = np.random.default_rng(5)
    files = [data[:n] for n in range(0, len(data), 61)] + [data + b"\0"]
    files += [data[:8] + rng.bytes(int(rng.integers(0, 300))) for _ in range(300)]
    # A file of a few bytes that says it has 16 MiB.
    files += [data[:12] + struct.pack("<I", 16 * 1024 * 1024) + data[16:40]] * 50
    assert opened(engine, files, tmp_path)[:2] == (0, len(files))


@pytest.mark.parametrize("seed", range(3))
def test_what_python_accepts_java_accepts(engine: JavaEngine, seed: int, tmp_path: Path) -> None:
    accepted = []
    for data in mutants(models()[0], 400, 100 + seed):
        try:
            parse_graph(data)
        except ModelFileError:
            continue
        accepted.append(data)
    assert len(accepted) >= 10
    found, refused, _ = opened(engine, accepted, tmp_path)
    # Java runs a step before it accepts, as the numpy runner does after it has parsed.
    assert refused <= 0.05 * len(accepted), (found, refused)
