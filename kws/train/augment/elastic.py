"""Bend the frequency axis and time a little, here this way and there that way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import require
from kws.train.augment.base import Augmentation

_KNOT_FRAMES = 44
_KNOT_BANDS = 8
# How much of the displacement of bands changes within a stream; the rest is one voice's.
_CHANGING_SHARE = 0.7


@dataclass(frozen=True)
class Elastic(Augmentation):
    """Read features at places that are displaced smoothly, over bands and over time.

    Where :class:`BandWarp` makes a longer vocal tract, this moves each formant by itself, as another voice or another
    pronunciation does, and stretches one sound while it shortens the next. A few recorded speakers become many.

    Parameters
    ----------
    bands : float
        Standard deviation of the displacement over the bands that holds for the whole stream; 0.7 of it is added anew
        about every half second.
    frames : float
        Standard deviation of the displacement in time, in frames. Ends of words move by it; it belongs well below the
        window in which the score must peak.

    References
    ----------
    Simard et al., "Best Practices for Convolutional Neural Networks Applied to Visual Document Analysis", ICDAR 2003,
    which bends pictures of digits.
    """

    stage: ClassVar[str] = "features"
    bands: float = 0.7
    frames: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require("augment.elastic.bands", self.bands, 0.0, 10.0)
        require("augment.elastic.frames", self.frames, 0.0, 20.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return features ``(T, F)``."""
        n_frames, n_bands = x.shape
        grid = 2 + n_frames // _KNOT_FRAMES, 2 + n_bands // _KNOT_BANDS
        in_time = _between(rng.normal(0.0, self.frames, (grid[0], 1)), n_frames)
        first, share = _split(np.arange(n_frames)[:, None] + in_time, n_frames)
        bent = x[first[:, 0]] * (1 - share) + x[np.minimum(first[:, 0] + 1, n_frames - 1)] * share
        knots = rng.normal(0.0, self.bands, (1, grid[1])) + rng.normal(0.0, _CHANGING_SHARE * self.bands, grid)
        over_bands = _between(_between(knots, n_frames).T, n_bands).T
        first, share = _split(np.arange(n_bands) + over_bands, n_bands)
        second = np.minimum(first + 1, n_bands - 1)
        result = np.take_along_axis(bent, first, 1) * (1 - share) + np.take_along_axis(bent, second, 1) * share
        return result.astype(np.float32, copy=False)


def _between(knots: npt.NDArray[np.float64], n: int) -> npt.NDArray[np.float64]:
    """Return `n` rows, linear between evenly spread rows of knots."""
    first, share = _split(np.linspace(0.0, len(knots) - 1.0, n)[:, None], len(knots))
    above = np.minimum(first[:, 0] + 1, len(knots) - 1)
    return knots[first[:, 0]] * (1 - share) + knots[above] * share


def _split(places: npt.NDArray[np.float64], n: int) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """Return the index below each place, kept in the array, and the share of the next one."""
    kept = np.clip(places, 0.0, n - 1.0)
    first = kept.astype(np.intp)
    return first, (kept - first).astype(np.float32)
