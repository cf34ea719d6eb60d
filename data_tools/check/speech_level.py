"""Active speech level, after ITU-T P.56 method B."""

from __future__ import annotations

import math

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

SILENCE_DBFS = -120.0
"""Level that is told for digital silence."""

_BLOCK_S = 0.005
_TIME_CONSTANT_S = 0.03
_HANGOVER_S = 0.2
_MARGIN_DB = 15.9


def active_speech_level(samples: FloatArray) -> float:
    """Return the level of a clip over the time in which there is speech, pauses left out.

    The envelope is taken over blocks of 5 ms instead of single samples.

    Parameters
    ----------
    samples : array of float32, shape (N,)
        At 16 kHz.

    Returns
    -------
    float
        dB relative to a full-scale square wave, -120 for silence.

    References
    ----------
    ITU-T Recommendation P.56 (12/2011), "Objective measurement of active speech level", method B: two-stage
    envelope of 30 ms, hangover of 200 ms, margin of 15.9 dB.
    """
    energy = float(np.dot(samples.astype(np.float64), samples))
    envelope = _envelope(samples)
    if energy <= 0.0 or not len(envelope) or envelope.max() <= 0.0:
        return SILENCE_DBFS
    mean_power = energy / len(samples)
    # Thresholds in steps of 3 dB from the loudest envelope down: the last before which the level is within the margin.
    before: tuple[float, float] | None = None
    for threshold in envelope.max() * 2.0 ** (-0.5 * np.arange(1, 40)):
        share = _active_share(envelope >= threshold)
        level_db = 10.0 * math.log10(mean_power / share)
        distance_db = level_db - 20.0 * math.log10(threshold)
        if distance_db >= _MARGIN_DB:
            return max(SILENCE_DBFS, _between(before, (distance_db, level_db)))
        before = distance_db, level_db
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_power))


def _between(before: tuple[float, float] | None, after: tuple[float, float]) -> float:
    if before is None or after[0] <= before[0]:
        return after[1]
    part = (_MARGIN_DB - before[0]) / (after[0] - before[0])
    return before[1] + part * (after[1] - before[1])


def _envelope(samples: FloatArray) -> np.ndarray:
    block = int(_BLOCK_S * SAMPLE_RATE_HZ)
    n_blocks = len(samples) // block
    means = np.abs(samples[: n_blocks * block]).reshape(n_blocks, block).mean(axis=1, dtype=np.float64)
    if not n_blocks:
        return means
    # Two exponential averages one after the other, as one kernel: (1 - g)^2 (n + 1) g^n.
    g = math.exp(-_BLOCK_S / _TIME_CONSTANT_S)
    lag = np.arange(120)
    return np.convolve(means, (1.0 - g) ** 2 * (lag + 1) * g**lag)[:n_blocks]


def _active_share(above: np.ndarray) -> float:
    hangover = round(_HANGOVER_S / _BLOCK_S)
    counts = np.concatenate([[0], np.cumsum(above)])
    index = np.arange(len(above))
    # Active if the envelope was above at this block or any of those before it within the hangover.
    active = counts[index + 1] - counts[np.maximum(0, index - hangover)] > 0
    return max(float(active.mean()), 1.0 / len(above))
