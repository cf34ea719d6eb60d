"""What every threshold would have given: misses against false accepts, for the DET plot and its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.evaluate.counting import Counts
from kws.evaluate.operating_point import Track, count_tracks, default_thresholds
from kws.evaluate.subject import Subject

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DetCurve:
    """Misses and false accepts of one condition, from the highest threshold to the lowest.

    Parameters
    ----------
    condition : str
    thresholds, false_reject_rates, false_accepts_per_hour : array, shape (M,)
        Rates that can be had: the least share of misses at any threshold with at most so many false accepts. At very
        low thresholds the score never falls far enough to arm again; that there are few events then is no merit.
    n_words : int
    hours : float
    """

    condition: str
    thresholds: FloatArray
    false_reject_rates: FloatArray
    false_accepts_per_hour: FloatArray
    n_words: int
    hours: float


def det_curves(subject: Subject, conditions: Sequence[str]) -> list[DetCurve]:
    """Return one curve a condition, all over the same recordings without the word; none without such."""
    thresholds = sorted({*default_thresholds(), subject.decision.threshold}, reverse=True)
    if not subject.negatives or not conditions:
        return []
    rejected = _counts(subject, [Track(item.scores) for item in subject.negatives], thresholds)
    false_accepts = np.maximum.accumulate([counts.n_false_accepts for counts in rejected])
    hours = rejected[0].hours
    curves = []
    for condition in conditions:
        chosen = [item for item in subject.positives if item.trial.condition == condition]
        found = _counts(subject, [Track(i.scores, subject.word_ends_s(i.trial)) for i in chosen], thresholds)
        missed = np.minimum.accumulate([counts.n_misses for counts in found])
        n_words = found[0].n_words
        curves.append(
            DetCurve(condition, np.array(thresholds), missed / n_words, false_accepts / hours, n_words, hours)
        )
    return curves


def _counts(subject: Subject, tracks: Sequence[Track], thresholds: Sequence[float]) -> list[Counts]:
    return count_tracks(tracks, subject.decision, thresholds, subject.step_s, subject.window)


def at_rates(curve: DetCurve, rates_per_hour: Sequence[float]) -> list[tuple[float, float, float] | None]:
    """Return for each rate the threshold that just keeps it, with its false reject rate and its false accepts an hour.

    None where no threshold keeps the rate.
    """
    found: list[tuple[float, float, float] | None] = []
    for rate in rates_per_hour:
        within = np.flatnonzero(curve.false_accepts_per_hour <= rate + 1e-9)
        if not within.size:
            found.append(None)
            continue
        last = int(within[-1])
        values = (curve.thresholds[last], curve.false_reject_rates[last], curve.false_accepts_per_hour[last])
        found.append((float(values[0]), float(values[1]), float(values[2])))
    return found
