"""Fast Fourier transforms of fast lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray


def convolve(x: FloatArray, kernel: FloatArray) -> FloatArray:
    """Return the full convolution of two ``(N,)`` and ``(M,)`` arrays, ``(N + M - 1,)``."""
    length = len(x) + len(kernel) - 1
    n_fft = fast_length(length)
    spectrum = np.fft.rfft(x, n_fft) * np.fft.rfft(kernel, n_fft)
    return np.fft.irfft(spectrum, n_fft)[:length].astype(np.float32)


def fast_length(least: int) -> int:
    """Return the smallest of ``2^n``, ``3 * 2^n`` and ``5 * 2^n`` that is at least `least`.

    An FFT of a prime length takes several times as long.
    """
    return min(factor << max(0, (-(-least // factor) - 1).bit_length()) for factor in (1, 3, 5))


def butterworth(log_ratio: npt.NDArray[Any], order: int) -> npt.NDArray[Any]:
    """Return the magnitude of a Butterworth slope; `log_ratio` is how far, in log frequency, a bin lies beyond it."""
    return np.sqrt(1.0 / (1.0 + np.exp(np.minimum(2 * order * log_ratio, 60.0))))
