"""The scores that a person wants to see: those that are compared with the thresholds."""

from __future__ import annotations

import numpy as np

from kws.audio import FloatArray
from kws.spec import ModelSpec


class BestScores:
    """Smooth a model's scores as :class:`kws.decision.Decider` does, then take the highest over the channels.

    Parameters
    ----------
    spec : ModelSpec
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._n_steps = [spec.decision_of(keyword).smoothing_steps for keyword in spec.keywords]
        self._longest = max(self._n_steps)
        self._past: FloatArray = np.zeros((0, self._longest - 1, len(spec.keywords)), np.float32)

    def update(self, scores: FloatArray) -> FloatArray:
        """Take the next raw scores.

        Parameters
        ----------
        scores : array of float32, shape (C, T, K)

        Returns
        -------
        array of float32, shape (T, K)
        """
        if self._longest == 1:
            return np.asarray(scores.max(axis=0))
        n_channels, n_new, n_keywords = scores.shape
        if len(self._past) != n_channels:
            self._past = np.zeros((n_channels, self._longest - 1, n_keywords), np.float32)
        track = np.concatenate([self._past, scores], axis=1)
        self._past = track[:, n_new:]
        best = np.empty((n_new, n_keywords), np.float32)
        for keyword, n_steps in enumerate(self._n_steps):
            total = np.zeros((n_channels, n_new), np.float32)
            for start in range(self._longest - n_steps, self._longest):
                total += track[:, start : start + n_new, keyword]
            best[:, keyword] = total.max(axis=0) / n_steps
        return best
