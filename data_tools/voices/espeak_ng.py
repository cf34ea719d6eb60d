"""espeak-ng: formant synthesis of a hundred languages, with accents and about eighty variants of the throat."""

from __future__ import annotations

from functools import cached_property

from data_tools.phonemes.symbols import to_codes
from data_tools.programs import require_program, run_program, spoken_file
from data_tools.voices.base import Style, Utterance, Voice, canonical_lang
from kws.audio import FloatArray

_WORDS_PER_MINUTE = 165
# Whispers, robots and effects: nobody says a wake word like that.
_NO_PEOPLE = ("whisper", "robo", "robot", "demonic", "croak", "storm", "announcement", "tweaky", "fast_test", "klatt6")
# The plain Mandarin voice reads its own transcription as if it were English.
_VOICE_NAMES = {"zh": "cmn-latn-pinyin"}


class EspeakNg:
    """Speech by the program espeak-ng."""

    speaks_phonemes = True

    def __init__(self) -> None:
        self._program = require_program("espeak-ng", "espeak-ng")

    @cached_property
    def languages(self) -> dict[str, str]:
        """Names of the voices by language; Mandarin once."""
        found: dict[str, str] = {}
        for columns in self._table("--voices"):
            lang, file = columns[1], columns[4]
            if not file.startswith(("mb/", "!v")):
                found.setdefault(canonical_lang(lang), lang)
        return {**found, **{lang: name for lang, name in _VOICE_NAMES.items() if lang in found}}

    def voices(self) -> list[Voice]:
        """List each language and accent with each variant."""
        variants = [("", ""), *self._variants()]
        return [
            Voice("espeak-ng", f"{name}+{variant}" if variant else name, lang, "GPL-3.0-or-later (program)", gender)
            for lang, name in self.languages.items()
            for variant, gender in variants
        ]

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text, or phonemes of the voice's language."""
        text = utterance.text or f"[[{to_codes(utterance.phonemes)}]]"
        options = ["-v", voice.name, "-s", str(round(_WORDS_PER_MINUTE * style.rate)), "-p", str(_pitch(style.pitch))]
        return spoken_file(
            lambda path: run_program([self._program, *options, "-b", "1", "-w", str(path), "--stdin"], text)
        )

    def _variants(self) -> list[tuple[str, str]]:
        variants = []
        for columns in self._table("--voices=variant"):
            name = columns[4].removeprefix("!v/")
            if not any(word in name.lower() for word in _NO_PEOPLE):
                variants.append((name, columns[2].rpartition("/")[2].lower()))
        return sorted(variants)

    def _table(self, option: str) -> list[list[str]]:
        lines = run_program([self._program, option]).splitlines()[1:]
        return [columns for line in lines if len(columns := line.split()) >= 5]


def _pitch(pitch: float) -> int:
    return max(0, min(99, round(50 + 40 * pitch)))
