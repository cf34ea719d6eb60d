"""An engine of one's own: any command line that writes a WAV file."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

from data_tools.programs import run_program, spoken_file
from data_tools.voices.base import Style, Utterance, Voice
from kws.audio import FloatArray
from kws.errors import ConfigError, VoiceError

_ACCEPTED = "a command line with {text} and {wav}, such as 'mytts --text {text} --out {wav}'"


class Command:
    """Speech by a program that a user names; there is no shell between.

    Parameters
    ----------
    line : str
        Words with ``{text}`` and ``{wav}``, and where the program can ``{rate}`` and ``{seed}``.
    lang : str
        What it speaks.

    Raises
    ------
    ConfigError
        If a placeholder is missing.
    VoiceError
        If there is no such program.
    """

    speaks_phonemes = False

    def __init__(self, line: str, lang: str) -> None:
        try:
            self._words = shlex.split(line)
        except ValueError as error:
            raise ConfigError(f"--command is {line!r} ({error}); accepted is {_ACCEPTED}") from None
        if "{text}" not in line or "{wav}" not in line:
            raise ConfigError(f"--command is {line!r}; accepted is {_ACCEPTED}")
        if shutil.which(self._words[0]) is None:
            raise VoiceError(f"--command: there is no program {self._words[0]!r}")
        self._lang = lang

    def voices(self) -> list[Voice]:
        """List the one voice."""
        return [Voice("command", Path(self._words[0]).name, self._lang, "as your program's")]

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Speak a text."""
        fixed = {"text": utterance.text, "rate": f"{style.rate:.3f}", "seed": str(style.seed)}
        return spoken_file(
            lambda path: run_program([_filled(word, {**fixed, "wav": str(path)}) for word in self._words])
        )


def _filled(word: str, values: dict[str, str]) -> str:
    # Not str.format: other braces, as of JSON, are the program's.
    for name, value in values.items():
        word = word.replace("{" + name + "}", value)
    return word
