"""The rule of `Decider` over many thresholds and score tracks, fast enough for hours of scores.

What does not depend on the threshold (the average, and the least average of the last ``patience_steps``) is
computed once a track. For each threshold the events are then found by jumping from one to the next, so that
the Python loop runs once an event and not once a step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.config import DecisionConfig
from kws.decision.policy import refractory_steps, smooth

IntArray = npt.NDArray[np.int64]


def sweep(
    tracks: Sequence[npt.ArrayLike], config: DecisionConfig, thresholds: Sequence[float], step_s: float
) -> list[list[IntArray]]:
    """Find the events of every track at every threshold.

    Parameters
    ----------
    tracks : sequence of arrays, shape (T,) each
        Raw scores of one keyword; each track starts from reset.
    config : DecisionConfig
        The rule; its own threshold is not used.
    thresholds : sequence of float
        Each 0 to 1.
    step_s : float
        Time from one score to the next in seconds.

    Returns
    -------
    list (one a threshold) of lists (one a track) of int arrays
        Steps at which an event fires, the same as ``Decider(...).run(track)`` gives.

    Raises
    ------
    ConfigError
        If a threshold or `step_s` is out of range.
    """
    rules = [dataclasses.replace(config, threshold=float(threshold)) for threshold in thresholds]
    wait = refractory_steps(config, step_s)
    by_threshold: list[list[IntArray]] = [[] for _ in rules]
    nothing = np.zeros(0, np.int64)
    for track in tracks:
        smoothed = smooth(track, config.smoothing_steps)
        lowest = _lowest_of_last(smoothed, config.patience_steps)
        highest = lowest.max(initial=-np.inf)
        for rule, events in zip(rules, by_threshold, strict=True):
            # Most tracks are far below most thresholds.
            events.append(_events(smoothed, lowest, rule, wait) if highest >= rule.threshold else nothing)
    return by_threshold


def _lowest_of_last(smoothed: npt.NDArray[np.float64], n_steps: int) -> npt.NDArray[np.float64]:
    # "At or above the threshold n steps in a row" is the same as "the least of the last n is". Before the
    # first step nothing is above anything.
    padded = np.concatenate([np.full(n_steps - 1, -np.inf), smoothed])
    lowest = padded[: len(smoothed)].copy()
    for start in range(1, n_steps):
        np.minimum(lowest, padded[start : start + len(smoothed)], out=lowest)
    return lowest


def _events(
    smoothed: npt.NDArray[np.float64], lowest: npt.NDArray[np.float64], rule: DecisionConfig, wait_steps: int
) -> IntArray:
    due = np.flatnonzero(lowest >= rule.threshold)
    arming = np.flatnonzero(smoothed < rule.rearm_ratio * rule.threshold)
    steps: list[int] = []
    earliest = 0
    while (position := int(np.searchsorted(due, earliest))) < len(due):
        step = int(due[position])
        steps.append(step)
        rearmed = int(np.searchsorted(arming, step))
        if rearmed == len(arming):
            break
        # At the arming step itself the average is below the threshold, so nothing can fire there.
        earliest = max(int(arming[rearmed]), step + wait_steps)
    return np.array(steps, dtype=np.int64)
