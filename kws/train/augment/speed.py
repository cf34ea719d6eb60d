"""Play a clip faster or slower: another speaker's pitch, formants and pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.train.augment.base import Augmentation


@dataclass(frozen=True)
class Speed(Augmentation):
    """Resample by a drawn factor; pitch and duration change together.

    Parameters
    ----------
    minimum, maximum : float
        Speed factor; 1.1 is 10 % faster and higher.

    References
    ----------
    Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015.
    """

    stage: ClassVar[str] = "clip"
    minimum: float = 0.87
    maximum: float = 1.15

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.speed", self.minimum, self.maximum, 0.25, 4.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N / factor,)`` samples."""
        import soxr

        factor = float(np.exp(rng.uniform(np.log(self.minimum), np.log(self.maximum))))
        # Quick quality: its noise lies far below that of any recording here, at a fifth of the time.
        changed = soxr.resample(x, factor, 1.0, quality="LQ")
        return np.asarray(changed, np.float32) if len(changed) else x
