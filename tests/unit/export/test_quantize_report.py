"""The report of a quantised model: counts at the same false accepts, and errors of tensors, by hand."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from export.quantize_report import (
    QuantisationReport,
    compare_forms,
    quantisation_report,
    tensor_lines,
    tensor_rows,
)
from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.evaluate.results import NEGATIVES, ScoredTrial, Trial
from kws.evaluate.subject import Subject
from kws.graph import Dense, Graph, Ranges, calibrate
from tests.tiny_model import LOUDNESS, N_BANDS, bursts, tiny_spec, write_tiny_model

STEP_S = 0.5


def scored(name: str, peak: float, condition: str = "clean") -> ScoredTrial:
    scores = np.zeros(20, np.float32)
    scores[9] = peak  # Known at 5 s.
    word = (5.0,) if condition != NEGATIVES else ()
    return ScoredTrial(Trial(name, condition, "word" if word else "", np.zeros(1, np.float32), word), scores)


def subject(name: str, words: list[float], negatives: list[float]) -> Subject:
    items = [scored(f"w{i}", peak, "clean" if i < 2 else "noise") for i, peak in enumerate(words)]
    items += [scored(f"n{i}", peak, NEGATIVES) for i, peak in enumerate(negatives)]
    return Subject(name, "word", items, DecisionConfig(threshold=0.5, refractory_s=0.0), STEP_S)


def test_forms_are_compared_at_the_same_number_of_false_accepts() -> None:
    reference = subject("float", [0.9, 0.8, 0.7, 0.55], [0.6, 0.3])
    quantised = subject("int8", [0.9, 0.8, 0.65, 0.45], [0.7, 0.3])
    own, none, one, *_ = compare_forms(reference, quantised)
    # At 0.5: only the last word is lost.
    assert (own.budget, own.loss_points) == (None, 25.0)
    # Without a false accept: above 0.6 float misses one word, above 0.7 int8 misses two.
    assert none.loss_points == 25.0
    assert [(m.condition, m.n_missed_a, m.n_missed_b) for m in none.comparison.misses] == [
        ("clean", 0, 0),
        ("noise", 1, 2),
        ("all", 1, 2),
    ]
    # With one: above 0.3 nothing is missed by either.
    assert (one.budget, one.loss_points) == (1, 0.0)
    report = QuantisationReport((), tuple(compare_forms(reference, quantised)))
    assert report.loss_points == 25.0 / 4
    assert not report.is_within_bound
    text = "\n".join(report.lines())
    assert "word, at most 0 false accepts: +25.00 points" in text
    assert "int8         missed clean 0/2, noise 2/2, all 2/4; 0 false accepts in 0.01 h" in text
    assert "loss +6.25 points of all words, above the bound of 0.5 points" in text


@pytest.mark.parametrize(("words", "negatives", "missing"), [([], [0.1], "of the word"), ([0.9], [], "without")])
def test_what_cannot_be_compared(words: list[float], negatives: list[float], missing: str) -> None:
    one = subject("a", words, negatives)
    with pytest.raises(
        ConfigError, match=f"forms of 'word' cannot be compared: the trials have no recording {missing}"
    ):
        list(compare_forms(one, one))


GRAPH = Graph(
    (Dense("features", "out", np.array([[1.27, 0.004]], np.float32), np.zeros(1, np.float32)),),
    *("features", "out", 2, 1, 1),
)


def test_rows_of_tensors() -> None:
    ranges = Ranges({"features": (-1.0, 254.0), "out": (0.0, 0.0)})
    weight, features, out = tensor_rows(GRAPH, ranges, [np.array([[0.25, 2.0], [0.0, 0.0]], np.float32)])
    assert (weight.name, weight.kind, weight.low, weight.high) == (
        "out.weight",
        "weight",
        *map(pytest.approx, (0.004, 1.27)),
    )
    # 0.004 rounds to 0 of steps of 0.01.
    assert weight.step == pytest.approx(0.01)
    assert weight.sqnr_db == pytest.approx(20 * math.log10(math.hypot(1.27, 0.004) / 0.004), abs=1e-3)
    # A step of 1: 0.25 rounds to 0.
    assert (features.kind, features.step) == ("value", 1.0)
    assert features.sqnr_db == pytest.approx(10 * math.log10((4 + 0.0625) / 0.0625))
    assert out.step == 1.0
    lines = list(tensor_lines([weight, features]))
    assert lines[1].split() == ["out.weight", "weight", "0.004", "1.27", "0.01", "50.0"]


def test_what_lies_beyond_the_range_is_clipped() -> None:
    ranges = Ranges({"features": (0.0, 255.0), "out": (0.0, 1.0)})
    _, features, _ = tensor_rows(GRAPH, ranges, [np.array([[-3.0, 259.0]], np.float32)])
    assert features.sqnr_db == pytest.approx(10 * math.log10((9 + 259**2) / (9 + 16)))


def test_report_of_two_files(tmp_path: Path) -> None:
    spec = tiny_spec()
    float_model = write_tiny_model(tmp_path / "float.onnx", spec)
    deaf = tiny_spec(decision={"loud": dataclasses.replace(spec.decision_of("loud"), threshold=1.0)})
    quantised = write_tiny_model(tmp_path / "int8.onnx", deaf)
    samples = (bursts((1.0,), 3.0) / 32768).astype(np.float32)
    trials = [
        Trial("word", "clean", "loud", samples, (1.5,)),
        Trial("silence", NEGATIVES, "", np.zeros(16_000, np.float32)),
    ]
    graph = Graph(
        (Dense("features", "out", np.full((1, N_BANDS), 0.1, np.float32), np.full(1, -LOUDNESS, np.float32)),),
        *("features", "out", N_BANDS, 1, 1),
    )
    tracks = [np.ones((8, N_BANDS), np.float32)]
    report = quantisation_report(float_model, quantised, trials, graph, calibrate(graph, tracks), tracks)
    # At its own threshold, which no score reaches, the second file misses the word; at the same rate it does not.
    assert [point.loss_points for point in report.points] == [100.0, 0.0, 0.0, 0.0, 0.0]
    assert report.is_within_bound
    assert [row.name for row in report.tensors] == ["out.weight", "features", "out"]
