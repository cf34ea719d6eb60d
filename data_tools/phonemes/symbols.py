"""Phonemes as espeak-ng writes them, and what is the same, similar or a syllable among them."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Phoneme(NamedTuple):
    """One phoneme.

    Parameters
    ----------
    ipa : str
        International Phonetic Alphabet, with a stress mark before it and without its tone.
    code : str
        espeak-ng's own name of it in its language, which it speaks.
    tone : str
        Digits, in a language that has tones.
    """

    ipa: str
    code: str
    tone: str = ""


Word = tuple[Phoneme, ...]
Phrase = tuple[Word, ...]
Phones = tuple[str, ...]
"""Bare phonemes: without stress and length, variants of one sound folded together."""

STRESS = "ˈˌ"
_VOWELS = frozenset("aeiouyæɐɑɒɔəɚɛɜɞɪɨɵøœɤɯʉʊʌʏᵻᵊɘ")
_SECOND_OF_ONSET = frozenset({"j", "w", "r", "l", "ʋ", "ʲ"})
# One sound to a listener, or to a detector: American and British forms, flaps, weak vowels.
_SAME = {
    "ɾ": "t",
    "ɹ": "r",
    "ɡ": "g",
    "ɐ": "ə",
    "ʌ": "ə",
    "ɚ": "ə",
    "ɜ": "ə",
    "ᵻ": "ɪ",
    "ɒ": "ɑ",
    "əʊ": "oʊ",
    "o": "ɔ",
}
_SIMILAR = (
    *("p b", "t d", "k g", "f v", "s z", "ʃ ʒ", "tʃ dʒ", "θ ð", "m n ŋ", "p t k", "b d g", "f θ s ʃ", "v ð z ʒ"),
    *("l r w", "w v", "j i", "tʃ ʃ", "dʒ ʒ", "d ð", "t θ", "h f"),
    *("i ɪ eɪ", "eɪ ɛ æ", "ə ɛ ɪ ɑ ʊ", "u ʊ", "oʊ ɔ u", "ɑ ɔ æ a", "aɪ eɪ ɔɪ", "aʊ oʊ", "e ɛ i", "ɔ ɑ ə"),
)
_GROUPS = [frozenset(group.split()) for group in _SIMILAR]
_MIXED_COST = 1.5
_SIMILAR_COST = 0.5


def bare(phoneme: Phoneme) -> str:
    """Return a phoneme's sound: no stress, no length, variants folded, its tone behind it."""
    decomposed = unicodedata.normalize("NFD", phoneme.ipa)
    kept = "".join(c for c in decomposed if c not in STRESS and c not in "ːˑʔ" and not unicodedata.combining(c))
    return _SAME.get(kept, kept) + phoneme.tone


def phones(phrase: Phrase) -> Phones:
    """Return the sounds of a phrase without its word boundaries."""
    sounds = (bare(phoneme) for word in phrase for phoneme in word)
    return tuple(sound for sound in sounds if sound)


def is_vowel(sound: str) -> bool:
    """Return whether a sound makes a syllable."""
    return any(c in _VOWELS for c in sound)


def syllables(word: Word) -> list[Word]:
    """Divide a word into syllables, each with the longest plain onset: kəm-pjuː-tə.

    A word without a vowel is one syllable.
    """
    sounds = [bare(phoneme) for phoneme in word]
    nuclei = [index for index, sound in enumerate(sounds) if is_vowel(sound)]
    starts = [0]
    for previous, nucleus in zip(nuclei, nuclei[1:], strict=False):
        start = nucleus
        if start - 1 > previous:
            start -= 1
            if sounds[start] in _SECOND_OF_ONSET and start - 1 > previous and sounds[start - 1] not in "mnŋlr":
                start -= 1
        starts.append(start)
    return [word[start:end] for start, end in zip(starts, [*starts[1:], len(word)], strict=True)]


def contains(longer: Phones, shorter: Phones) -> bool:
    """Return whether the sounds of the shorter follow each other somewhere in the longer."""
    n = len(shorter)
    return n > 0 and any(longer[start : start + n] == shorter for start in range(len(longer) - n + 1))


def replacement_cost(first: str, second: str) -> float:
    """Return what it costs to hear one sound for the other: 0 to 1.5."""
    if first == second:
        return 0.0
    if any(first in group and second in group for group in _GROUPS):
        return _SIMILAR_COST
    without_tone = first.rstrip("0123456789") == second.rstrip("0123456789")
    if without_tone:
        return _SIMILAR_COST
    return 1.0 if is_vowel(first) == is_vowel(second) else _MIXED_COST


def distances(sounds: Phones, others: list[Phones]) -> npt.NDArray[np.float64]:
    """Return the edit distance of a word's sounds to those of many others.

    A sound that is left out or added costs 1, a replaced one 0.5 (similar) to 1.5 (vowel for consonant).

    Parameters
    ----------
    sounds : tuple of str, length n
    others : list of tuples of str

    Returns
    -------
    array of float64, shape (len(others),)
    """
    result = np.zeros(len(others))
    inventory = sorted({sound for other in others for sound in other})
    number = {sound: index for index, sound in enumerate(inventory)}
    costs = np.array([[replacement_cost(a, b) for b in inventory] for a in sounds]).reshape(len(sounds), -1)
    by_length: dict[int, list[int]] = {}
    for index, other in enumerate(others):
        by_length.setdefault(len(other), []).append(index)
    for length, indices in by_length.items():
        table = np.array([[number[sound] for sound in others[index]] for index in indices], np.int64)
        result[indices] = _aligned(costs, table.reshape(len(indices), length))
    return result


def _aligned(costs: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the distances to words of one length, shape (W,), from the table of their sounds, shape (W, length)."""
    n_words, length = table.shape
    row = np.tile(np.arange(length + 1, dtype=np.float64), (n_words, 1))
    for i in range(len(costs)):
        above, row = row, np.empty_like(row)
        row[:, 0] = i + 1
        for j in range(length):
            replaced = above[:, j] + costs[i, table[:, j]]
            row[:, j + 1] = np.minimum(replaced, np.minimum(above[:, j + 1], row[:, j]) + 1.0)
    return row[:, length]


def to_codes(phrase: Phrase) -> str:
    """Return what espeak-ng speaks between double brackets."""
    # The bar keeps two codes apart that together would be the code of a third sound.
    return " ".join("|".join(phoneme.code for phoneme in word) for word in phrase)


def to_ipa(phrase: Phrase) -> str:
    """Return a phrase in the International Phonetic Alphabet."""
    return " ".join("".join(phoneme.ipa + phoneme.tone for phoneme in word) for word in phrase)
