"""Cut off low and high frequencies, as small microphones, cases and codecs do."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.train.augment.base import Augmentation
from kws.train.augment.fourier import butterworth, fast_length

_RING_SAMPLES = SAMPLE_RATE_HZ // 50
_SLOPES = (2, 8)


@dataclass(frozen=True)
class PassBand(Augmentation):
    """Apply a high-pass, a low-pass or both, each with a drawn corner and slope.

    Parameters
    ----------
    low_share, high_share : float
        Share of the changed clips that lose their low, and their high frequencies.
    low_hz, high_hz : tuple of float
        Range of each corner (half power), drawn evenly on a logarithmic scale.

    Notes
    -----
    The slopes are those of Butterworth filters of order 2 to 8 without their phase. A network that hears a few
    microphones learns their lowest bands by heart: it then misses words from one that passes nothing below 200 Hz.
    """

    stage: ClassVar[str] = "clip"
    low_share: float = 0.7
    high_share: float = 0.5
    low_hz: tuple[float, float] = (60.0, 450.0)
    high_hz: tuple[float, float] = (2800.0, 7500.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        require("augment.pass_band.low_share", self.low_share, 0.0, 1.0)
        require("augment.pass_band.high_share", self.high_share, 0.0, 1.0)
        self.check_range("augment.pass_band.low_hz", *self.low_hz, 10.0, 1000.0)
        self.check_range("augment.pass_band.high_hz", *self.high_hz, 1500.0, 8000.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N,)`` samples."""
        # Room behind the clip, so that the filter's ringing does not wrap around to its start.
        n_fft = fast_length(len(x) + _RING_SAMPLES)
        log_hz = _log_frequencies(n_fft)
        spectrum = np.fft.rfft(x, n_fft)
        cuts_low, cuts_high = rng.random() < self.low_share, rng.random() < self.high_share
        if cuts_low:
            spectrum *= _gain(np.log(_drawn_hz(self.low_hz, rng)) - log_hz, rng)
        if cuts_high:
            spectrum *= _gain(log_hz - np.log(_drawn_hz(self.high_hz, rng)), rng)
        return np.fft.irfft(spectrum, n_fft)[: len(x)].astype(np.float32)


@functools.lru_cache(maxsize=16)
def _log_frequencies(n_fft: int) -> FloatArray:
    hz = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE_HZ)
    # The constant part lies below every corner.
    return np.log(np.maximum(hz, 1.0)).astype(np.float32)


def _drawn_hz(limits: tuple[float, float], rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(limits[0]), np.log(limits[1]))))


def _gain(log_ratio: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return the magnitude of a drawn slope."""
    return butterworth(log_ratio, int(rng.integers(_SLOPES[0], _SLOPES[1] + 1))).astype(np.float32)
