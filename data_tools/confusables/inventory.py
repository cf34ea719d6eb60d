"""The sounds of a language, found by asking espeak-ng how it says them."""

from __future__ import annotations

from data_tools.phonemes.symbols import Phoneme, Phrase, bare
from data_tools.phonemes.transcribe import Transcriber

# Codes that many of espeak-ng's languages share; each is asked for.
_CONSONANTS = [
    "p",
    "b",
    "t",
    "d",
    "k",
    "g",
    "f",
    "v",
    "s",
    "z",
    "S",
    "Z",
    "T",
    "D",
    "tS",
    "dZ",
    "m",
    "n",
    "N",
    "l",
    "r",
    "h",
    "j",
    "w",
    "R",
    "x",
]
_VOWELS = [
    "a",
    "e",
    "i",
    "o",
    "u",
    "E",
    "O",
    "I",
    "U",
    "V",
    "@",
    "0",
    "aa",
    "3:",
    "A:",
    "O:",
    "i:",
    "u:",
    "a:",
    "e:",
    "o:",
    "eI",
    "aI",
    "OI",
    "aU",
    "oU",
]
_TONES = {"zh": ("55", "35", "214", "51", "21"), "yue": tuple("123456"), "vi": tuple("1234567")}


def inventory(transcriber: Transcriber, lang: str, phrase: Phrase) -> dict[str, Phoneme]:
    """Return phonemes of a language by their sound, unstressed; those of the phrase among them."""
    own = {bare(phoneme): _plain(phoneme) for word in phrase for phoneme in word if phoneme.code}
    toned = [
        phoneme.code[: -len(phoneme.tone)] + tone
        for phoneme in own.values()
        if phoneme.tone
        for tone in _TONES.get(lang, ())
    ]
    codes = [*toned] if toned else [*_CONSONANTS, *_VOWELS]
    if toned:
        codes += _CONSONANTS
    found = dict(own)
    for code, spoken in zip(codes, transcriber.spoken(codes), strict=True):
        # What the language lacks comes back as something else, or not at all.
        if len(spoken) == 1 and len(spoken[0]) == 1 and spoken[0][0].code.lstrip("',") == code:
            found.setdefault(bare(spoken[0][0]), _plain(spoken[0][0]))
    return found


def _plain(phoneme: Phoneme) -> Phoneme:
    return Phoneme(phoneme.ipa.lstrip("ˈˌ"), phoneme.code.lstrip("',%="), phoneme.tone)


def with_stress_of(phoneme: Phoneme, model: Phoneme) -> Phoneme:
    """Return a phoneme with the stress of another one."""
    ipa_stress = model.ipa[: len(model.ipa) - len(model.ipa.lstrip("ˈˌ"))]
    code_stress = model.code[: len(model.code) - len(model.code.lstrip("',%="))]
    return Phoneme(ipa_stress + phoneme.ipa, code_stress + phoneme.code, phoneme.tone)
