"""Put a clip into a room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.train.augment.base import Augmentation
from kws.train.augment.fourier import convolve

_MAX_RIR_S = 0.6


@dataclass(frozen=True)
class Reverb(Augmentation):
    """Convolve with a measured impulse response, or with one drawn from a simple room model.

    The drawn response is a direct path and a noise tail that decays by 60 dB in a drawn time, at a drawn ratio
    of direct to reverberant energy. Level is kept; the tail beyond the clip's end is kept too.

    Parameters
    ----------
    measured_share : float
        Share that uses a measured response, where there are any.
    rt60_min_s, rt60_max_s : float
        Decay time of the drawn rooms.
    drr_min_db, drr_max_db : float
        Direct-to-reverberant ratio of the drawn rooms: high is close to the microphone.

    References
    ----------
    Polack's statistical model of late reverberation: exponentially decaying Gaussian noise (Polack 1988).
    """

    stage: ClassVar[str] = "clip"
    measured_share: float = 0.3
    rt60_min_s: float = 0.15
    rt60_max_s: float = 0.8
    drr_min_db: float = -3.0
    drr_max_db: float = 15.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("augment.reverb.measured_share", self.measured_share, 0.0, 1.0)
        self.check_range("augment.reverb.rt60", self.rt60_min_s, self.rt60_max_s, 0.01, 5.0)
        self.check_range("augment.reverb.drr", self.drr_min_db, self.drr_max_db, -30.0, 60.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N + tail,)`` samples of the same root mean square."""
        use_measured = rng.random() < self.measured_share and len(rirs) > 0
        rir = self._measured(rirs, rng) if use_measured else self._drawn(rng)
        wet = convolve(x, rir)
        level_before, level_after = _energy(x), _energy(wet)
        return wet * np.float32(np.sqrt(level_before / level_after)) if level_after > 0 else x

    def _measured(self, rirs: Sequence[FloatArray], rng: np.random.Generator) -> FloatArray:
        rir = rirs[int(rng.integers(len(rirs)))]
        # From the direct path on, so that the word's end stays where it is.
        onset = int(np.argmax(np.abs(rir)))
        return rir[onset : onset + int(_MAX_RIR_S * SAMPLE_RATE_HZ)]

    def _drawn(self, rng: np.random.Generator) -> FloatArray:
        rt60_s = rng.uniform(self.rt60_min_s, self.rt60_max_s)
        length = int(min(rt60_s, _MAX_RIR_S) * SAMPLE_RATE_HZ)
        decay = np.exp(np.arange(length, dtype=np.float32) * np.float32(-np.log(1000.0) / (rt60_s * SAMPLE_RATE_HZ)))
        tail = rng.standard_normal(length, dtype=np.float32) * decay
        pre_delay = int(rng.uniform(0.002, 0.02) * SAMPLE_RATE_HZ)
        tail[:pre_delay] = 0.0
        drr_db = rng.uniform(self.drr_min_db, self.drr_max_db)
        tail *= np.float32(10 ** (-drr_db / 20)) / np.sqrt(np.float32(max(_energy(tail), 1e-9)))
        tail[0] = 1.0
        return tail


def _energy(x: FloatArray) -> float:
    return float(np.dot(x, x))
