"""Fixed streams on which epochs are compared: the held-out words in three conditions, and speech without any."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kws.activity import active_region, active_rms
from kws.audio import FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ
from kws.evaluate.mixing import rms
from kws.evaluate.results import NEGATIVES
from kws.train.clip import Clip
from kws.train.corpus import Split

SNR_DB = 10.0

_STREAM_SAMPLES = 60 * SAMPLE_RATE_HZ
_GAP_SAMPLES = SAMPLE_RATE_HZ
_LONG_CLIP_SAMPLES = 3 * SAMPLE_RATE_HZ
# A quiet room instead of digital zero, which no microphone delivers.
_ROOM_LEVEL = np.float32(10 ** (-75 / 20))


@dataclass(frozen=True)
class ValidationStream:
    """A stretch of audio with known words.

    Parameters
    ----------
    condition : str
        ``clean``, ``noise``, ``speech`` or ``negatives``.
    samples : array of float32, shape (N,)
    word_ends_s : dict of str to tuple of float
        Ends of each keyword's words, in order.
    """

    condition: str
    samples: FloatArray
    word_ends_s: dict[str, tuple[float, ...]]

    @property
    def audio_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


def validation_streams(split: Split, rng: np.random.Generator) -> list[ValidationStream]:
    """Arrange the held-out clips.

    Each word stands in its own recording with a second before it: as recorded (``clean``), with noise 10 dB
    below the word's active part (``noise``), and with other speech 10 dB below (``speech``). The negatives are
    all held-out speech and noise, and what is only overheard.
    """
    noise = [to_float32(clip.samples) for clip in split.noise]
    talkers = [to_float32(c.samples) for c in split.negatives if len(c.samples) >= _LONG_CLIP_SAMPLES]
    talkers = talkers or [to_float32(clip.samples) for clip in split.negatives]
    talkers = talkers or [to_float32(clip.samples) for clips in split.keywords.values() for clip in clips]
    streams = []
    for condition, sources in (("clean", []), ("noise", noise), ("speech", talkers)):
        for keyword, clips in split.keywords.items():
            streams += _word_streams(condition, keyword, clips, sources, rng)
    return streams + _negative_streams([*split.negatives, *split.noise, *split.overheard])


def _word_streams(
    condition: str, keyword: str, clips: Iterable[Clip], sources: list[FloatArray], rng: np.random.Generator
) -> list[ValidationStream]:
    streams: list[ValidationStream] = []
    parts: list[FloatArray] = []
    ends: list[float] = []
    length = 0
    for clip in clips:
        word = np.concatenate([np.zeros(_GAP_SAMPLES, np.float32), to_float32(clip.samples)])
        end = _GAP_SAMPLES + active_region(word[_GAP_SAMPLES:])[1]
        ends.append((length + end) / SAMPLE_RATE_HZ)
        parts.append(_with_background(word, sources, rng))
        length += len(word)
        if length >= _STREAM_SAMPLES:
            streams.append(ValidationStream(condition, np.concatenate(parts), {keyword: tuple(ends)}))
            parts, ends, length = [], [], 0
    if parts:
        streams.append(ValidationStream(condition, np.concatenate(parts), {keyword: tuple(ends)}))
    return streams


def _with_background(word: FloatArray, sources: list[FloatArray], rng: np.random.Generator) -> FloatArray:
    mixed = word + _ROOM_LEVEL * rng.standard_normal(len(word), dtype=np.float32)
    if sources:
        background = _stretch(sources, len(word), rng)
        level = active_rms(word[_GAP_SAMPLES:]) * 10 ** (-SNR_DB / 20)
        mixed = mixed + background * np.float32(level / max(rms(background), 1e-6))
    return mixed / max(np.float32(1.0), np.abs(mixed).max())


def _stretch(sources: list[FloatArray], length: int, rng: np.random.Generator) -> FloatArray:
    source = sources[rng.integers(len(sources))]
    source = np.tile(source, -(-length // len(source)))
    start = int(rng.integers(len(source) - length + 1))
    stretch: FloatArray = source[start : start + length]
    # A silent stretch cannot be brought to any level; the loudest one of that source can.
    return stretch if rms(stretch) > 1e-4 else source[:length]


def _negative_streams(clips: list[Clip]) -> list[ValidationStream]:
    joined = np.concatenate([to_float32(clip.samples) for clip in clips])
    pieces = np.array_split(joined, max(1, len(joined) // _STREAM_SAMPLES))
    return [ValidationStream(NEGATIVES, piece, {}) for piece in pieces]
