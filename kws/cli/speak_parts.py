"""What ``kws speak`` hands to the data tools: a model as a judge of clips, and the plan of a phrase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

if TYPE_CHECKING:
    from data_tools.confusables import WordList
    from data_tools.phonemes.scripts import Parts, Reader
    from data_tools.speak import Counts, Plan
    from data_tools.voices import VoiceOptions
    from kws.runtime import Detector

_AROUND_S = 0.7


@dataclass(frozen=True)
class ModelListener:
    """Says whether a model detects anything in a clip; it travels to other processes, the model does not.

    Parameters
    ----------
    path : Path
    """

    path: Path

    def open(self) -> None:
        """Raise ModelFileError if the model cannot be read."""
        _detector(self.path)

    def __call__(self, clip: FloatArray) -> bool:
        """Return whether there is an event, with silence before the clip and after it."""
        detector = _detector(self.path)
        detector.reset()
        return bool(detector.process(np.pad(clip, round(_AROUND_S * SAMPLE_RATE_HZ))))


@lru_cache(2)
def _detector(path: Path) -> Detector:
    from kws.runtime import Detector

    return Detector.open(path)


@dataclass(frozen=True)
class Wishes:
    """What a user asked for.

    Parameters
    ----------
    phrase, lang : str
    counts : Counts
    engines : tuple of str
    options : VoiceOptions
    text, words : Path or None
    seed : int
    """

    phrase: str
    lang: str
    counts: Counts
    engines: tuple[str, ...]
    options: VoiceOptions
    text: Path | None
    words: Path | None
    seed: int


@dataclass(frozen=True)
class Prepared:
    """A plan and what should be told about it."""

    plan: Plan
    langs: tuple[str, ...]
    engines: list[str]
    phrase_engines: list[str]
    absent: dict[str, str]
    notices: list[str]


def prepare(wishes: Wishes) -> Prepared:
    """Read the phrase, open the engines, and find what sounds like the phrase."""
    from data_tools.confusables import confusables
    from data_tools.confusables.make import sounds_of
    from data_tools.phonemes.scripts import Reader
    from data_tools.speak.plan import Plan
    from data_tools.speak.sentences import bundled, from_file, read_sentences
    from data_tools.speak.speakers import open_cast

    reader = Reader(wishes.lang)
    reader.transcriber(wishes.lang)
    keyword = reader.read(wishes.phrase)
    langs = tuple(part.lang for part in keyword)
    cast, absent = open_cast(wishes.engines, wishes.options, langs)
    notices: list[str] = []
    similar = []
    if wishes.counts.confusables:
        similar = confusables(keyword, reader, _word_lists(keyword, reader, wishes, notices))
    texts: list[str] = []
    if wishes.counts.sentences:
        own = next((lang for lang in langs if bundled(lang)), wishes.lang)
        texts = from_file(wishes.text) if wishes.text is not None else bundled(own)
        if not texts:
            notices.append(f"no sentences of our own in {wishes.lang!r}; give some: --text FILE")
    sentences = read_sentences(texts, sounds_of(keyword), reader)
    plan = Plan(keyword, label_of(wishes.phrase), similar, sentences, cast, wishes.seed)
    phrase_engines = list(cast.able(langs, only_phonemes=False, is_phrase=True))
    return Prepared(plan, langs, cast.engines, phrase_engines, absent, notices)


def label_of(phrase: str) -> str:
    """Return the keyword's name: the phrase in small letters with dashes."""
    from data_tools.phonemes.transcribe import plain

    return plain(phrase).lower().replace("'", "").replace("’", "").replace(" ", "-")


def _word_lists(keyword: Parts, reader: Reader, wishes: Wishes, notices: list[str]) -> dict[str, WordList]:
    from data_tools.confusables.word_list import load_word_list, package_of

    lists: dict[str, WordList] = {}
    langs = list(dict.fromkeys(part.lang for part in keyword))
    # A list is of the language that has such lists: in "你好 lumi" of English.
    listed = [lang for lang in langs if package_of(lang)] or [wishes.lang]
    for lang in langs:
        found = load_word_list(lang, reader.transcriber(lang), wishes.words if lang in listed else None)
        if not found.words and (package := package_of(lang)):
            notices.append(f"no list of real words that sound alike: apt-get install {package}")
        lists[lang] = found
    return lists
