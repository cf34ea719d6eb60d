"""What quantisation costs: each tensor's range and error, and what the quantised detector misses at the same rate."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from export.quantize import quantize_weight
from kws.errors import ConfigError
from kws.evaluate.compare import Comparison, at_equal_false_accepts, compare
from kws.evaluate.evaluation import evaluate
from kws.evaluate.results import Trial
from kws.evaluate.subject import Subject
from kws.graph import Array, Graph, Ranges, observe_tracks

MAX_LOSS_POINTS = 0.5
"""Accepted rise of the share of missed words at the same rate of false accepts, in percentage points."""

BUDGETS = (0, 1, 2, 4)
"""False accepts at which both forms are compared: at few hours, any single threshold is decided by one of them."""

_RESAMPLES = 1000


@dataclass(frozen=True)
class TensorRow:
    """One array of weights, value or state.

    Parameters
    ----------
    name, kind : str
        ``kind`` is weight, value or state.
    low, high : float
        Range: of the weights, or on the calibration audio.
    step : float
        Distance of two neighbouring integers; of weights with a scale an output, the largest.
    sqnr_db : float
        Power of the tensor over that of its rounding to 8 bits, in dB; infinite where nothing is lost. Below about
        20 dB a tensor is worth a look: a single outlier has stretched its range.
    """

    name: str
    kind: str
    low: float
    high: float
    step: float
    sqnr_db: float


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """Both forms at one operating point.

    Parameters
    ----------
    budget : int, optional
        False accepts that each may have in all hours without the word; without it, both are at the threshold that the
        model was trained to.
    comparison : Comparison
        A is the float form, B the quantised one.
    """

    budget: int | None
    comparison: Comparison

    @property
    def loss_points(self) -> float:
        """How much more of all words the quantised form misses, in percentage points."""
        everything = self.comparison.misses[-1]
        return 100.0 * (everything.n_missed_b - everything.n_missed_a) / everything.n_words

    def lines(self) -> Iterator[str]:
        """Yield what both miss, in counts, and how sure the difference is."""
        found, budget = self.comparison, self.budget
        where = "the model's own threshold" if budget is None else f"at most {budget} false accepts"
        yield f"{found.a.keyword}, {where}: {self.loss_points:+.2f} points; {found.misses[-1].sentence(*found.names)}"
        accepts = found.false_accepts
        for subject, n_only, missed in (
            (found.a, accepts.n_only_a, [(m.condition, m.n_missed_a, m.n_words) for m in found.misses]),
            (found.b, accepts.n_only_b, [(m.condition, m.n_missed_b, m.n_words) for m in found.misses]),
        ):
            words = ", ".join(f"{condition} {n}/{total}" for condition, n, total in missed)
            made = f"{accepts.n_both + n_only} false accepts in {accepts.hours:.2f} h"
            yield f"  {subject.name:12s} missed {words}; {made}; threshold {subject.decision.threshold:.4f}"


@dataclass(frozen=True, eq=False)
class QuantisationReport:
    """Tensors, and the detector at several operating points."""

    tensors: tuple[TensorRow, ...]
    points: tuple[OperatingPoint, ...]

    @property
    def loss_points(self) -> float:
        """Mean loss over the numbers of false accepts that were looked at, in percentage points of all words."""
        return mean_loss_points(self.points)

    @property
    def is_within_bound(self) -> bool:
        """Whether the loss is at most :data:`MAX_LOSS_POINTS`."""
        return self.loss_points <= MAX_LOSS_POINTS

    def lines(self) -> Iterator[str]:
        """Yield the report as text, the detector first."""
        for point in self.points:
            yield from point.lines()
        verdict = "within" if self.is_within_bound else "above"
        yield f"loss {self.loss_points:+.2f} points of all words, {verdict} the bound of {MAX_LOSS_POINTS} points"
        yield ""
        yield from tensor_lines(self.tensors)


def quantisation_report(
    float_model: str | os.PathLike[str],
    quantised_model: str | os.PathLike[str],
    trials: Sequence[Trial],
    graph: Graph,
    ranges: Ranges,
    tracks: Sequence[Array],
    per_output: bool = True,
) -> QuantisationReport:
    """Compare a quantised model file with the float one, by what both do on the same trials, and list its tensors.

    Parameters
    ----------
    float_model, quantised_model : path
        Files that a runner opens (:func:`kws.runtime.open_runner`).
    trials : sequence of Trial
        With words, and hours without them (:func:`kws.evaluate.trials.make_trials`).
    graph : Graph
        Of the network in float.
    ranges : Ranges
        What :func:`kws.graph.calibrate` found.
    tracks : sequence of array, each (T, F)
        Features on which the error of each tensor is measured.
    per_output : bool
        Whether the weights have a scale an output, as in ONNX, or one in all, as in TFLite.

    Raises
    ------
    ConfigError
        If the trials have no word or no hour without it, or the ranges are another graph's.
    ModelFileError
        If a file cannot be opened.
    """
    points: list[OperatingPoint] = []
    for reference, quantised in zip(evaluate(float_model, trials), evaluate(quantised_model, trials), strict=True):
        points += compare_forms(reference.subject, quantised.subject)
    return QuantisationReport(tuple(tensor_rows(graph, ranges, tracks, per_output)), tuple(points))


def compare_forms(reference: Subject, quantised: Subject) -> Iterator[OperatingPoint]:
    """Compare two forms of a model for one keyword at its own threshold, then at each number of :data:`BUDGETS`.

    Raises
    ------
    ConfigError
        If there is no word, or no recording without it.
    """
    if not reference.positives or not reference.negatives:
        missing = "of the word" if reference.negatives else "without the word"
        raise ConfigError(f"forms of {reference.keyword!r} cannot be compared: the trials have no recording {missing}")
    hours = sum(len(item.scores) for item in reference.negatives) * reference.step_s / 3600.0
    yield OperatingPoint(None, _compare(reference, quantised))
    for budget in BUDGETS:
        yield OperatingPoint(budget, _compare(*at_equal_false_accepts(reference, quantised, budget / hours)))


def mean_loss_points(points: Sequence[OperatingPoint]) -> float:
    """Return the mean loss over all keywords and numbers of false accepts, in percentage points."""
    return float(np.mean([point.loss_points for point in points if point.budget is not None]))


def _compare(reference: Subject, quantised: Subject) -> Comparison:
    return compare(reference, quantised, np.random.default_rng(0), _RESAMPLES)


def tensor_lines(rows: Sequence[TensorRow]) -> Iterator[str]:
    """Yield a table of tensors."""
    yield f"{'tensor':24s} {'kind':6s} {'least':>10s} {'greatest':>10s} {'step':>10s} {'SQNR dB':>8s}"
    for row in rows:
        numbers = f"{row.low:10.4g} {row.high:10.4g} {row.step:10.3g} {row.sqnr_db:8.1f}"
        yield f"{row.name:24s} {row.kind:6s} {numbers}"


def tensor_rows(graph: Graph, ranges: Ranges, tracks: Sequence[Array], per_output: bool = True) -> Iterator[TensorRow]:
    """Yield a row for each array of weights, then for each value and state, in the order they are computed."""
    for operation in graph.operations:
        for name in ("weight", "weight_input", "weight_hidden"):
            values = getattr(operation, name, None)
            if values is not None:
                yield _weight_row(f"{operation.target}.{name}", values, per_output)
    noise = _RoundingNoise(ranges)
    observe_tracks(graph, tracks, noise.observe)
    states = {state.name for state in graph.states}
    for name, power in noise.power.items():
        low, high = ranges[name]
        kind = "state" if name in states else "value"
        yield TensorRow(name, kind, low, high, _step(low, high), _decibel(power, noise.error[name]))


@dataclass
class _RoundingNoise:
    """Power of each value, and of the error that 8 bits over its range leave."""

    ranges: Ranges
    power: dict[str, float] = field(default_factory=dict)
    error: dict[str, float] = field(default_factory=dict)

    def observe(self, name: str, value: Array) -> None:
        low, high = self.ranges[name]
        step = _step(low, high)
        # The zero of the integers is exact.
        least = np.rint(min(low, 0.0) / step)
        rounded = np.clip(np.rint(value / step), least, least + 255) * step
        self.power[name] = self.power.get(name, 0.0) + float(np.square(value, dtype=np.float64).sum())
        self.error[name] = self.error.get(name, 0.0) + float(np.square(value - rounded, dtype=np.float64).sum())


def _weight_row(name: str, values: Array, per_output: bool) -> TensorRow:
    integers, scale = quantize_weight(values, 0 if per_output else None)
    error = float(np.square(values - integers * scale, dtype=np.float64).sum())
    power = float(np.square(values, dtype=np.float64).sum())
    return TensorRow(
        name, "weight", float(values.min()), float(values.max()), float(scale.max()), _decibel(power, error)
    )


def _step(low: float, high: float) -> float:
    # A range that is one point, such as a value that is always zero, has no steps; any will do.
    return (max(high, 0.0) - min(low, 0.0)) / 255.0 or 1.0


def _decibel(power: float, error: float) -> float:
    if error == 0.0:
        return float("inf")
    return float(10.0 * np.log10(power / error)) if power > 0.0 else float("-inf")
