"""Labelled streams on the fly: keywords and negatives in noise, at drawn levels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from data_tools.synthesize.layers import LayeredMix
from data_tools.synthesize.placement import place_clips
from data_tools.synthesize.settings import SynthesisConfig
from data_tools.synthesize.sounds import Clip, ClipBank, Recording, measure_clip
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, to_dict
from kws.errors import ConfigError, NoRoomError

ClipTransform = Callable[[FloatArray, str, np.random.Generator], FloatArray]
"""``(clip, label, rng) -> clip``; the label of a negative is ``""``."""

NEGATIVE = ""
"""Label of a segment that is no keyword."""

# Cutting less than this out of a long negative would leave a click rather than a sound.
_SHORTEST_CROP_SAMPLES = SAMPLE_RATE_HZ // 10


class Segment(NamedTuple):
    """Where one clip lies in a stream, in samples.

    Attributes
    ----------
    start, end : int
        Half-open range of the clip.
    word_end : int
        End of its active part, found by energy; ``start < word_end <= end``.
    label : str
        The keyword, or ``""`` for a negative.
    """

    start: int
    end: int
    word_end: int
    label: str


@dataclass(frozen=True, slots=True)
class Stream:
    """A synthesized stream.

    Parameters
    ----------
    samples : array of float32, shape (N,)
        Audio in [-1, 1) at 16 kHz.
    segments : tuple of Segment
        Its clips, in order of time.
    """

    samples: FloatArray
    segments: tuple[Segment, ...]

    def step_labels(self, keywords: Sequence[str], step_samples: int, label_s: float) -> FloatArray:
        """Return the label of each model step: one for a set time after a keyword's end.

        Step ``i`` belongs to the audio up to sample ``(i + 1) * step_samples``; it is one when that sample is
        at or after the end of the word and less than `label_s` later.

        Parameters
        ----------
        keywords : sequence of str, shape (K,)
            Order of the columns; segments with other labels leave no mark.
        step_samples : int
            Samples a step; 1 gives a label for each sample.
        label_s : float
            How long the label stays one.

        Returns
        -------
        array of float32, shape (N // step_samples, K)
        """
        if step_samples < 1 or not label_s > 0.0:
            raise ConfigError(
                f"step_samples is {step_samples!r} and label_s {label_s!r}; accepted are steps from 1 and times above 0"
            )
        columns = {keyword: column for column, keyword in enumerate(keywords)}
        labels = np.zeros((len(self.samples) // step_samples, len(columns)), dtype=np.float32)
        for segment in self.segments:
            if segment.label in columns:
                # The first step whose end is at or after a sample: round up, and steps count from 0.
                first = -(-segment.word_end // step_samples) - 1
                past = -(-(segment.word_end + round(label_s * SAMPLE_RATE_HZ)) // step_samples) - 1
                labels[max(0, first) : past, columns[segment.label]] = 1.0
        return labels


class StreamSynthesizer:
    """Makes labelled streams from clips and recordings, each from a random generator alone.

    A keyword clip is never cropped: one for which no room is left in its stream is left out of that stream.
    A negative that is longer than its share of the room gives a random piece of itself.

    Parameters
    ----------
    keywords : mapping of str to sequence of array, shape (N,)
        Clips of each keyword, int16 or float32 at 16 kHz.
    negatives : sequence of array, shape (N,)
        Clips that are no keyword.
    backgrounds : sequence of array, shape (N,)
        Recordings of noise; none means silence.
    speech : sequence of array, shape (N,)
        Recordings of background talkers, laid under the words in a share of the streams.
    config : SynthesisConfig
    clip_transform : callable, optional
        ``(clip, label, rng) -> clip``, applied to each drawn clip before it is placed. It may change the
        clip in place and may change its length; the active part is then found anew.

    Raises
    ------
    DataError, AudioError
        If clips are missing, silent, or no mono audio.
    NoRoomError
        If not even the shortest clip of a keyword fits into a stream, or the least number of keywords.
    """

    def __init__(
        self,
        keywords: Mapping[str, Sequence[npt.ArrayLike]],
        negatives: Sequence[npt.ArrayLike] = (),
        backgrounds: Sequence[npt.ArrayLike] = (),
        speech: Sequence[npt.ArrayLike] = (),
        config: SynthesisConfig | None = None,
        clip_transform: ClipTransform | None = None,
    ) -> None:
        self.config = config or SynthesisConfig()
        self.clip_transform = clip_transform
        self._n_samples = self.config.n_samples
        if NEGATIVE in keywords:
            raise ConfigError("keywords holds an empty name; accepted is at least one character")
        self._keywords = [ClipBank(name, clips) for name, clips in keywords.items()]
        self._negatives = ClipBank("negatives", negatives) if len(negatives) else None
        self._backgrounds = self._recordings("backgrounds", backgrounds)
        self._speech = self._recordings("speech", speech)
        self._check_room()

    @property
    def keywords(self) -> tuple[str, ...]:
        """Names of the keywords, in the order given."""
        return tuple(bank.name for bank in self._keywords)

    def stream(self, rng: np.random.Generator) -> Stream:
        """Make one stream.

        Parameters
        ----------
        rng : numpy.random.Generator
            The stream depends on nothing else: the same generator state gives the same stream.

        Returns
        -------
        Stream
        """
        config = self.config
        drawn = self._draw_clips(rng)
        lengths = [len(clip.samples) for _, clip in drawn]
        starts = place_clips(lengths, self._n_samples, rng, config.min_gap_samples)
        noise = _draw_piece(self._backgrounds, rng)
        snrs_db = rng.uniform(*config.snr_db, len(drawn)).tolist()
        mix = LayeredMix(self._n_samples, noise)
        for (_, clip), start, snr_db in zip(drawn, starts, snrs_db, strict=True):
            mix.add_clip(clip, start, snr_db)
        if self._speech and rng.random() < config.speech_probability:
            is_keyword = [label != NEGATIVE for label, _ in drawn]
            mix.add_speech(_draw_piece(self._speech, rng), rng.uniform(*config.speech_snr_db), is_keyword)
        samples = mix.render(rng.uniform(*config.level_dbfs))
        segments = [_segment(start, *item) for start, item in zip(starts, drawn, strict=True)]
        return Stream(samples, tuple(sorted(segments)))

    def fingerprint(self) -> str:
        """Return a digest of all that a stream depends on but its generator: settings, clips, recordings.

        A `clip_transform` counts by its name only.
        """
        digest = hashlib.blake2b(json.dumps(to_dict(self.config)).encode(), digest_size=16)
        name = getattr(self.clip_transform, "__qualname__", type(self.clip_transform).__qualname__)
        digest.update(f"{name} {self.keywords!r}".encode())
        banks = [*self._keywords, *([self._negatives] if self._negatives else [])]
        groups = [
            *(bank.stored for bank in banks),
            *([r.samples for r in g] for g in (self._backgrounds, self._speech)),
        ]
        for group in groups:
            digest.update(f"group of {len(group)}".encode())
            for samples in group:
                digest.update(f"{samples.dtype} {len(samples)}".encode())
                digest.update(np.ascontiguousarray(samples).view(np.uint8).data)
        return digest.hexdigest()

    def _draw_clips(self, rng: np.random.Generator) -> list[tuple[str, Clip]]:
        config = self.config
        gap = config.min_gap_samples
        # One gap more than there are between clips, so that each clip costs itself and a gap.
        room = self._n_samples + gap
        drawn: list[tuple[str, Clip]] = []
        n_keywords = _draw_count(config.keywords_per_stream, rng) if self._keywords else 0
        for pick_bank, pick_clip in rng.random((n_keywords, 2)).tolist():
            bank = self._keywords[int(pick_bank * len(self._keywords))]
            clip = self._draw_keyword(bank, int(pick_clip * len(bank)), rng)
            if len(clip.samples) + gap <= room:
                drawn.append((bank.name, clip))
                room -= len(clip.samples) + gap
        n_negatives = _draw_count(config.negatives_per_stream, rng) if self._negatives else 0
        for remaining in range(n_negatives, 0, -1):
            negative = self._draw_negative(room // remaining - gap, rng)
            if negative is not None:
                drawn.append((NEGATIVE, negative))
                room -= len(negative.samples) + gap
        return drawn

    def _draw_keyword(self, bank: ClipBank, index: int, rng: np.random.Generator) -> Clip:
        if self.clip_transform is None:
            return bank.clip(index)
        return measure_clip(self.clip_transform(bank.audio(index), bank.name, rng))

    def _draw_negative(self, share_samples: int, rng: np.random.Generator) -> Clip | None:
        bank = self._negatives
        assert bank is not None
        index = int(rng.integers(len(bank)))
        n_samples = bank.n_samples(index)
        if self.clip_transform is None and n_samples <= share_samples:
            return bank.clip(index)
        if share_samples < _SHORTEST_CROP_SAMPLES:
            return None
        if n_samples > share_samples:
            # A piece that always filled its share would push the keywords to the ends of the stream.
            wanted = int(rng.integers(max(_SHORTEST_CROP_SAMPLES, share_samples // 2), share_samples + 1))
            piece = bank.crop(index, int(rng.integers(n_samples - wanted + 1)), wanted)
        else:
            piece = bank.audio(index)
        if self.clip_transform is not None:
            piece = self.clip_transform(piece, NEGATIVE, rng)[:share_samples]
        return measure_clip(piece)

    def _recordings(self, name: str, arrays: Sequence[npt.ArrayLike]) -> list[Recording]:
        return [Recording(f"{name}[{i}]", array, self._n_samples) for i, array in enumerate(arrays)]

    def _check_room(self) -> None:
        # A transform may shorten clips, so that nothing can be said before it ran.
        if self.clip_transform is not None or not self._keywords:
            return
        least = max(1, self.config.keywords_per_stream[0])
        shortest = [bank.shortest_samples for bank in self._keywords]
        needed = max(max(shortest), least * min(shortest) + (least - 1) * self.config.min_gap_samples)
        if needed > self._n_samples:
            raise NoRoomError(needed, self._n_samples, self._n_samples)


def _draw_piece(recordings: list[Recording], rng: np.random.Generator) -> tuple[Recording, int] | None:
    if not recordings:
        return None
    recording = recordings[rng.integers(len(recordings))]
    return recording, int(rng.integers(recording.n_starts))


def _draw_count(count_range: tuple[int, int], rng: np.random.Generator) -> int:
    return int(rng.integers(count_range[0], count_range[1] + 1))


def _segment(start: int, label: str, clip: Clip) -> Segment:
    return Segment(start, start + len(clip.samples), start + clip.active_end, label)
