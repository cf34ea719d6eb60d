"""Inputs for the tiny model of :mod:`tests.tiny_model`, and its scores of them by hand."""

from __future__ import annotations

import numpy as np

from tests.tiny_model import LOUDNESS, N_BANDS, STEP_FRAMES


def features(n_steps: int, n_channels: int = 1) -> np.ndarray:
    """Return random features ``(C, T, F)`` of so many steps."""
    rng = np.random.default_rng(1)
    return rng.uniform(0, 16, (n_channels, STEP_FRAMES * n_steps, N_BANDS)).astype(np.float32)


def expected(inputs: np.ndarray) -> np.ndarray:
    """Return the scores ``(C, T', 1)`` of features, heard after silence."""
    means = inputs.reshape(len(inputs), -1, STEP_FRAMES * N_BANDS).mean(axis=2)
    earlier = np.concatenate([np.zeros((len(inputs), 1)), means[:, :-1]], axis=1)
    return (1 / (1 + np.exp(-((means + earlier) / 2 - LOUDNESS))))[:, :, None]
