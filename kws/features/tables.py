"""The tables of the front-end: window, band matrix, PCEN parameters. No other place computes them.

Every table is computed in float64, rounded once to float32, cached by its settings and read-only.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import PCEN_LIMITS, SAMPLE_RATE_HZ, FrontEndConfig

_Float64Array = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Tables:
    """What every executor of a front-end needs.

    Parameters
    ----------
    window : array of float32, shape (window_samples,)
        Periodic Hann window of unit energy: ``|rfft(window * x)|^2`` of white noise of variance v is v in
        every bin, on average.
    bands : array of float32, shape (n_fft // 2 + 1, F)
        Weight of each bin in each band; the weights of a band sum to 1, so white noise of variance v has
        energy v in every band.
    """

    window: FloatArray
    bands: FloatArray


@functools.lru_cache(maxsize=32)
def front_end_tables(config: FrontEndConfig) -> Tables:
    """Return the tables of a front-end, the same arrays for equal settings.

    Parameters
    ----------
    config : FrontEndConfig

    Returns
    -------
    Tables
        Read-only arrays.
    """
    window = hann_window(config.window_samples)
    return Tables(
        window=_frozen(window / np.sqrt(np.sum(np.square(window)))),
        bands=_frozen(band_matrix(config)),
    )


@functools.lru_cache(maxsize=32)
def pcen_tables(config: FrontEndConfig) -> dict[str, FloatArray]:
    """Return the PCEN parameters by name, each read-only float32 of shape (F,)."""
    return {
        name: _frozen(np.broadcast_to(np.asarray(getattr(config.pcen, name), dtype=np.float64), config.n_bands))
        for name in PCEN_LIMITS
    }


def hann_window(window_samples: int) -> _Float64Array:
    """Return the periodic Hann window, shape (window_samples,), peak 1."""
    return 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window_samples) / window_samples)


def band_matrix(config: FrontEndConfig) -> _Float64Array:
    """Return the weights that average spectrum bins into bands.

    Band centres and edges are equally spaced on the scale between ``f_min_hz`` and ``f_max_hz``; each band
    is a triangle from the centre of the last band to that of the next. A band narrower than the bins is
    widened to one bin to either side of its centre, so that no band is empty.

    Parameters
    ----------
    config : FrontEndConfig

    Returns
    -------
    array of float64, shape (n_fft // 2 + 1, F)
        Not negative; each band (column) sums to 1.
    """
    bin_hz = SAMPLE_RATE_HZ / config.n_fft
    frequency_hz = np.arange(config.n_fft // 2 + 1)[:, None] * bin_hz
    points_hz = band_points_hz(config)
    centre_hz = points_hz[1:-1]
    rise_hz = np.maximum(centre_hz - points_hz[:-2], bin_hz)
    fall_hz = np.maximum(points_hz[2:] - centre_hz, bin_hz)
    distance_hz = frequency_hz - centre_hz
    weights = np.maximum(0.0, 1.0 - np.where(distance_hz < 0.0, -distance_hz / rise_hz, distance_hz / fall_hz))
    return np.asarray(weights / weights.sum(axis=0))


def band_points_hz(config: FrontEndConfig) -> _Float64Array:
    """Return lower edge of the first band, the F centres, upper edge of the last: shape (F + 2,), in Hz."""
    n_points = config.n_bands + 2
    if config.scale == "linear":
        return np.linspace(config.f_min_hz, config.f_max_hz, n_points)
    return mel_to_hz(np.linspace(hz_to_mel(config.f_min_hz), hz_to_mel(config.f_max_hz), n_points))


def hz_to_mel(frequency_hz: npt.ArrayLike) -> _Float64Array:
    """Return ``2595 log10(1 + f / 700)``.

    References
    ----------
    O'Shaughnessy, "Speech Communication: Human and Machine", 1987; the formula of HTK.
    """
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency_hz, dtype=np.float64) / 700.0))


def mel_to_hz(mel: npt.ArrayLike) -> _Float64Array:
    """Return the frequency in Hz of a place on the mel scale; the inverse of :func:`hz_to_mel`."""
    return np.asarray(700.0 * (10.0 ** (np.asarray(mel, dtype=np.float64) / 2595.0) - 1.0))


def _frozen(table: _Float64Array) -> FloatArray:
    result = np.array(table, dtype=np.float32, order="C")
    result.flags.writeable = False
    return result
