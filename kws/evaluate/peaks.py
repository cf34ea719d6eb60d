"""Peaks of scores as they come: each the highest of its surroundings."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

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


@dataclass
class _Stretch:
    """Steps that belong to one peak, as far as they have come; `last_step` reached the floor."""

    peak: Peak
    last_step: int
    has_fired: bool


class PeakPicker:
    """Finds peaks in scores that come in pieces of any size.

    A score from the floor up begins a stretch, and the highest of it is its peak. The stretch is over `apart_s` after
    its peak, so that the audio around peaks does not overlap; `join_s` after the last score that reached the floor; or
    where the detector fires again in it. What comes then begins the next.

    Parameters
    ----------
    floor : float
        Least score of a peak, 0 to 1.
    step_s : float
        Time from one score to the next.
    columns : tuple of int
        Which keywords are looked at.
    apart_s : float
        By default what a clip around a peak holds.
    join_s : float
        By default there is no such end.
    """

    def __init__(
        self,
        floor: float,
        step_s: float,
        columns: tuple[int, ...],
        apart_s: float = BEFORE_S + AFTER_S,
        join_s: float = math.inf,
    ) -> None:
        self._floor = floor
        self._apart_steps, self._join_steps = _steps(apart_s, step_s), _steps(join_s, step_s)
        self._columns = columns
        self.reset()

    def reset(self) -> None:
        """Begin anew at step 0."""
        self._n_steps = 0
        self._open: dict[int, _Stretch] = {}

    @property
    def first_open_step(self) -> int:
        """Step of the earliest peak that may still be told; the next step where there is none."""
        return min((stretch.peak.step for stretch in self._open.values()), default=self._n_steps)

    def update(
        self, scores: npt.NDArray[np.floating[Any]], fired: Mapping[int, Collection[int]] | None = None
    ) -> list[Peak]:
        """Take the next scores and return the peaks that are over, in the order of their steps.

        Parameters
        ----------
        scores : array of float, shape (T, K)
        fired : mapping of int to collection of int, optional
            For a column, the steps at which the detector fires; they count from the first score of all.
        """
        events = fired or {}
        found = [p for column in self._columns for p in self._update(column, scores[:, column], events.get(column, ()))]
        self._n_steps += len(scores)
        return sorted(found, key=_by_step)

    def flush(self) -> list[Peak]:
        """Return the peaks that are left at the end."""
        left = sorted((stretch.peak for stretch in self._open.values()), key=_by_step)
        self._open.clear()
        return left

    def _update(self, column: int, scores: npt.NDArray[np.floating[Any]], fired: Collection[int]) -> list[Peak]:
        found = []
        stretch = self._open.pop(column, None)
        # Few steps reach the floor: only these are looked at one by one.
        for index in np.flatnonzero(scores >= self._floor).tolist():
            step, score, fires = self._n_steps + index, float(scores[index]), self._n_steps + index in fired
            if stretch is not None and (self._is_over(stretch, step - 1) or (fires and stretch.has_fired)):
                found.append(stretch.peak)
                stretch = None
            if stretch is None:
                stretch = _Stretch(Peak(column, step, score), step, fires)
                continue
            stretch.last_step, stretch.has_fired = step, stretch.has_fired or fires
            if score > stretch.peak.score:
                stretch.peak = Peak(column, step, score)
        if stretch is not None and self._is_over(stretch, self._n_steps + len(scores) - 1):
            found.append(stretch.peak)
        elif stretch is not None:
            self._open[column] = stretch
        return found

    def _is_over(self, stretch: _Stretch, heard_step: int) -> bool:
        """Return whether no step after `heard_step` can belong to a stretch."""
        since_peak, since_last = heard_step - stretch.peak.step, heard_step - stretch.last_step
        return since_peak >= self._apart_steps or since_last >= self._join_steps


def _by_step(peak: Peak) -> tuple[int, int]:
    return peak.step, peak.column


def _steps(duration_s: float, step_s: float) -> float:
    return duration_s if math.isinf(duration_s) else max(1, round(duration_s / step_s))
