"""Which language a part of a phrase is in, by its script: "你好 lumi" is Mandarin, then English."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from data_tools.phonemes.symbols import Phones, phones
from data_tools.phonemes.transcribe import Transcriber, plain
from data_tools.voices.base import Utterance
from kws.errors import ConfigError

# The first word of a character's Unicode name, and the language that a script is taken for unless it is the user's.
_SCRIPTS = {
    "LATIN": "en",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "CYRILLIC": "ru",
    "GREEK": "el",
    "ARABIC": "ar",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "THAI": "th",
}
_WRITTEN_IN = {
    "zh": {"CJK"},
    "yue": {"CJK"},
    "ja": {"CJK", "HIRAGANA", "KATAKANA"},
    "ko": {"HANGUL", "CJK"},
    **{lang: {"CYRILLIC"} for lang in ("ru", "uk", "bg", "be", "mk", "kk", "ky", "tt", "sr")},
    **{lang: {"DEVANAGARI"} for lang in ("hi", "mr", "ne", "kok")},
    **{lang: {"ARABIC"} for lang in ("ar", "fa", "ur", "ug", "sd")},
    "el": {"GREEK"},
    "he": {"HEBREW"},
    "th": {"THAI"},
}


@dataclass(frozen=True)
class Part:
    """A stretch of one language.

    Parameters
    ----------
    lang : str
    utterance : Utterance
    sounds : tuple of str
        Its bare phonemes.
    """

    lang: str
    utterance: Utterance
    sounds: Phones


Parts = tuple[Part, ...]


class Reader:
    """Reads texts as parts with phonemes; one transcriber a language.

    Parameters
    ----------
    lang : str
        The language of the user, in whose script it is preferred.
    """

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._transcribers: dict[str, Transcriber] = {}

    def transcriber(self, lang: str) -> Transcriber:
        """Return the transcriber of a language.

        Raises
        ------
        VoiceError
            If espeak-ng does not know the language.
        """
        if lang not in self._transcribers:
            self._transcribers[lang] = Transcriber(lang)
        return self._transcribers[lang]

    def read(self, text: str) -> Parts:
        """Return the parts of a text.

        Raises
        ------
        ConfigError
            If nothing in it can be spoken.
        """
        return self.read_all([text])[0]

    def read_all(self, texts: list[str]) -> list[Parts]:
        """Return the parts of many texts, with one call of the transcriber a language."""
        divided = [split(text, self.lang) for text in texts]
        known: dict[tuple[str, str], Part] = {}
        for lang in sorted({lang for parts in divided for _, lang in parts}):
            wanted = sorted({part for parts in divided for part, part_lang in parts if part_lang == lang})
            for part, phrase in zip(wanted, self.transcriber(lang).phrases(wanted), strict=True):
                if phrase:
                    known[part, lang] = Part(lang, Utterance(part, phrase), phones(phrase))
        found = [tuple(known[part] for part in parts if part in known) for parts in divided]
        silent = [text for text, parts in zip(texts, found, strict=True) if not parts]
        if silent:
            raise ConfigError(f"{silent[0]!r} has no phonemes in language {self.lang!r}; accepted are words")
        return found


def split(text: str, lang: str) -> list[tuple[str, str]]:
    """Return the stretches of a text and their languages, without punctuation.

    Letters of the language's own script are of that language; others are of the language that is most common for their
    script. Digits and spaces go with what is before them.
    """
    stretches: list[tuple[str, str]] = []
    for character in plain(text):
        script = _script(character)
        if script is None:
            own = stretches[-1][1] if stretches else lang
        else:
            own = lang if script in _scripts_of(lang) else _SCRIPTS.get(script, lang)
        if stretches and stretches[-1][1] == own:
            stretches[-1] = stretches[-1][0] + character, own
        else:
            stretches.append((character, own))
    return [(stretch.strip(), own) for stretch, own in stretches if stretch.strip()]


def _script(character: str) -> str | None:
    if unicodedata.category(character)[0] != "L":
        return None
    return unicodedata.name(character, "").split(" ")[0].split("-")[0]


def _scripts_of(lang: str) -> set[str]:
    return _WRITTEN_IN.get(lang.split("-")[0], {"LATIN"})
