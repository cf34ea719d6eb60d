"""What an augmentation is: a frozen settings object that changes one array with given randomness."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import ConfigError, require


@dataclass(frozen=True)
class Augmentation(abc.ABC):
    """Base of every augmentation.

    Parameters
    ----------
    probability : float
        Share of the arrays that are changed; 0 leaves all as they are.

    Attributes
    ----------
    stage : {"clip", "stream", "features"}
        What it is applied to: each clip before it is placed ``(N,)``, each whole stream ``(N,)``, or each
        stream's features ``(T, F)``.
    """

    stage: ClassVar[str]
    probability: float = 0.5

    def __post_init__(self) -> None:
        require(f"augment.{type(self).__name__}.probability", self.probability, 0.0, 1.0)

    def __call__(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray] = ()) -> FloatArray:
        """Return a changed copy of `x` with the set probability, else `x` itself."""
        # The draw comes first, so that the randomness used does not depend on the array.
        if rng.random() >= self.probability or x.size == 0:
            return x
        return self.apply(x, rng, rirs)

    @abc.abstractmethod
    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return a changed copy of `x`, float32."""

    def check_range(self, name: str, low: float, high: float, least: float, most: float) -> None:
        """Raise :class:`ConfigError` unless ``least <= low <= high <= most``."""
        require(f"{name} minimum", low, least, most)
        require(f"{name} maximum", high, least, most)
        if low > high:
            raise ConfigError(f"{name} is {low:g} to {high:g}; accepted is a minimum that is not above the maximum")
