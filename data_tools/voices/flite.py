"""Flite: small English voices that are built into the program."""

from __future__ import annotations

from data_tools.programs import require_program, run_program, spoken_file
from data_tools.voices.base import Style, Utterance, Voice
from kws.audio import FloatArray

# Language, gender, mean pitch; of the others awb_time tells the time only, and kal is kal16 at 8 kHz.
_VOICES = {
    "kal16": ("en-us", "m", 105.0),
    "awb": ("en-gb-scotland", "m", 130.0),
    "rms": ("en-us", "m", 100.0),
    "slt": ("en-us", "f", 180.0),
}
_PITCH_RANGE = 0.25


class Flite:
    """Speech by the program flite."""

    speaks_phonemes = False

    def __init__(self) -> None:
        self._program = require_program("flite", "flite")

    def voices(self) -> list[Voice]:
        """List the voices that are built in."""
        there = run_program([self._program, "-lv"]).partition(":")[2].split()
        return [
            Voice("flite", name, lang, "CMU Flite licence (BSD-like)", gender)
            for name, (lang, gender, _) in _VOICES.items()
            if name in there
        ]

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text."""
        mean_hz = _VOICES[voice.name][2] * (1.0 + _PITCH_RANGE * style.pitch)
        settings = (f"duration_stretch={1.0 / style.rate:.3f}", f"int_f0_target_mean={mean_hz:.1f}")
        options = [word for setting in settings for word in ("--setf", setting)]
        # A text that is one word would be taken for the name of a file without -t.
        command = [self._program, "-voice", voice.name, *options, "-t", " " + utterance.text, "-o"]
        return spoken_file(lambda path: run_program([*command, str(path)]))
