"""Festival: diphone and HTS voices of Debian's festvox packages."""

from __future__ import annotations

import re
from pathlib import Path

from data_tools.programs import require_program, run_program, spoken_file
from data_tools.voices.base import Style, Utterance, Voice
from kws.audio import FloatArray
from kws.errors import VoiceError

PACKAGES = "festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts"
_LANGUAGES = {
    "english": "en-us",
    "us": "en-us",
    "spanish": "es",
    "italian": "it",
    "catalan": "ca",
    "czech": "cs",
    "finnish": "fi",
    "hindi": "hi",
    "marathi": "mr",
    "russian": "ru",
    "telugu": "te",
}
_FEMALE = ("slt", "clb")


class Festival:
    """Speech by the programs festival and text2wave."""

    speaks_phonemes = False

    def __init__(self) -> None:
        self._festival = require_program("festival", PACKAGES)
        self._text2wave = require_program("text2wave", PACKAGES)

    def voices(self) -> list[Voice]:
        """List the voices that are installed, of languages that are known."""
        shown = run_program([self._festival, "-b", "(print voice-locations)"])
        found = [
            Voice("festival", name, lang, "festvox licence of the voice", "f" if _is_female(name) else "m")
            for name, path in re.findall(r'\((\w+) \. "([^"]+)"\)', shown)
            if (lang := _LANGUAGES.get(Path(path).parent.name))
        ]
        if not found:
            raise VoiceError(f"festival has no voice: apt-get install {PACKAGES}")
        return sorted(found, key=lambda voice: voice.name)

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text."""
        # HTS voices have a synthesiser of their own, which knows nothing of the stretch.
        speed = (
            f'(set! hts_engine_params (append (list (list "-r" {style.rate:.3f})) hts_engine_params))'
            if voice.name.endswith("_hts")
            else f"(Parameter.set 'Duration_Stretch {1.0 / style.rate:.3f})"
        )
        settings = f"(begin (voice_{voice.name}) {speed})"
        command = [self._text2wave, "-eval", settings, "-o"]
        return spoken_file(lambda path: run_program([*command, str(path)], utterance.text))


def _is_female(name: str) -> bool:
    return any(part in name.split("_") for part in _FEMALE)
