"""A simple measure of pitch, for the table of how different the voices are."""

from __future__ import annotations

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

LOWEST_HZ, HIGHEST_HZ = 60.0, 420.0

_WINDOW, _HOP = 640, 320
_VOICED = 0.5
_RANGE_DB = 20.0


def median_pitch_hz(samples: FloatArray) -> float:
    """Return the median fundamental frequency of the voiced frames of a clip, 0.0 if there are none.

    A frame of 40 ms within 20 dB of the loudest is voiced when its normalised autocorrelation has a peak of 0.5
    between 60 and 420 Hz.
    """
    if len(samples) < _WINDOW:
        return 0.0
    frames = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP].astype(np.float64)
    power = np.mean(np.square(frames), axis=1)
    frames = frames[power > power.max() * 10.0 ** (-_RANGE_DB / 10.0)] if power.max() > 0.0 else frames[:0]
    spectrum = np.fft.rfft(frames - frames.mean(axis=1, keepdims=True), 2 * _WINDOW, axis=1)
    correlation = np.fft.irfft(np.square(np.abs(spectrum)), axis=1)[:, :_WINDOW]
    # The overlap shrinks with the lag.
    correlation /= np.arange(_WINDOW, 0, -1) / _WINDOW
    low, high = round(SAMPLE_RATE_HZ / HIGHEST_HZ), round(SAMPLE_RATE_HZ / LOWEST_HZ)
    share = correlation[:, low : high + 1] / np.maximum(correlation[:, :1], 1e-12)
    best = share.max(axis=1, initial=0.0)
    # The first peak that is nearly the highest: multiples of the period are as high.
    middle = share[:, 1:-1]
    is_peak = (middle >= share[:, :-2]) & (middle >= share[:, 2:]) & (middle >= 0.9 * best[:, None])
    lag = low + 1 + np.argmax(is_peak, axis=1)
    voiced = (best >= _VOICED) & is_peak.any(axis=1)
    return float(np.median(SAMPLE_RATE_HZ / lag[voiced])) if voiced.any() else 0.0
