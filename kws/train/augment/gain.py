"""Level, overload and the noise of the microphone itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import require
from kws.train.augment.base import Augmentation


@dataclass(frozen=True)
class Gain(Augmentation):
    """Change the level of a stream; what then exceeds full scale is clipped, as a sound card does.

    Parameters
    ----------
    minimum_db, maximum_db : float
        Drawn gain.
    """

    stage: ClassVar[str] = "stream"
    minimum_db: float = -18.0
    maximum_db: float = 12.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.gain", self.minimum_db, self.maximum_db, -90.0, 60.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N,)`` samples inside [-1, 1]."""
        gain = np.float32(10 ** (rng.uniform(self.minimum_db, self.maximum_db) / 20))
        return np.clip(x * gain, -1.0, 1.0)


@dataclass(frozen=True)
class MicrophoneNoise(Augmentation):
    """Add the hiss of a microphone: white noise at a drawn level below full scale.

    Parameters
    ----------
    minimum_dbfs, maximum_dbfs : float
        Level of the hiss.
    """

    stage: ClassVar[str] = "stream"
    minimum_dbfs: float = -85.0
    maximum_dbfs: float = -50.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.microphone_noise", self.minimum_dbfs, self.maximum_dbfs, -120.0, 0.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N,)`` samples."""
        level = np.float32(10 ** (rng.uniform(self.minimum_dbfs, self.maximum_dbfs) / 20))
        return x + level * rng.standard_normal(len(x), dtype=np.float32)


@dataclass(frozen=True)
class TimeShift(Augmentation):
    """Shift a clip's start by less than a model step, so that no word is tied to the frame grid.

    Parameters
    ----------
    maximum_samples : int
        Silence of 0 to this many samples is put before the clip.
    """

    stage: ClassVar[str] = "clip"
    maximum_samples: int = 640

    def __post_init__(self) -> None:
        super().__post_init__()
        require("augment.time_shift.maximum_samples", self.maximum_samples, 0, 160_000)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(shift + N,)`` samples."""
        return np.concatenate([np.zeros(rng.integers(self.maximum_samples + 1), np.float32), x])
