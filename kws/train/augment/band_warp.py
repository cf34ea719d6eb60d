"""Stretch the frequency axis: a longer or shorter vocal tract."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.train.augment.base import Augmentation


@dataclass(frozen=True)
class BandWarp(Augmentation):
    """Read the bands of a stream at places scaled by a drawn factor; time is left as it is.

    Together with a change of speed, which moves pitch, formants and pace at once, this makes voices whose
    formants and pace differ from those of any recorded speaker.

    Parameters
    ----------
    minimum, maximum : float
        Factor on the band axis; above 1 moves what is heard to lower bands.

    References
    ----------
    Jaitly and Hinton, "Vocal Tract Length Perturbation (VTLP) improves speech recognition", ICML workshop 2013;
    here as a linear map of the mel bands.
    """

    stage: ClassVar[str] = "features"
    minimum: float = 0.9
    maximum: float = 1.1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.band_warp", self.minimum, self.maximum, 0.5, 2.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return features ``(T, F)``."""
        n_bands = x.shape[1]
        places = np.arange(n_bands) * rng.uniform(self.minimum, self.maximum)
        # Above the highest band there is nothing to read; it stands for what would be there.
        places = np.minimum(places, n_bands - 1)
        below = np.floor(places).astype(int)
        above = np.minimum(below + 1, n_bands - 1)
        share = (places - below).astype(np.float32)
        return x[:, below] * (1 - share) + x[:, above] * share
