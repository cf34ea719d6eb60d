"""Phrases that are made from a phrase's phonemes: parts of it, other orders, one sound changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

from data_tools.confusables.inventory import with_stress_of
from data_tools.phonemes.symbols import Phoneme, Phrase, Word, bare, is_vowel, replacement_cost, syllables

_MAX_ORDERS = 12
# Other accents say the phrase itself like this: as negatives they would teach to miss them.
_ACCENTS = [frozenset(pair) for pair in (("u", "ʊ"), ("i", "ɪ"), ("ɔ", "ɑ"), ("a", "æ"), ("ɑ", "æ"), ("oʊ", "ɔ"))]
Variant = tuple[str, Phrase]
"""Its kind and its phonemes."""


def variants(phrase: Phrase, sounds: Mapping[str, Phoneme]) -> list[Variant]:
    """Return what is made from the phonemes of a phrase.

    Parameters
    ----------
    phrase : tuple of words
    sounds : mapping of str to Phoneme
        The language's, by their sound.

    Returns
    -------
    list of (kind, phrase)
        ``prefix`` and ``suffix`` at each border of syllables, ``dropped`` and ``swapped`` syllables, ``order`` of
        words, ``near`` (one sound replaced by a similar one) and ``rhyme`` (the onset of a syllable replaced by any
        consonant).
    """
    return [*_cuts(phrase), *_syllable_changes(phrase), *_orders(phrase), *_replaced(phrase, sounds)]


def _cuts(phrase: Phrase) -> Iterator[Variant]:
    pieces = _pieces(phrase)
    for cut in range(1, len(pieces)):
        yield "prefix", _joined(pieces[:cut])
        yield "suffix", _joined(pieces[cut:])


def _syllable_changes(phrase: Phrase) -> Iterator[Variant]:
    pieces = _pieces(phrase)
    for index in range(1, len(pieces) - 1):
        yield "dropped", _joined(pieces[:index] + pieces[index + 1 :])
    for index in range(len(pieces) - 1):
        (first_word, first), (second_word, second) = pieces[index : index + 2]
        swapped = [(first_word, second), (second_word, first)]
        yield "swapped", _joined(pieces[:index] + swapped + pieces[index + 2 :])


def _orders(phrase: Phrase) -> Iterator[Variant]:
    for number, order in enumerate(permutations(phrase)):
        if number > _MAX_ORDERS:
            return
        if order != phrase:
            yield "order", order


def _replaced(phrase: Phrase, sounds: Mapping[str, Phoneme]) -> Iterator[Variant]:
    for w, word in enumerate(phrase):
        onsets = _onsets(word)
        for index, phoneme in enumerate(word):
            own = bare(phoneme)
            for sound, other in sounds.items():
                if sound == own or is_vowel(sound) != is_vowel(own) or _is_accent(phoneme, sound):
                    continue
                is_near = replacement_cost(own, sound) < 1.0
                if is_near or index in onsets:
                    changed = (*word[:index], with_stress_of(other, phoneme), *word[index + 1 :])
                    yield "near" if is_near else "rhyme", (*phrase[:w], changed, *phrase[w + 1 :])


def _is_accent(phoneme: Phoneme, sound: str) -> bool:
    """Return whether some speaker says this sound where another one says the phoneme."""
    own = bare(phoneme)
    if is_vowel(own):
        # Vowels without stress are weak in one accent and full in the next.
        is_weak = not phoneme.tone and not phoneme.ipa.startswith(("ˈ", "ˌ"))
        return is_weak or "ə" in (own, sound) or frozenset((own, sound)) in _ACCENTS
    return {own, sound} == {"t", "d"} and phoneme.ipa == "ɾ"


def _onsets(word: Word) -> set[int]:
    """Return the places of consonants that begin a syllable."""
    starts, place = set(), 0
    for syllable in syllables(word):
        if not is_vowel(bare(syllable[0])):
            starts.add(place)
        place += len(syllable)
    return starts


def _pieces(phrase: Phrase) -> list[tuple[int, Word]]:
    return [(number, syllable) for number, word in enumerate(phrase) for syllable in syllables(word)]


def _joined(pieces: list[tuple[int, Word]]) -> Phrase:
    words: dict[int, Word] = {}
    for number, syllable in pieces:
        words[number] = words.get(number, ()) + syllable
    return tuple(words.values())
