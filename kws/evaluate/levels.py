"""Active level of speech and noise: what signal-to-noise ratios are measured by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

_SMOOTHING_S = 0.03
_HANGOVER_SAMPLES = round(0.2 * SAMPLE_RATE_HZ)
_MARGIN_DB = 15.9
# Full scale down to 2^-20: well below the rounding of 16-bit audio, so that no recording is too quiet.
_THRESHOLDS = 2.0 ** -np.arange(0.0, 21.0)
# Beyond 20 time constants nothing is left of the envelope's impulse response.
_KERNEL_SAMPLES = round(20 * _SMOOTHING_S * SAMPLE_RATE_HZ)


def active_level(samples: FloatArray) -> float:
    """Return the root mean square of a sound over the time in which it is active, pauses left out.

    Parameters
    ----------
    samples : array of float32, shape (N,)

    Returns
    -------
    float
        Full scale 1.0; 0.0 for silence. Steady noise has its plain root mean square.

    References
    ----------
    ITU-T P.56 (12/2011), "Objective measurement of active speech level", method B: envelope of two exponential
    averages of 30 ms, hangover of 200 ms, margin of 15.9 dB. Without its band limits, as models hear all of it.
    """
    energy = float(np.dot(samples, samples.astype(np.float64))) if len(samples) else 0.0
    if energy <= 0.0:
        return 0.0
    held = _held(_envelope(samples))
    n_active = np.array([np.count_nonzero(held >= threshold) for threshold in _THRESHOLDS])
    reached = n_active > 0
    level_db = 10 * np.log10(energy / n_active[reached])
    distance_db = level_db - 20 * np.log10(_THRESHOLDS[reached])
    return float(10 ** (_where_margin_is_met(level_db, distance_db) / 20))


def _envelope(samples: FloatArray) -> npt.NDArray[np.float64]:
    # Two first-order averages in a row have the impulse response (1 - g)^2 (n + 1) g^n.
    g = np.exp(-1.0 / (_SMOOTHING_S * SAMPLE_RATE_HZ))
    n = np.arange(min(_KERNEL_SAMPLES, len(samples)))
    kernel = (1 - g) ** 2 * (n + 1) * g**n
    size = 1 << (len(samples) + len(kernel) - 2).bit_length()
    spectrum = np.fft.rfft(np.abs(samples), size) * np.fft.rfft(kernel, size)
    return np.fft.irfft(spectrum, size)[: len(samples)]


def _held(envelope: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the highest value of the hangover time up to each sample (van Herk's running maximum)."""
    width = _HANGOVER_SAMPLES
    n_blocks = -(-len(envelope) // width) + 1
    padded = np.zeros(n_blocks * width)
    padded[width : width + len(envelope)] = envelope
    blocks = padded.reshape(n_blocks, width)
    since_start = np.maximum.accumulate(blocks, axis=1).ravel()
    to_end = np.maximum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].ravel()
    here = np.arange(width, width + len(envelope))
    return np.maximum(since_start[here], to_end[here - width + 1])


def _where_margin_is_met(level_db: npt.NDArray[np.float64], distance_db: npt.NDArray[np.float64]) -> float:
    # From the highest threshold down: the level falls, its distance to the threshold grows up to the margin.
    above = np.flatnonzero(distance_db >= _MARGIN_DB)
    if not above.size:
        return float(level_db[-1])
    high = int(above[0])
    if high == 0:
        return float(level_db[0])
    share = (_MARGIN_DB - distance_db[high - 1]) / (distance_db[high] - distance_db[high - 1])
    return float(level_db[high - 1] + share * (level_db[high] - level_db[high - 1]))
