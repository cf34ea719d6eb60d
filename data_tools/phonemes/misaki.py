"""espeak-ng's English phonemes in the letters that Kokoro and Hibari were trained on (Misaki)."""

from __future__ import annotations

from data_tools.phonemes.symbols import STRESS, Phrase

_WHOLE = {
    "eɪ": "A",
    "aɪ": "I",
    "aʊ": "W",
    "oʊ": "O",
    "əʊ": "Q",
    "ɔɪ": "Y",
    "tʃ": "ʧ",
    "dʒ": "ʤ",
    "ɚ": "əɹ",
    "ɜː": "ɜɹ",
    "əl": "ᵊl",
    "n̩": "ᵊn",
    "aɪɚ": "Iəɹ",
    "aɪə": "Iə",
    "oːɹ": "ɔɹ",
    "ɾ": "T",
}
_LETTERS = {"ɐ": "ə", "r": "ɹ", "g": "ɡ", "x": "k", "e": "A", "o": "ɔ", "ʔ": "t", "ː": "", "\u0329": ""}


def to_misaki(phrase: Phrase) -> str:
    """Return the phrase as Misaki writes American English; letters beyond its alphabet are left to the engine.

    References
    ----------
    Misaki's ``EN_PHONES.md``: capitals are diphthongs, ``T`` is the flap.
    """
    return " ".join("".join(_letter(phoneme.ipa) for phoneme in word) for word in phrase)


def _letter(ipa: str) -> str:
    sound = ipa.lstrip(STRESS)
    stress = ipa[: len(ipa) - len(sound)]
    return stress + (_WHOLE.get(sound) or "".join(_LETTERS.get(c, c) for c in sound))
