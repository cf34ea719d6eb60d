"""One spoken word in its surroundings, at a stated level over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.activity import active_region
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.evaluate.counting import MatchWindow
from kws.evaluate.levels import active_level

LEAD_SAMPLES = 3 * SAMPLE_RATE_HZ // 2
"""Before the recording, so that a model has heard the surroundings when the word comes."""
TAIL_SAMPLES = SAMPLE_RATE_HZ
"""After the recording: the time in which an event still counts for the word."""

_PEAK = np.float32(0.99)


@dataclass(frozen=True, eq=False)
class PlacedWord:
    """One word: `samples` float32 ``(N,)``, the word in ``[word_start, word_end)``.

    Parameters
    ----------
    samples : array of float32, shape (N,)
    word_start, word_end : int
    backgrounds : tuple of int
        Which of the other sounds lie under it.
    """

    samples: FloatArray
    word_start: int
    word_end: int
    backgrounds: tuple[int, ...] = ()

    def is_hit(self, event_s: float) -> bool:
        """Return whether an event counts for the word, as :class:`kws.evaluate.counting.MatchWindow` has it."""
        return MatchWindow().holds(event_s, self.word_end_s)

    @property
    def word_end_s(self) -> float:
        """End of the word in seconds."""
        return self.word_end / SAMPLE_RATE_HZ


def place_word(
    clip: FloatArray,
    others: Sequence[FloatArray] = (),
    snr_db: float = 0.0,
    rng: np.random.Generator | None = None,
    word: tuple[int, int] | None = None,
) -> PlacedWord:
    """Put a recording of a word between 1.5 s before and 1 s after, with other sound below it all along.

    The level of the word is the root mean square between its start and its end. That of the other sound is its
    active level over all of the result, as of talk or music in a room at one loudness: a pause of it may fall on
    the word. (The active level of a word alone would count the 200 ms after it as speech.)

    Parameters
    ----------
    clip : array of float32, shape (N,)
    others : sequence of arrays
        Noise or speech to lay under it; none for digital silence around the recording.
    snr_db : float
        Level of the word over that of the other sound.
    rng : Generator, optional
        Draws the place in `others`.
    word : (int, int), optional
        Start and end of the word in the clip, if they are known; by default its active region.

    Raises
    ------
    DataError
        If the other sounds are all silent.
    """
    start, end = word or active_region(clip)
    samples = np.pad(clip, (LEAD_SAMPLES, TAIL_SAMPLES))
    used: tuple[int, ...] = ()
    if others:
        assert rng is not None, "a place in the other sounds is drawn"
        other, used = _sounding_stretch(others, len(samples), rng)
        scale = rms(clip[start:end]) / active_level(other) * 10 ** (-snr_db / 20)
        samples = samples + other * np.float32(scale)
    return PlacedWord(within_full_scale(samples), LEAD_SAMPLES + start, LEAD_SAMPLES + end, used)


def within_full_scale(samples: FloatArray) -> FloatArray:
    """Scale the whole where it would clip, which leaves the ratio of its parts as it is."""
    result: FloatArray = (samples / max(np.float32(1.0), np.abs(samples).max() / _PEAK)).astype(np.float32)
    return result


def rms(samples: FloatArray) -> float:
    """Return the root mean square, 0.0 of nothing."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0


def endless(recordings: Sequence[FloatArray], n_samples: int, rng: np.random.Generator) -> FloatArray:
    """Cut `n_samples` from the recordings, one after the other from a drawn place in a drawn one."""
    return stretch(recordings, n_samples, rng)[0]


def stretch(
    recordings: Sequence[FloatArray], n_samples: int, rng: np.random.Generator
) -> tuple[FloatArray, tuple[int, ...]]:
    """As :func:`endless`, and which of the recordings it was cut from."""
    index = int(rng.integers(len(recordings)))
    pieces = [recordings[index][int(rng.integers(len(recordings[index]))) :]]
    used = [index]
    while sum(map(len, pieces)) < n_samples:
        index = (index + 1) % len(recordings)
        pieces.append(recordings[index])
        used.append(index)
    return np.concatenate(pieces)[:n_samples], tuple(dict.fromkeys(used))


def _sounding_stretch(
    others: Sequence[FloatArray], n_samples: int, rng: np.random.Generator
) -> tuple[FloatArray, tuple[int, ...]]:
    for _ in range(100):
        other, used = stretch(others, n_samples, rng)
        if active_level(other) > 0.0:
            return other, used
    raise DataError("the other sound to lay under the words is silent")
