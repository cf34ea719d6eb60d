"""Peaks of scores as they come: each the highest of its surroundings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kws.audio import FloatArray

BEFORE_S, AFTER_S = 1.6, 0.4
"""What a model takes for a word has been said before its score peaks: the stretch around a peak that holds it."""


@dataclass(frozen=True)
class Peak:
    """The highest score of a stretch.

    Parameters
    ----------
    column : int
        Of the scores: which keyword.
    step : int
        From 0.
    score : float
    """

    column: int
    step: int
    score: float

    def end_s(self, step_s: float) -> float:
        """Return the time of the last sample that the score heard."""
        return (self.step + 1) * step_s


class PeakPicker:
    """Finds peaks whose stretches do not overlap, in scores that come in pieces of any size.

    A score from the floor up begins a peak; a higher one within `BEFORE_S` + `AFTER_S` takes its place; after that time
    without one the peak is told, and the next may begin.

    Parameters
    ----------
    floor : float
        Least score of a peak, 0 to 1.
    step_s : float
        Time from one score to the next.
    columns : tuple of int
        Which keywords are looked at.
    """

    def __init__(self, floor: float, step_s: float, columns: tuple[int, ...]) -> None:
        self._floor = floor
        self._reach = round((BEFORE_S + AFTER_S) / step_s)
        self._columns = columns
        self.reset()

    def reset(self) -> None:
        """Begin anew at step 0."""
        self._n_steps = 0
        self._open: dict[int, Peak] = {}

    @property
    def first_open_step(self) -> int:
        """Step of the earliest peak that may still be told; the next step where there is none."""
        return min((peak.step for peak in self._open.values()), default=self._n_steps)

    def update(self, scores: FloatArray) -> list[Peak]:
        """Take the next scores ``(T, K)`` and return the peaks that are over, in the order of their steps."""
        found = [peak for column in self._columns for peak in self._update(column, scores[:, column])]
        self._n_steps += len(scores)
        return sorted(found, key=lambda peak: (peak.step, peak.column))

    def flush(self) -> list[Peak]:
        """Return the peaks that are left at the end."""
        left = sorted(self._open.values(), key=lambda peak: (peak.step, peak.column))
        self._open.clear()
        return left

    def _update(self, column: int, scores: FloatArray) -> list[Peak]:
        found = []
        peak = self._open.pop(column, None)
        # Few steps reach the floor: only these are looked at one by one.
        for index in np.flatnonzero(scores >= self._floor).tolist():
            step, score = self._n_steps + index, float(scores[index])
            if peak is not None and step - peak.step > self._reach:
                found.append(peak)
                peak = None
            if peak is None or score > peak.score:
                peak = Peak(column, step, score)
        if peak is not None and self._n_steps + len(scores) - 1 - peak.step >= self._reach:
            found.append(peak)
        elif peak is not None:
            self._open[column] = peak
        return found
