"""The benchmark of damaged files finds what it is made to find: errors that are not clear, and hangs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import hostile_models
from benchmarks.hostile_models import MUTATIONS, judge, mutants
from kws.runtime.tflite_file import parse_tflite
from tests.tiny_model import write_tiny_model
from tests.tiny_tflite import write_tiny_tflite


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_mutations_change_a_file(mutation: hostile_models.Mutation, tmp_path: Path) -> None:
    data = write_tiny_tflite(tmp_path / "m.tflite").read_bytes()
    changed = [mutation(data, np.random.default_rng(seed)) for seed in range(10)]
    assert sum(mutant != data for mutant in changed) >= 8


def test_same_seed_same_files_and_some_checksums_are_mended(tmp_path: Path) -> None:
    data = write_tiny_tflite(tmp_path / "m.tflite").read_bytes()
    made = list(mutants(data, ".tflite", 3, 60))
    assert made == list(mutants(data, ".tflite", 3, 60))
    n_sound = 0
    for mutant in made:
        try:
            parse_tflite(mutant, "m")
        except hostile_models.KwsError:
            continue
        n_sound += mutant != data
    assert n_sound > 0


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_what_comes_of_a_file(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"m{suffix}"
    (write_tiny_model if suffix == ".onnx" else write_tiny_tflite)(path)
    assert judge(path) == "accepted"
    path.write_bytes(path.read_bytes()[:200])
    assert judge(path) == "refused"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (ValueError("x"), "foreign error ValueError: x"),
        (MemoryError(), "huge allocation"),
        (TimeoutError(), "hang"),
        (hostile_models.KwsError("two\nlines"), "unclear error"),
    ],
)
def test_what_must_not_come_of_a_file(
    error: Exception, verdict: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(path: Path) -> None:
        raise error

    monkeypatch.setattr(hostile_models, "open_runner", fail)
    assert judge(tmp_path) == verdict
