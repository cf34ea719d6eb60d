"""Play a clip faster or slower: another speaker's pitch, formants and pace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.train.augment.base import Augmentation
from kws.train.augment.tempo import at_tempo


@dataclass(frozen=True)
class Speed(Augmentation):
    """Resample by a drawn factor; pitch, formants and duration change together, the duration less if so wanted.

    Parameters
    ----------
    minimum, maximum : float
        Speed factor; 1.1 is 10 % faster and higher.
    minimum_undone, maximum_undone : float
        Share of the change of duration that is undone at the new pitch, 0 to 1, as an exponent: with 1 a voice is
        higher or lower and as fast as before. Recordings of a few men so stand for women and children as well.

    References
    ----------
    Ko et al., "Audio Augmentation for Speech Recognition", Interspeech 2015.
    """

    stage: ClassVar[str] = "clip"
    minimum: float = 0.87
    maximum: float = 1.15
    minimum_undone: float = 0.0
    maximum_undone: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.speed", self.minimum, self.maximum, 0.25, 4.0)
        self.check_range("augment.speed undone", self.minimum_undone, self.maximum_undone, 0.0, 1.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return ``(N / factor,)`` samples, or nearer to N of them."""
        import soxr

        factor = float(np.exp(rng.uniform(np.log(self.minimum), np.log(self.maximum))))
        # Quick quality: its noise lies far below that of any recording here, at a fifth of the time.
        changed = np.asarray(soxr.resample(x, factor, 1.0, quality="LQ"), np.float32)
        if not len(changed):
            return x
        if self.maximum_undone > 0.0:
            changed = at_tempo(changed, factor ** -rng.uniform(self.minimum_undone, self.maximum_undone))
        return changed
