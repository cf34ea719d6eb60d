"""Text to phonemes by espeak-ng, many lines in one call."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from data_tools.phonemes.symbols import Phoneme, Phones, Phrase, Word, phones
from data_tools.programs import require_program, run_program
from kws.errors import VoiceError

_VOICES = {"en": "en-us", "zh": "cmn-latn-pinyin"}
_TONAL = frozenset({"zh", "yue", "vi"})
_SEPARATOR = "/"
# A whole word list takes twenty seconds of CPU, on a busy computer far longer.
_TIMEOUT_S = 3600.0
_OTHER_LANGUAGE = re.compile(r"\([a-z0-9-]+\)")
_TONE_AT_END = re.compile(r"[0-9ɜ˥˦˧˨˩]+$")


class Transcriber:
    """Writes texts of one language as phonemes.

    Parameters
    ----------
    lang : str
        As BCP 47, in lower case.

    Raises
    ------
    VoiceError
        If espeak-ng is not installed or does not know the language.
    """

    def __init__(self, lang: str) -> None:
        self._program = require_program("espeak-ng", "espeak-ng")
        self._voice = _VOICES.get(lang, lang)
        self._is_tonal = lang in _TONAL
        try:
            self._lines("--ipa", ["a"])
        except VoiceError:
            raise VoiceError(
                f"no voice and no phonemes of language {lang!r}; `espeak-ng --voices` lists them"
            ) from None

    def phrases(self, texts: Sequence[str]) -> list[Phrase]:
        """Return the phonemes of each text; empty for a text without any."""
        return self._read([plain(text) for text in texts])

    def sounds(self, texts: Sequence[str]) -> list[Phones]:
        """Return the sounds of each text, in half the time of :meth:`phrases`; without tones."""
        shown = self._lines("--ipa", [plain(text) for text in texts])
        words = ([[Phoneme(symbol, "") for symbol in word] for word in _words(line)] for line in shown)
        return [phones(tuple(map(tuple, line))) for line in words]

    def spoken(self, codes: Sequence[str]) -> list[Phrase]:
        """Return how espeak-ng understands its own codes: what it does not know is dropped or read otherwise."""
        return self._read([f"[[{code}]]" for code in codes])

    def _read(self, lines: Sequence[str]) -> list[Phrase]:
        pairs = zip(self._lines("--ipa", lines), self._lines("-x", lines), strict=True)
        return [self._phrase(ipa, codes) for ipa, codes in pairs]

    def _lines(self, form: str, lines: Sequence[str]) -> list[str]:
        if not lines:
            return []
        arguments = [self._program, "-q", form, f"--sep={_SEPARATOR}", "-b", "1", "-v", self._voice]
        # Read line by line, each line of input is one of output.
        shown = run_program(arguments, "\n".join(lines) + "\n", _TIMEOUT_S).splitlines()
        if len(shown) == len(lines):
            return shown
        if len(lines) == 1:
            return [" ".join(shown)]
        # A line that is very long was broken: one of a smaller number is found by itself.
        middle = len(lines) // 2
        return self._lines(form, lines[:middle]) + self._lines(form, lines[middle:])

    def _phrase(self, ipa: str, codes: str) -> Phrase:
        phrase = (self._word(*pair) for pair in zip(_words(ipa), _words(codes), strict=False))
        return tuple(word for word in phrase if word)

    def _word(self, symbols: list[str], names: list[str]) -> Word:
        if len(symbols) != len(names):
            # Some languages write one sound as two codes; such a word is spoken from its text only.
            names = [""] * len(symbols)
        return tuple(self._phoneme(ipa, name) for ipa, name in zip(symbols, names, strict=True))

    def _phoneme(self, ipa: str, code: str) -> Phoneme:
        if not self._is_tonal:
            return Phoneme(ipa, code)
        tone = re.search(r"[0-9]+$", code)
        return Phoneme(_TONE_AT_END.sub("", ipa) or ipa, code, tone.group() if tone else "")


def plain(text: str) -> str:
    """Return a text with letters, digits and apostrophes only: punctuation would break a line in two."""
    composed = unicodedata.normalize("NFC", text)
    kept = (c if unicodedata.category(c)[0] in "LMN" or c in "'’" else " " for c in composed)
    return " ".join("".join(kept).split())


def _words(line: str) -> list[list[str]]:
    """Return the phonemes of each word of a line; marks of other languages and of pauses are left out."""
    words = []
    for word in _OTHER_LANGUAGE.sub("", line).split():
        symbols = [symbol for symbol in word.split(_SEPARATOR) if symbol.strip("_|:")]
        if symbols:
            words.append(symbols)
    return words
