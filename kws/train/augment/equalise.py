"""Colour a clip as another microphone or wall would."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.train.augment.base import Augmentation
from kws.train.augment.fourier import fast_length

_N_POINTS = 7
_RING_SAMPLES = SAMPLE_RATE_HZ // 100
_LOG_OF_DB = np.log(10.0) / 20.0


@dataclass(frozen=True)
class Equalise(Augmentation):
    """Apply a smooth drawn magnitude response.

    Parameters
    ----------
    depth_db : float
        Standard deviation of the gain at each of seven points spaced evenly on the mel scale.
    """

    stage: ClassVar[str] = "clip"
    depth_db: float = 4.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("augment.equalise.depth_db", self.depth_db, 0.0, 40.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N,)`` samples."""
        points_db = rng.normal(0.0, self.depth_db, _N_POINTS)
        # Room behind the clip, so that the filter's ringing does not wrap around to its start.
        n_fft = fast_length(len(x) + _RING_SAMPLES)
        log_gain = points_db.astype(np.float32) @ _log_gains(n_fft)
        spectrum = np.fft.rfft(x, n_fft) * np.exp(log_gain)
        return np.fft.irfft(spectrum, n_fft)[: len(x)].astype(np.float32)


@functools.lru_cache(maxsize=16)
def _log_gains(n_fft: int) -> FloatArray:
    """Return, for each point ``(7, bins)``, what a decibel there adds to the log of each bin's gain."""
    hz = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE_HZ)
    mel = np.log1p(hz / 700.0)
    places = np.linspace(0.0, mel[-1] + 1e-9, _N_POINTS)
    shapes = np.stack([np.interp(mel, places, one) for one in np.eye(_N_POINTS)])
    return (_LOG_OF_DB * shapes).astype(np.float32)
