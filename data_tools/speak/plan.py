"""What is to be spoken: clip ``i`` of a kind depends on the settings, the seed and ``i`` alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_tools.confusables import Confusable
from data_tools.phonemes.scripts import Part, Parts
from data_tools.phonemes.symbols import to_ipa
from data_tools.speak.speakers import Cast, Speaker
from data_tools.voices import VOICES, Style, Utterance

POSITIVES, CONFUSABLES, SENTENCES = "positives", "confusables", "sentences"
KINDS = (POSITIVES, CONFUSABLES, SENTENCES)
NEGATIVE = "negative"

_RATE = (0.78, 1.32)
# What an intonation hangs on; a word is called, told, asked, and said before other words.
_ENDINGS = ("", ".", "!", "?", ",")
_WORD_SHARE = 0.5

_FORMAT = 1


@dataclass(frozen=True)
class Counts:
    """How many clips are wanted."""

    positives: int = 300
    confusables: int = 300
    sentences: int = 300

    def of(self, kind: str) -> int:
        """Return the number of a kind."""
        return int(getattr(self, kind))


@dataclass(frozen=True)
class Job:
    """One clip to be spoken.

    Parameters
    ----------
    kind : str
        Of :data:`KINDS`.
    index : int
    label : str
    parts : tuple of Part
    speaker : Speaker
    style : Style
    ending : str
        Punctuation, which no phoneme is.
    """

    kind: str
    index: int
    label: str
    parts: Parts
    speaker: Speaker
    style: Style
    ending: str

    @property
    def name(self) -> str:
        """Path below the folder: the same for the same settings, another for others."""
        said = repr((_FORMAT, [(p.lang, p.utterance) for p in self.parts], self.speaker, self.style, self.ending))
        digest = hashlib.sha256(said.encode()).hexdigest()[:10]
        return f"{self.kind}/{self.index:05d}-{self.speaker.engine}-{digest}.flac"

    @property
    def transcript(self) -> str:
        """What is said in words; phonemes between slashes where there are no words for it."""
        return transcript_of(self.parts)

    @property
    def n_sounds(self) -> int:
        """Number of phonemes."""
        return sum(len(part.sounds) for part in self.parts)


class Plan:
    """All clips of a phrase.

    Parameters
    ----------
    keyword : tuple of Part
    label : str
        The keyword's name.
    confusables : sequence of Confusable
    sentences : sequence of tuple of Part
    cast : Cast
    seed : int
    """

    def __init__(
        self,
        keyword: Parts,
        label: str,
        confusables: Sequence[Confusable],
        sentences: Sequence[Parts],
        cast: Cast,
        seed: int,
    ) -> None:
        self.label = label
        self._cast = cast
        self._seed = seed
        kinds = sorted({confusable.kind for confusable in confusables})
        of_kind = {kind: [c.parts for c in confusables if c.kind == kind] for kind in kinds}
        self._said: dict[str, dict[str, list[Parts]]] = {
            POSITIVES: {"": [keyword]},
            CONFUSABLES: {kind: speakable for kind, parts in of_kind.items() if (speakable := self._speakable(parts))},
            SENTENCES: {"": speakable} if (speakable := self._speakable(sentences)) else {},
        }

    def n_different(self, kind: str) -> int:
        """Return how many different things are said; 0 if there is nothing to say."""
        return sum(map(len, self._said[kind].values()))

    def job(self, kind: str, index: int) -> Job:
        """Return the clip of a number; the kind must have something to say."""
        rng = np.random.default_rng([self._seed, KINDS.index(kind), index])
        parts = self._pick(kind, rng)
        langs = tuple(part.lang for part in parts)
        only_phonemes = not all(part.utterance.text for part in parts)
        shares = self._cast.able(langs, only_phonemes, is_phrase=kind == POSITIVES)
        engine = list(shares)[int(rng.choice(len(shares), p=list(shares.values())))]
        speakers = self._cast.speakers(engine, langs)
        speaker = speakers[int(rng.integers(len(speakers)))]
        style = Style(
            rate=round(float(np.exp(rng.uniform(*np.log(_RATE)))), 3),
            pitch=round(float(rng.uniform(-1.0, 1.0)), 3),
            tract=round(float(rng.uniform(*VOICES[engine].tract)), 3),
            seed=int(rng.integers(1 << 31)),
        )
        ending = _ENDINGS[int(rng.integers(len(_ENDINGS)))] if kind != SENTENCES else "."
        return Job(kind, index, self.label if kind == POSITIVES else NEGATIVE, parts, speaker, style, ending)

    def _pick(self, kind: str, rng: np.random.Generator) -> Parts:
        groups = self._said[kind]
        names = sorted(groups)
        # Real words are half: people say them, and every engine can.
        if "word" in names and (len(names) == 1 or rng.random() < _WORD_SHARE):
            group = groups["word"]
        else:
            others = [name for name in names if name != "word"]
            group = groups[others[int(rng.integers(len(others)))]]
        return group[int(rng.integers(len(group)))]

    def _speakable(self, said: Sequence[Parts]) -> list[Parts]:
        return [
            parts
            for parts in said
            if self._cast.able(
                tuple(part.lang for part in parts), only_phonemes=not all(part.utterance.text for part in parts)
            )
        ]


def transcript_of(parts: Parts) -> str:
    """Return what parts say, in words or in phonemes."""
    return " ".join(part.utterance.text or f"/{to_ipa(part.utterance.phonemes)}/" for part in parts)


def spoken_part(part: Part, ending: str) -> Utterance:
    """Return what an engine is given: the text with its punctuation, or the phonemes alone."""
    utterance = part.utterance
    return replace(utterance, text=utterance.text + ending, phonemes=()) if utterance.text else utterance
