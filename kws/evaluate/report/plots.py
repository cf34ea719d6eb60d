"""The plots of the report, as SVG within the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import NullLocator
from scipy import special

from kws.evaluate.calibration import Readings, Reliability
from kws.evaluate.counting import Counts
from kws.evaluate.curves import DetCurve
from kws.evaluate.intervals import poisson_interval, wilson_interval
from kws.evaluate.report.style import INK, MUTED, Plot, colour, line, marker, styled

_FRR_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)
_FA_TICKS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_MOST_FA_PER_HOUR = 100.0
# All conditions share their false accepts: of many crosses one bar each is enough.
_MOST_CROSSES = 4


@dataclass(frozen=True)
class Curve:
    """A DET curve to draw: its name, and what was counted at the threshold that is reported."""

    name: str
    det: DetCurve
    words: Counts
    negatives: Counts


@styled
def det_plot(name: str, curves: Sequence[Curve]) -> str:
    """Draw misses (probit axis) against false accepts an hour (log axis), with a cross at each operating point.

    What was never seen in so many words or hours has no place on such axes: it is drawn at half a word or event.

    References
    ----------
    Martin et al., "The DET curve in assessment of detection task performance", Eurospeech 1997.
    """
    plot = Plot(name, 3.6)
    axes = plot.axes
    least_fa = min(0.5 / curve.det.hours for curve in curves)
    least_frr = min(0.5 / curve.det.n_words for curve in curves)
    for i, curve in enumerate(curves):
        x = np.maximum(curve.det.false_accepts_per_hour, 0.5 / curve.det.hours)
        y = np.maximum(curve.det.false_reject_rates, 0.5 / curve.det.n_words)
        shown = x <= _MOST_FA_PER_HOUR
        axes.plot(
            x[shown], _probit(y[shown]), color=colour(i), linestyle=line(i), label=curve.name, drawstyle="steps-post"
        )
        _cross(axes, curve, i, with_rate=len(curves) <= _MOST_CROSSES)
    axes.set_xscale("log")
    _ticks(axes.xaxis, [t for t in _FA_TICKS if least_fa <= t <= _MOST_FA_PER_HOUR], lambda t: t)
    _ticks(axes.yaxis, [t for t in _FRR_TICKS if least_frr <= t], _probit, percent=True)
    axes.set_xlim(least_fa * 0.8, _MOST_FA_PER_HOUR * 1.2)
    axes.set_ylim(_probit(least_frr * 0.8), _probit(min(max(_highest(curve) for curve in curves), 0.98)))
    axes.axvspan(least_fa * 0.8, 1 / curves[0].det.hours, color=MUTED, alpha=0.12, linewidth=0)
    axes.set(xlabel="false accepts an hour (shaded: fewer than one was seen)", ylabel="words missed (%)")
    _legend(plot, len(curves))
    points = "; ".join(
        f"{c.name}: {100 * c.words.false_reject_rate:.1f} % at {c.negatives.false_accepts_per_hour:.2f} an hour"
        for c in curves
    )
    return plot.svg(f"Detection error trade-off. Operating points: {points}")


def _legend(plot: Plot, n_series: int) -> None:
    # Above the axes, where it never covers a line.
    plot.figure.legend(loc="outside upper center", ncols=3 if n_series > 4 else min(n_series, 2))


def _highest(curve: Curve) -> float:
    """Return how far up the axis must go: to the interval of the operating point, and to where the line begins."""
    quiet = curve.det.false_reject_rates[curve.det.false_accepts_per_hour == 0]
    least_quiet = float(quiet.min()) if quiet.size else 0.0
    return max(0.05, least_quiet * 1.1, wilson_interval(curve.words.n_misses, curve.words.n_words)[1] * 1.05)


def _cross(axes: Any, curve: Curve, index: int, with_rate: bool) -> None:
    floor_fa, floor_frr = 0.5 / curve.det.hours, 0.5 / curve.det.n_words
    low, high = wilson_interval(curve.words.n_misses, curve.words.n_words)
    fewest, most = poisson_interval(curve.negatives.n_false_accepts, curve.negatives.hours)
    x = max(curve.negatives.false_accepts_per_hour, floor_fa)
    y = max(curve.words.false_reject_rate, floor_frr)
    look = dict(color=colour(index), linewidth=1.0, alpha=0.8)
    axes.plot([x, x], _probit(np.array([max(low, floor_frr), min(high, 0.999)])), **look)
    if with_rate:
        axes.plot([max(fewest, floor_fa), min(most, _MOST_FA_PER_HOUR)], _probit(np.array([y, y])), **look)
    axes.plot([x], [_probit(y)], marker=marker(index), color=colour(index), markersize=6)


def _probit(share: Any) -> Any:
    return special.ndtri(np.clip(share, 1e-6, 1 - 1e-6))


def _ticks(axis: Any, values: Sequence[float], place: Any, percent: bool = False) -> None:
    axis.set_ticks([place(v) for v in values], [f"{100 * v:g}" if percent else f"{v:g}" for v in values])
    axis.set_minor_locator(NullLocator())


@styled
def rate_plot(
    name: str, rows: Sequence[str], series: Sequence[str], counts: Sequence[Sequence[Counts]], what: str
) -> str:
    """Draw a dot with its 95 % interval for each row and series.

    Parameters
    ----------
    name : str
    rows, series : sequence of str
    counts : sequence of sequences of Counts
        By row, then by series; without words nothing is drawn.
    what : str
        What the rows are.
    """
    plot = Plot(name, max(1.6, 0.75 + 0.14 * len(rows) * (len(series) + 0.8)))
    axes = plot.axes
    highest = 0.05
    for i in range(len(series)):
        drawn = [(row, line_[i]) for row, line_ in enumerate(counts) if line_[i].n_words]
        y = [row + 0.8 * ((i + 0.5) / len(series) - 0.5) for row, _ in drawn]
        rates = [c.false_reject_rate for _, c in drawn]
        ends = [wilson_interval(c.n_misses, c.n_words) for _, c in drawn]
        highest = max([highest, *(high for _, high in ends)])
        axes.hlines(y, [100 * low for low, _ in ends], [100 * high for _, high in ends], color=colour(i), linewidth=1.2)
        axes.plot([100 * r for r in rates], y, marker(i), color=colour(i), markersize=4.5, label=series[i])
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, min(100 * highest * 1.05, 101))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("words missed (%), with 95 % intervals")
    if len(series) > 1:
        _legend(plot, len(series))
    return plot.svg(f"Words missed by {what}; the figures are in the table")


@styled
def snr_plot(name: str, series: Mapping[str, Sequence[tuple[float, Counts]]]) -> str:
    """Draw misses over the level of the word above the other sound, one line a kind of sound."""
    plot = Plot(name)
    axes = plot.axes
    for i, (label, points) in enumerate(series.items()):
        ordered = sorted(points, key=lambda point: point[0])
        snr_db = [snr for snr, _ in ordered]
        rates = [100 * c.false_reject_rate for _, c in ordered]
        ends = [wilson_interval(c.n_misses, c.n_words) for _, c in ordered]
        axes.vlines(
            snr_db, [100 * low for low, _ in ends], [100 * high for _, high in ends], color=colour(i), linewidth=1
        )
        axes.plot(snr_db, rates, color=colour(i), linestyle=line(i), marker=marker(i), markersize=5, label=label)
    axes.set_xticks(sorted({snr_db for points in series.values() for snr_db, _ in points}))
    axes.set_ylim(0, None)
    axes.set(xlabel="level of the word over the other sound (dB)", ylabel="words missed (%)")
    _legend(plot, len(series))
    return plot.svg("Words missed by level of the word over the other sound; the figures are in the table")


@styled
def delay_plot(name: str, delays_s: Mapping[str, Sequence[float]]) -> str:
    """Draw how long after the word's end it was told, as a share of the hits."""
    plot = Plot(name)
    axes = plot.axes
    everything = np.concatenate([np.asarray(d) for d in delays_s.values()]) * 1000
    edges = np.arange(np.floor(everything.min() / 80) * 80, everything.max() + 81, 80)
    for i, (label, values) in enumerate(delays_s.items()):
        shares = np.full(len(values), 100 / max(len(values), 1))
        axes.hist(
            np.asarray(values) * 1000,
            edges,
            weights=shares,
            histtype="step",
            color=colour(i),
            linestyle=line(i),
            linewidth=1.6,
            label=label,
        )
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.set(xlabel="event after the word's end (ms)", ylabel="words told (%)")
    _legend(plot, len(delays_s))
    medians = ", ".join(f"{label} {1000 * np.median(v):.0f} ms" for label, v in delays_s.items() if len(v))
    return plot.svg(f"Delay of the events from the word's end. Medians: {medians}")


