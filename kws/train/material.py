"""Cut the clips of a split into what the synthesiser draws from: words, negatives, talkers and noise."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.activity import active_region
from kws.audio import to_float32
from kws.config import SAMPLE_RATE_HZ
from kws.train.clip import Clip, Pcm
from kws.train.corpus import Split
from kws.train.material_config import MaterialConfig
from kws.train.splices import near_words, spliced_words

_MARGIN_SAMPLES = SAMPLE_RATE_HZ // 4
_PIECE_SAMPLES = 3 * SAMPLE_RATE_HZ
_TALK_SAMPLES = 8 * SAMPLE_RATE_HZ
_MIN_TALKER_CLIPS = 4
_FADE_SAMPLES = SAMPLE_RATE_HZ // 200


@dataclass(frozen=True)
class Material:
    """What streams are made of; arrays of int16 that may be shared."""

    keywords: dict[str, list[Pcm]]
    negatives: list[Pcm]
    talkers: list[Pcm]
    noise: list[Pcm]


def prepare_material(
    split: Split, rng: np.random.Generator, config: MaterialConfig | None = None, spoken_share: float = 0.5
) -> Material:
    """Trim, cut and arrange the training clips.

    Keywords are trimmed to the active part with 250 ms around it. Long negatives are cut into pieces of 3 s, so
    that an hour of reading weighs more than a second of a command. The halves of keywords, words that begin or
    end like them, and pseudo-words of spliced speech are negatives too, as many as `config` says; they are made of
    recordings of people where there are any. `spoken_share` is that of :class:`kws.train.data_config.DataConfig`.
    Talkers, for speech under the word, are the long negatives and the short ones of one speaker strung together.
    """
    config = config or MaterialConfig()
    words = [clip.samples for clip in _people(clip for clips in split.keywords.values() for clip in clips)]
    cut = [[piece for piece in _pieces(clip.samples) if piece.any()] for clip in split.negatives]
    # Without other speech the keywords are speech for one another.
    speech = [piece for pieces in cut for piece in pieces] or words
    drawn = [p for c, pieces in zip(split.negatives, cut, strict=True) for p in pieces * _copies(c.weight, rng)]
    halves = [half for word in words for half in half_words(word)]
    repeats = _times(config.half_words * len(speech), len(halves))
    near = near_words(words, speech, _times(config.near_words * len(speech), len(words)), rng)
    spliced = spliced_words(speech, round(config.spliced_words * len(speech)), rng)
    return Material(
        {name: _drawn_words(clips, spoken_share, rng) for name, clips in split.keywords.items()},
        [*drawn, *halves * repeats, *near, *spliced],
        _talkers(split.negatives, rng),
        [clip.samples for clip in split.noise],
    )


def _people(clips: Iterable[Clip]) -> list[Clip]:
    """Return the recordings of people; all where there are none."""
    found = list(clips)
    return [clip for clip in found if not clip.is_synthetic] or found


def _drawn_words(clips: list[Clip], spoken_share: float, rng: np.random.Generator) -> list[Pcm]:
    """Return each word as often as its weight and the share of spoken ones say, one of them at least."""
    weights = np.array([clip.weight for clip in clips])
    is_made = np.array([clip.is_synthetic for clip in clips])
    made, recorded = weights[is_made].sum(), weights[~is_made].sum()
    if made > 0.0 and recorded > 0.0:
        # The rarer ones are repeated; nothing is left out to make a share right, but for a share of nothing.
        wanted = recorded * spoken_share / max(1.0 - spoken_share, 1e-3)
        weights[is_made] *= max(1.0, wanted / made) if spoken_share > 0.0 else 0.0
        weights[~is_made] *= max(1.0, made / wanted) if spoken_share > 0.0 else 1.0
    counts = [_copies(float(weight), rng) for weight in weights]
    if not any(counts):
        counts = [1] * len(clips)
    # Only what is drawn is trimmed.
    return [w for clip, n in zip(clips, counts, strict=True) if n for w in [trim(clip.samples)] * n]


def trim(samples: Pcm) -> Pcm:
    """Return the active part of a clip with 250 ms of its surroundings, faded at the cuts."""
    start, end = active_region(to_float32(samples))
    return _faded(samples[max(0, start - _MARGIN_SAMPLES) : end + _MARGIN_SAMPLES])


def half_words(samples: Pcm) -> list[Pcm]:
    """Return the first and the second half of the active part of a clip, faded at the cuts."""
    start, end = active_region(to_float32(samples))
    middle = (start + end) // 2
    first = samples[max(0, start - _MARGIN_SAMPLES) : middle]
    return [_faded(first), _faded(samples[middle : end + _MARGIN_SAMPLES])]


def _faded(samples: Pcm) -> Pcm:
    result = samples.copy()
    length = min(_FADE_SAMPLES, len(samples) // 2)
    if length:
        ramp: npt.NDArray[np.float32] = np.linspace(0.0, 1.0, length, dtype=np.float32)
        result[:length] = result[:length] * ramp
        result[-length:] = result[-length:] * ramp[::-1]
    return result


def _times(wanted: float, available: int) -> int:
    """Return how often each of some clips is used to have about as many as are wanted: once at least, if any are."""
    return max(1, round(wanted / available)) if wanted > 0.0 else 0


def _copies(weight: float, rng: np.random.Generator) -> int:
    # A fraction of a copy is a whole one for that fraction of the clips.
    return int(weight) + int(rng.random() < weight - int(weight))


def _pieces(samples: Pcm) -> list[Pcm]:
    count = max(1, round(len(samples) / _PIECE_SAMPLES))
    return [_faded(piece) for piece in np.array_split(samples, count)]


def _talkers(clips: list[Clip], rng: np.random.Generator) -> list[Pcm]:
    long = [clip.samples for clip in clips if len(clip.samples) >= _PIECE_SAMPLES]
    short = [clip for clip in clips if len(clip.samples) < _PIECE_SAMPLES]
    counts = Counter(clip.speaker for clip in short)
    voices: dict[str, list[Pcm]] = defaultdict(list)
    for clip in short:
        start, end = active_region(to_float32(clip.samples))
        # Speakers of a clip or two are strung together by folder: mixed talk is better than none.
        has_enough = clip.speaker and counts[clip.speaker] >= _MIN_TALKER_CLIPS
        voices[clip.speaker if has_enough else clip.path.partition("/")[0]].append(_faded(clip.samples[start:end]))
    strung: list[Pcm] = []
    for words in voices.values():
        joined = np.concatenate([words[i] for i in rng.permutation(len(words))])
        strung += np.array_split(joined, max(1, len(joined) // _TALK_SAMPLES))
    return long + strung
