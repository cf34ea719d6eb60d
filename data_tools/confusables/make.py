"""All confusables of a phrase: made of its phonemes, and real words that sound like it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data_tools.confusables.inventory import inventory
from data_tools.confusables.variants import variants
from data_tools.confusables.word_list import WordList
from data_tools.phonemes.scripts import Part, Parts, Reader
from data_tools.phonemes.symbols import Phones, contains, phones, to_codes
from data_tools.voices.base import Utterance

_WORDS = 60
_MAX_SHARE = 0.55
_MIN_DISTANCE = 1.5


@dataclass(frozen=True)
class Confusable:
    """Something that sounds like the phrase.

    Parameters
    ----------
    kind : str
        Such as ``prefix``, ``near`` or ``word``.
    parts : tuple of Part
    """

    kind: str
    parts: Parts

    @property
    def sounds(self) -> Phones:
        """All its sounds in order."""
        return sounds_of(self.parts)


def sounds_of(parts: Parts) -> Phones:
    """Return the sounds of several parts in order."""
    return tuple(sound for part in parts for sound in part.sounds)


def confusables(keyword: Parts, reader: Reader, words: dict[str, WordList]) -> list[Confusable]:
    """Return what sounds like a phrase, each sound sequence once, none of which contains the phrase.

    Parameters
    ----------
    keyword : tuple of Part
    reader : Reader
    words : dict of str to WordList
        By language; may be empty.

    Returns
    -------
    list of Confusable
        Real words first, the nearest before others.
    """
    own = sounds_of(keyword)
    found: dict[Phones, Confusable] = {}
    for confusable in (*_of_whole_parts(keyword), *_of_each_part(keyword, reader, words)):
        sounds = confusable.sounds
        if len(sounds) > 1 and not contains(sounds, own):
            found.setdefault(sounds, confusable)
    return sorted(found.values(), key=lambda confusable: confusable.kind != "word")


def _of_whole_parts(keyword: Parts) -> Iterator[Confusable]:
    """Yield the parts of a phrase in several languages alone and in the other order."""
    if len(keyword) > 1:
        for cut in range(1, len(keyword)):
            yield Confusable("prefix", keyword[:cut])
            yield Confusable("suffix", keyword[cut:])
        yield Confusable("order", keyword[::-1])


def _of_each_part(keyword: Parts, reader: Reader, words: dict[str, WordList]) -> Iterator[Confusable]:
    for index, part in enumerate(keyword):
        for kind, other in (*_real(part, reader, words.get(part.lang, WordList())), *_made(part, reader)):
            yield Confusable(kind, (*keyword[:index], other, *keyword[index + 1 :]))


def _made(part: Part, reader: Reader) -> Iterator[tuple[str, Part]]:
    transcriber = reader.transcriber(part.lang)
    phrase = part.utterance.phonemes
    candidates = variants(phrase, inventory(transcriber, part.lang, phrase))
    spoken = transcriber.spoken([to_codes(candidate) for _, candidate in candidates])
    for (kind, candidate), understood in zip(candidates, spoken, strict=True):
        # What espeak-ng says differently from what was meant is dropped.
        if phones(understood) == phones(candidate):
            yield kind, Part(part.lang, Utterance("", candidate), phones(candidate))


def _real(part: Part, reader: Reader, words: WordList) -> Iterator[tuple[str, Part]]:
    texts = [text for text, _, _ in words.nearest(part.sounds, _WORDS, _limit(part.sounds))]
    spoken_words = part.utterance.text.split()
    if len(spoken_words) == len(part.utterance.phonemes) > 1:
        for index, word in enumerate(part.utterance.phonemes):
            sounds = phones((word,))
            for text, _, _ in words.nearest(sounds, _WORDS // len(spoken_words), _limit(sounds)):
                texts.append(" ".join([*spoken_words[:index], text, *spoken_words[index + 1 :]]))
    phrases = reader.transcriber(part.lang).phrases(texts)
    for text, phrase in zip(texts, phrases, strict=True):
        yield "word", Part(part.lang, Utterance(text, phrase), phones(phrase))


def _limit(sounds: Phones) -> float:
    return max(_MIN_DISTANCE, _MAX_SHARE * len(sounds))
