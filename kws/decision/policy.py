"""`Decider`: one keyword's scores in, events out. Pure; it counts steps and has no clock."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from kws.config import DecisionConfig, require

_MAX_STEP_S = 60.0
# A refractory time that is a whole number of steps stays so in spite of binary rounding.
_STEP_SLACK = 1e-6


class Decider:
    """The rule for one keyword on one channel.

    Raw scores go through a moving average whose window starts with zeros. An event fires at the first step at
    which the average has reached the threshold for ``patience_steps`` steps in a row, the keyword is armed and
    the refractory time has passed. Firing disarms; an average below ``rearm_ratio * threshold`` arms again.

    Parameters
    ----------
    config : DecisionConfig
    step_s : float
        Time from one score to the next in seconds; it turns ``refractory_s`` into steps.

    Raises
    ------
    ConfigError
        If `step_s` is not above zero.

    Examples
    --------
    >>> decider = Decider(DecisionConfig(threshold=0.5, smoothing_steps=2), step_s=0.04)
    >>> [decider.update(score) for score in (0.9, 0.9, 0.9)]
    [None, 0.9, None]
    """

    def __init__(self, config: DecisionConfig, step_s: float) -> None:
        self.config = config
        self.step_s = step_s
        self._refractory_steps = refractory_steps(config, step_s)
        self._rearm_below = config.rearm_ratio * config.threshold
        self.reset()

    def reset(self) -> None:
        """Forget all scores and events."""
        n = self.config.smoothing_steps
        self._window: deque[float] = deque([0.0] * n, maxlen=n)
        self._streak_steps = 0
        self._armed = True
        self._steps_to_wait = 0

    def update(self, score: float) -> float | None:
        """Take the next score.

        Parameters
        ----------
        score : float
            Probability of the keyword at this step, 0 to 1. NaN counts as below every threshold.

        Returns
        -------
        float or None
            The smoothed score if an event fires at this step.
        """
        # Only raw scores enter the window: an average fed back would never stay up for `patience_steps`.
        self._window.append(float(score))
        smoothed = self._average()
        self._steps_to_wait = max(0, self._steps_to_wait - 1)
        self._streak_steps = self._streak_steps + 1 if smoothed >= self.config.threshold else 0
        if smoothed < self._rearm_below:
            self._armed = True
        is_due = self._streak_steps >= self.config.patience_steps
        if not (is_due and self._armed and self._steps_to_wait == 0):
            return None
        self._armed = False
        self._steps_to_wait = self._refractory_steps
        return smoothed

    def run(self, scores: Iterable[float]) -> list[tuple[int, float]]:
        """Take many scores.

        Parameters
        ----------
        scores : iterable of float, T of them

        Returns
        -------
        list of (int, float)
            For each event the index of its step within `scores`, and the smoothed score.
        """
        updates = ((index, self.update(score)) for index, score in enumerate(scores))
        return [(index, fired) for index, fired in updates if fired is not None]

    def _average(self) -> float:
        # Added from the oldest to the newest, as in `smooth`, so that both round alike. Python's `sum` is not
        # used: from 3.12 on it compensates rounding errors.
        total = 0.0
        for score in self._window:
            total += score
        return total / self.config.smoothing_steps


def smooth(scores: npt.ArrayLike, n_steps: int) -> npt.NDArray[np.float64]:
    """Return the moving average that :class:`Decider` compares, for a whole track at once.

    Parameters
    ----------
    scores : array, shape (T,)
    n_steps : int
        Length of the window, which starts with zeros.

    Returns
    -------
    array of float64, shape (T,)
        Equal to the last bit to what `Decider` computes step by step.
    """
    track = np.asarray(scores, dtype=np.float64)
    padded = np.concatenate([np.zeros(n_steps - 1), track])
    total = np.zeros(len(track))
    for start in range(n_steps):
        total += padded[start : start + len(track)]
    return total / n_steps


def refractory_steps(config: DecisionConfig, step_s: float) -> int:
    """Return the least number of steps from one event to the next."""
    require("step_s", step_s, 1e-6, _MAX_STEP_S)
    return math.ceil(config.refractory_s / step_s - _STEP_SLACK)


def step_time_s(step: int, step_s: float) -> float:
    """Return the audio time in seconds at which step `step` (from 0) is known: the end of its audio."""
    return (step + 1) * step_s
