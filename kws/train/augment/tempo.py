"""Say a clip faster or slower at the same pitch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.train.augment.base import Augmentation

_HOP_SAMPLES = SAMPLE_RATE_HZ // 64
_SEARCH_SAMPLES = SAMPLE_RATE_HZ // 100
# Voices have little above the 2 kHz that every fourth sample still tells apart.
_SEARCH_STEP_SAMPLES = 4


@dataclass(frozen=True)
class Tempo(Augmentation):
    """Change the duration and leave the pitch, by overlapping short pieces where their waveforms agree.

    Parameters
    ----------
    minimum, maximum : float
        Tempo factor; 1.1 is 10 % shorter.

    References
    ----------
    Verhelst and Roelands, "An overlap-add technique based on waveform similarity (WSOLA) for high quality
    time-scale modification of speech", ICASSP 1993.
    """

    stage: ClassVar[str] = "clip"
    minimum: float = 0.8
    maximum: float = 1.25

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_range("augment.tempo", self.minimum, self.maximum, 0.25, 4.0)

    def apply(self, x: FloatArray, rng: np.random.Generator, rirs: Sequence[FloatArray]) -> FloatArray:
        """Return about ``N / factor`` samples."""
        factor = float(np.exp(rng.uniform(np.log(self.minimum), np.log(self.maximum))))
        n_pieces = int(len(x) / factor) // _HOP_SAMPLES
        return _stretched(x, factor, n_pieces) if n_pieces > 1 else x


def _stretched(x: FloatArray, factor: float, n_pieces: int) -> FloatArray:
    window = np.hanning(2 * _HOP_SAMPLES + 1)[:-1].astype(np.float32)
    padded = np.pad(x, (_SEARCH_SAMPLES, 3 * _HOP_SAMPLES + 2 * _SEARCH_SAMPLES))
    result = np.zeros((n_pieces + 1) * _HOP_SAMPLES, np.float32)
    start = _SEARCH_SAMPLES
    for piece in range(n_pieces):
        if piece:
            nominal = min(round(piece * _HOP_SAMPLES * factor), len(x))
            start = nominal + _best_offset(padded, start + _HOP_SAMPLES, nominal)
        out = piece * _HOP_SAMPLES
        result[out : out + 2 * _HOP_SAMPLES] += window * padded[start : start + 2 * _HOP_SAMPLES]
    # The first half window has nothing to overlap with: the clip's own start takes its place.
    result[:_HOP_SAMPLES] = x[:_HOP_SAMPLES]
    return result


def _best_offset(padded: FloatArray, expected: int, nominal: int) -> int:
    """Return where, from `nominal` on, the audio is most like that which would have come next."""
    template = padded[expected : expected + 2 * _HOP_SAMPLES : _SEARCH_STEP_SAMPLES]
    around = padded[nominal : nominal + 2 * _SEARCH_SAMPLES + 2 * _HOP_SAMPLES : _SEARCH_STEP_SAMPLES]
    return int(np.argmax(np.correlate(around, template, "valid"))) * _SEARCH_STEP_SAMPLES
