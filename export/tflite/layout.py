"""Values of the graph as TFLite tensors: channels come last, and axes are turned only where nothing else helps.

A value of the graph is (1, T, F). Where its features are channels times bands, convolutions need (1, T, bands, C):
there the channels of a band stand side by side, in the graph the bands of a channel. A weight that reads such a value
has its columns rearranged instead of the value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.tflite.builder import Tensor, TfliteBuilder


@dataclass(frozen=True)
class Value:
    """A value in one of its shapes: (T, F), (1, T, F) or (1, T, bands, C).

    Parameters
    ----------
    tensor : Tensor
    n_frames : int
        T.
    n_bands : int
        Bands whose channels stand side by side; 1 is the order of the graph.
    """

    tensor: Tensor
    n_frames: int
    n_bands: int = 1

    @property
    def n_features(self) -> int:
        """Features F a frame."""
        return math.prod(self.tensor.shape) // self.n_frames

    @property
    def is_plain(self) -> bool:
        """Whether the features stand in the order of the graph."""
        return self.n_bands in (1, self.n_features)

    @property
    def order(self) -> npt.NDArray[np.int64]:
        """The feature of the graph that stands at each place."""
        return np.arange(self.n_features).reshape(-1, self.n_bands).T.ravel()


class Layout:
    """Turns values from one shape into another; a shape that was made is used again."""

    def __init__(self, builder: TfliteBuilder) -> None:
        self._builder = builder
        self._made: dict[tuple[int, tuple[int, ...]], Tensor] = {}

    def rows(self, value: Value) -> Tensor:
        """Return (T, F), the features in the value's own order."""
        return self._reshaped(value, value.n_frames, value.n_features)

    def frames(self, value: Value) -> Tensor:
        """Return (1, T, F), the features in the value's own order."""
        return self._reshaped(value, 1, value.n_frames, value.n_features)

    def pixels(self, value: Value) -> Tensor:
        """Return (1, T, 1, F): every feature a channel, in the value's own order."""
        return self._reshaped(value, 1, value.n_frames, 1, value.n_features)

    def image(self, value: Value, n_bands: int) -> Tensor:
        """Return (1, T, bands, C)."""
        n_channels = value.n_features // n_bands
        if value.n_bands != n_bands and not (value.is_plain and 1 in (n_bands, n_channels)):
            plain = self.plain(value)
            split = self._reshaped(plain, 1, value.n_frames, n_channels, n_bands)
            return self._builder.transpose(split, 0, 1, 3, 2)
        return self._reshaped(value, 1, value.n_frames, n_bands, n_channels)

    def plain(self, value: Value) -> Value:
        """Return the value with its features in the order of the graph."""
        if value.is_plain:
            return Value(value.tensor, value.n_frames)
        image = self.image(value, value.n_bands)
        return Value(self._builder.transpose(image, 0, 1, 3, 2), value.n_frames)

    def _reshaped(self, value: Value, *shape: int) -> Tensor:
        key = value.tensor.index, shape
        if key not in self._made:
            self._made[key] = self._builder.reshape(value.tensor, *shape)
        return self._made[key]
