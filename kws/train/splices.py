"""Negatives that nobody recorded: fragments of speech joined into new words, and into words like the keyword."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.activity import active_region
from kws.audio import FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ
from kws.train.clip import Pcm

_FRAGMENT_S = (0.12, 0.45)
_CROSS_FADE_SAMPLES = SAMPLE_RATE_HZ // 80
# Where a keyword is cut in two: around its middle, so that either part is clearly not the word.
_CUT_SHARE = (0.35, 0.65)


def spliced_words(speech: Sequence[Pcm], count: int, rng: np.random.Generator) -> list[Pcm]:
    """Return pseudo-words and pseudo-phrases of two to twelve fragments, each of another recording.

    An hour of speech holds few of the sound sequences of a language; its fragments in new orders hold many more.
    """
    return [join([fragment(speech, rng) for _ in range(int(rng.integers(2, 13)))]) for _ in range(count)]


def near_words(words: Sequence[Pcm], speech: Sequence[Pcm], per_word: int, rng: np.random.Generator) -> list[Pcm]:
    """Return, for each recording of a keyword, words that begin or end like it and then are something else."""
    found: list[Pcm] = []
    for word in words:
        audio = to_float32(word)
        start, end = active_region(audio)
        for _ in range(per_word):
            cut = start + round((end - start) * rng.uniform(*_CUT_SHARE))
            other = [fragment(speech, rng) for _ in range(int(rng.integers(1, 3)))]
            # In turns: words that begin like the keyword, and words that end like it.
            parts = [audio[start:cut], *other] if len(found) % 2 == 0 else [*other, audio[cut:end]]
            found.append(join([part for part in parts if len(part)]))
    return found


def fragment(speech: Sequence[Pcm], rng: np.random.Generator) -> FloatArray:
    """Cut a drawn piece, 120 to 450 ms, out of the active part of a drawn recording."""
    clip = speech[int(rng.integers(len(speech)))]
    audio = to_float32(clip)
    start, end = active_region(audio)
    length = min(end - start, round(rng.uniform(*_FRAGMENT_S) * SAMPLE_RATE_HZ))
    first = start + int(rng.integers(end - start - length + 1))
    return audio[first : first + length]


def join(parts: Sequence[FloatArray]) -> Pcm:
    """Join pieces at one level with short cross-fades."""
    result = _levelled(parts[0])
    for part in parts[1:]:
        piece = _levelled(part)
        overlap = min(_CROSS_FADE_SAMPLES, len(result), len(piece))
        fade: npt.NDArray[np.float32] = np.linspace(0.0, 1.0, overlap, dtype=np.float32)
        seam = result[len(result) - overlap :] * (1 - fade) + piece[:overlap] * fade
        result = np.concatenate([result[: len(result) - overlap], seam, piece[overlap:]])
    return np.rint(np.clip(result, -1.0, 1.0) * 32767).astype(np.int16)


def _levelled(part: FloatArray) -> FloatArray:
    rms = np.sqrt(np.mean(np.square(part)))
    return part * np.float32(0.08 / max(float(rms), 1e-4))
