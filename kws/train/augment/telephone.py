"""Put a stream on a telephone line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.train.augment.base import Augmentation
from kws.train.augment.fourier import butterworth, fast_length

_LINE_HZ = SAMPLE_RATE_HZ // 2
_RING_SAMPLES = SAMPLE_RATE_HZ // 50
_ORDERS = (3, 9)
_MU = 255.0
_LEVELS = 127.0


@dataclass(frozen=True)
class Telephone(Augmentation):
    """Keep what a telephone passes: a band of speech at 8 kHz, the noise of the line, eight bits a sample.

    Parameters
    ----------
    low_hz, high_hz : tuple of float
        Range of each corner of the band (half power), drawn evenly.
    minimum_dbfs, maximum_dbfs : float
        Level of the noise of the line, white within the band.

    Notes
    -----
    Nothing is left above 4 kHz, in words, other speech and noise alike. A network that has never heard a stream with
    empty upper bands gives any score there, to speech of calls as to that of old recordings.

    References
    ----------
    The mu-law of ITU-T G.711, in its continuous form.
    """

    stage: ClassVar[str] = "stream"
    low_hz: tuple[float, float] = (50.0, 400.0)
    high_hz: tuple[float, float] = (2900.0, 3900.0)
    minimum_dbfs: float = -80.0
    maximum_dbfs: float = -50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.telephone.low_hz", *self.low_hz, 10.0, 1000.0)
        self.check_range("augment.telephone.high_hz", *self.high_hz, 1500.0, 4000.0)
        self.check_range("augment.telephone noise", self.minimum_dbfs, self.maximum_dbfs, -120.0, 0.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N,)`` samples."""
        # Even, for half the rate; with room for the filters' ringing behind the stream.
        n_fft = 2 * fast_length(-(-(len(x) + _RING_SAMPLES) // 2))
        n_line = n_fft // 2
        spectrum = np.fft.rfft(x, n_fft)[: n_line // 2 + 1] * self._band(n_line, rng)
        line = np.fft.irfft(spectrum, n_line) / 2
        level = 10 ** (rng.uniform(self.minimum_dbfs, self.maximum_dbfs) / 20)
        line = companded(line + level * rng.standard_normal(n_line))
        wide = np.zeros(n_line + 1, np.complex128)
        # Without the bin at 4 kHz, which would stand for both sides of it.
        wide[: n_line // 2] = np.fft.rfft(line)[: n_line // 2]
        return (2 * np.fft.irfft(wide, n_fft)[: len(x)]).astype(np.float32)

    def _band(self, n_line: int, rng: np.random.Generator) -> np.ndarray:
        """Return the line's magnitude at each frequency: Butterworth slopes without their phase."""
        log_hz = np.log(np.maximum(np.fft.rfftfreq(n_line, 1 / _LINE_HZ), 1.0))
        low, high = rng.uniform(*self.low_hz), rng.uniform(*self.high_hz)
        low_order, high_order = rng.integers(*_ORDERS, size=2)
        # Above, a line ends more steeply than below: it is sampled at 8 kHz.
        return butterworth(np.log(low) - log_hz, low_order) * butterworth(log_hz - np.log(high), 2 * high_order)


def companded(x: np.ndarray) -> np.ndarray:
    """Return samples as they come back from eight bits by mu-law; what exceeds full scale is clipped."""
    magnitude = np.log1p(_MU * np.minimum(np.abs(x), 1.0)) / np.log1p(_MU)
    steps = np.round(magnitude * _LEVELS) / _LEVELS
    return np.sign(x) * np.expm1(steps * np.log1p(_MU)) / _MU
