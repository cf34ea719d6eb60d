"""Streams for tests of what comes after the synthesiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Word(NamedTuple):
    """A segment of a stream."""

    label: str
    start: int
    word_end: int


@dataclass(frozen=True)
class NoiseStream:
    """Noise with one word of the keyword "a" that ends at sample 8000."""

    samples: np.ndarray
    segments: tuple[Word, ...] = (Word("a", 2000, 8000),)


@dataclass(frozen=True)
class NoiseSource:
    """Makes streams of noise of one length at drawn levels."""

    n_samples: int

    def stream(self, rng: np.random.Generator) -> NoiseStream:
        """Return noise."""
        level = rng.uniform(0.001, 0.1)
        return NoiseStream((level * rng.standard_normal(self.n_samples)).astype(np.float32))

    def fingerprint(self) -> str:
        """Return what distinguishes this source from others."""
        return f"noise {self.n_samples}"
