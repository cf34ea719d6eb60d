"""Mask stretches of time and bands of features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import require
from kws.train.augment.base import Augmentation


@dataclass(frozen=True)
class SpecAugment(Augmentation):
    """Set drawn stretches to silence (zero in the log features).

    Parameters
    ----------
    time_masks, band_masks : int
        Number of masks.
    max_frames, max_bands : int
        Largest width of each.

    References
    ----------
    Park et al., "SpecAugment", Interspeech 2019.
    """

    stage: ClassVar[str] = "features"
    time_masks: int = 1
    max_frames: int = 8
    band_masks: int = 1
    max_bands: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("time_masks", "max_frames", "band_masks", "max_bands"):
            require(f"augment.spec_augment.{name}", getattr(self, name), 0, 1000)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return features ``(T, F)``."""
        y = x.copy()
        for axis, count, most in ((0, self.time_masks, self.max_frames), (1, self.band_masks, self.max_bands)):
            for _ in range(count):
                width = int(rng.integers(min(most, x.shape[axis]) + 1))
                first = int(rng.integers(x.shape[axis] - width + 1))
                mask = [slice(None), slice(None)]
                mask[axis] = slice(first, first + width)
                y[tuple(mask)] = 0.0
        return y
