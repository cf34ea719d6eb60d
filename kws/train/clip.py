"""One recording of a corpus, as training holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Pcm = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Clip:
    """One recording: where it is from, its samples as int16 to halve the memory, and how often it is drawn.

    A synthetic one was spoken by a computer. Source and licence are those of its manifest, empty where that states
    none.
    """

    path: str
    speaker: str
    samples: Pcm = field(repr=False)
    weight: float = 1.0
    source: str = ""
    licence: str = ""
    is_synthetic: bool = False
