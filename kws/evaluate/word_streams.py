"""A detector on streams of single words: the words of a data set one after the other, every keyword on its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws.activity import active_region
from kws.audio import FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ, require
from kws.evaluate.classification import LabelledClip
from kws.evaluate.counting import Counts, count
from kws.runtime import Detector

# An event this late may still be the word before; closer words would be taken for one another.
_GAP_SAMPLES = SAMPLE_RATE_HZ
_FADE_SAMPLES = SAMPLE_RATE_HZ // 200
# A quiet room instead of digital zero, which no microphone delivers.
_ROOM_LEVEL = np.float32(10 ** (-75 / 20))


@dataclass(frozen=True, eq=False)
class WordStream:
    """Clips one after the other.

    Parameters
    ----------
    samples : array of float32, shape (N,)
    word_ends_s : dict of str to list of float
        Ends of each label's words, in order.
    """

    samples: FloatArray = field(repr=False)
    word_ends_s: dict[str, list[float]]

    @property
    def audio_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ


def word_streams(clips: Sequence[LabelledClip], rng: np.random.Generator, stream_s: float = 60.0) -> list[WordStream]:
    """String clips together in a drawn order, with a second of a quiet room before each.

    Each clip is faded over 5 ms at both ends, so that no click stands where two recordings meet.

    Parameters
    ----------
    clips : sequence of LabelledClip
    rng : numpy.random.Generator
    stream_s : float
        A stream ends with the clip that reaches this length.
    """
    require("stream_s", stream_s, 1.0, 36_000.0)
    streams: list[WordStream] = []
    parts: list[FloatArray] = []
    ends_s: dict[str, list[float]] = defaultdict(list)
    length = 0
    for index in rng.permutation(len(clips)):
        clip = clips[index]
        audio = _faded(clip.samples)
        ends_s[clip.label].append((length + _GAP_SAMPLES + active_region(audio)[1]) / SAMPLE_RATE_HZ)
        parts += [np.zeros(_GAP_SAMPLES, np.float32), audio]
        length += _GAP_SAMPLES + len(audio)
        if length >= stream_s * SAMPLE_RATE_HZ:
            streams.append(_in_a_room(parts, ends_s, rng))
            parts, ends_s, length = [], defaultdict(list), 0
    if parts:
        streams.append(_in_a_room(parts, ends_s, rng))
    return streams


def count_words(
    detector: Detector, streams: Sequence[WordStream], on_progress: Callable[[float], None] | None = None
) -> dict[str, Counts]:
    """Let a detector hear the streams and count, for each of its keywords, hits, misses and false accepts.

    Parameters
    ----------
    detector : Detector
        It decides by its own rules; each stream is heard after silence.
    streams : sequence of WordStream
    on_progress : callable, optional
        Called with the seconds of audio that were just heard.

    Returns
    -------
    dict of str to Counts
        Every event of a keyword that belongs to no word of it is a false accept: other keywords and other words alike.
    """
    totals = dict.fromkeys(detector.spec.keywords, Counts())
    for stream in streams:
        detector.reset()
        events = [*detector.process(stream.samples), *detector.flush()]
        for keyword in totals:
            times_s = [event.time_s for event in events if event.keyword == keyword]
            totals[keyword] += count(times_s, stream.word_ends_s.get(keyword, []), stream.audio_s)
        if on_progress is not None:
            on_progress(stream.audio_s)
    detector.reset()
    return totals


def _in_a_room(parts: list[FloatArray], ends_s: dict[str, list[float]], rng: np.random.Generator) -> WordStream:
    joined = np.concatenate(parts)
    return WordStream(joined + _ROOM_LEVEL * rng.standard_normal(len(joined), dtype=np.float32), dict(ends_s))


def _faded(samples: npt.ArrayLike) -> FloatArray:
    audio = to_float32(samples).copy()
    length = min(_FADE_SAMPLES, len(audio) // 2)
    ramp = np.linspace(0.0, 1.0, length, dtype=np.float32)
    audio[:length] *= ramp
    audio[len(audio) - length :] *= ramp[::-1]
    return audio