@styled
def reliability_plot(name: str, before: Reliability, after: Reliability | None) -> str:
    """Draw the share of stretches with the word against their score, before and after the temperature."""
    plot = Plot(name, 3.4)
    axes = plot.axes
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1)
    sides = [("as it is", before), *([("with temperature", after)] if after else [])]
    for i, (label, found) in enumerate(sides):
        x, y = [b.mean_score for b in found.bins], [b.share_of_words for b in found.bins]
        axes.plot(
            x, y, color=colour(i), linestyle=line(i), label=f"{label}: error {100 * found.calibration_error:.1f} points"
        )
        axes.scatter(x, y, [12 + 160 * b.weight for b in found.bins], color=colour(i), marker=marker(i), alpha=0.75)
    axes.set(
        xlim=(-0.03, 1.03),
        ylim=(-0.03, 1.03),
        xlabel="highest score of the stretch",
        ylabel="share that holds the word",
    )
    _legend(plot, 1)
    errors = ", ".join(f"{label} {100 * found.calibration_error:.1f} points" for label, found in sides)
    return plot.svg(f"Reliability: expected calibration error {errors}")


@styled
def score_plot(name: str, readings: Readings, threshold: float) -> str:
    """Draw the scores of stretches with the word and of those without, each as shares, and the threshold."""
    plot = Plot(name)
    axes = plot.axes
    # Before anything is drawn: a histogram of one bin would give the axis no extent.
    low = 70 / max(len(readings.scores), 1)
    axes.set_ylim(low, 130)
    axes.set_yscale("log")
    _ticks(axes.yaxis, [v for v in (0.01, 0.1, 1.0, 10.0, 100.0) if v >= low], lambda v: v)
    edges = np.linspace(0, 1, 26)
    kinds = (("with the word", readings.scores[readings.is_word]), ("without it", readings.scores[~readings.is_word]))
    for i, (label, scores) in enumerate(kinds):
        if len(scores):
            weights = np.full(len(scores), 100 / len(scores))
            axes.hist(scores, edges, weights=weights, histtype="stepfilled", color=colour(i), alpha=0.35, label=label)
            axes.hist(scores, edges, weights=weights, histtype="step", color=colour(i), linestyle=line(i))
    axes.axvline(threshold, color=INK, linewidth=1.2, linestyle="--", label=f"threshold {threshold:.3f}")
    axes.set(xlabel="highest score of the stretch", ylabel="stretches of audio (%)")
    _legend(plot, 3)
    return plot.svg("Histogram of the highest scores, of stretches of audio with the word and without it")
