"""Levels: signal-to-noise ratio over the active part, and full scale kept by scaling.

Nothing here limits a sample: what would pass full scale is brought back by scaling the whole stream.
"""

from __future__ import annotations

import math

import numpy as np

from kws.activity import active_region
from kws.audio import PCM16_SCALE, FloatArray

FULL_SCALE = (PCM16_SCALE - 1.0) / PCM16_SCALE
"""The largest absolute value that int16 can hold on both sides."""


def rms(samples: FloatArray) -> float:
    """Return the root mean square of samples, 0.0 for none."""
    return math.sqrt(float(np.dot(samples, samples)) / len(samples)) if len(samples) else 0.0


def db_to_gain(level_db: float) -> float:
    """Return the amplitude factor of a level in decibels."""
    return float(10.0 ** (level_db / 20.0))


def gain_for_snr(signal_rms: float, noise_rms: float, snr_db: float) -> float:
    """Return the factor that brings a signal to a signal-to-noise ratio.

    Parameters
    ----------
    signal_rms, noise_rms : float
        Root mean squares; the signal's over its active part, so that its pauses do not count.
    snr_db : float
        Wanted ratio in decibels.

    Returns
    -------
    float
        The factor, or 1.0 where either is silent and no ratio exists.
    """
    if signal_rms <= 0.0 or noise_rms <= 0.0:
        return 1.0
    return noise_rms * db_to_gain(snr_db) / signal_rms


def mix_at_snr(background: FloatArray, clip: FloatArray, start: int, snr_db: float) -> FloatArray:
    """Add a clip to a background at a signal-to-noise ratio.

    The ratio is that of the clip's active part to the background under that part.

    Parameters
    ----------
    background : array of float32, shape (N,)
        It is left as it is.
    clip : array of float32, shape (M,)
        The clip; ``start + M <= N``.
    start : int
        Sample of the background where the clip begins.
    snr_db : float
        Ratio in decibels.

    Returns
    -------
    array of float32, shape (N,)
        The sum, scaled down as a whole if it passed full scale.
    """
    first, last = active_region(clip)
    gain = gain_for_snr(rms(clip[first:last]), rms(background[start + first : start + last]), snr_db)
    result = background.copy()
    result[start : start + len(clip)] += clip * np.float32(gain)
    return keep_full_scale(result)


def keep_full_scale(samples: FloatArray) -> FloatArray:
    """Scale a whole stream down, if it must be, so that no sample passes full scale.

    Parameters
    ----------
    samples : array of float32, shape (N,)

    Returns
    -------
    array of float32, shape (N,)
        The same array if it fits, else a scaled copy.
    """
    peak = peak_of(samples)
    return samples if peak <= FULL_SCALE else samples * np.float32(FULL_SCALE / peak * (1.0 - 1e-6))


def peak_of(samples: FloatArray) -> float:
    """Return the largest absolute sample, 0.0 for none."""
    return float(max(samples.max(), -samples.min())) if len(samples) else 0.0
