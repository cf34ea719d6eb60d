"""Speech synthesis behind one small interface, one engine a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data_tools.voices.base import Engine, Style, Utterance, Voice, VoiceOptions, canonical_lang, speak_in_style
from kws.config import require_one_of

__all__ = [
    "VOICES",
    "Engine",
    "Entry",
    "Style",
    "Utterance",
    "Voice",
    "VoiceOptions",
    "canonical_lang",
    "open_engine",
    "speak_in_style",
]


def _kokoro(_: VoiceOptions) -> Engine:
    from data_tools.voices.kokoro import Kokoro

    return Kokoro()


def _piper(options: VoiceOptions) -> Engine:
    from data_tools.voices.piper import Piper

    return Piper(options.piper_voices)


def _command(options: VoiceOptions) -> Engine:
    from data_tools.voices.command import Command

    return Command(options.command, options.command_lang)


def _hibari(_: VoiceOptions) -> Engine:
    from data_tools.voices.hibari import Hibari

    return Hibari()


def _espeak_ng(_: VoiceOptions) -> Engine:
    from data_tools.voices.espeak_ng import EspeakNg

    return EspeakNg()


def _flite(_: VoiceOptions) -> Engine:
    from data_tools.voices.flite import Flite

    return Flite()


def _festival(_: VoiceOptions) -> Engine:
    from data_tools.voices.festival import Festival

    return Festival()


@dataclass(frozen=True)
class Entry:
    """What is known of an engine before it is opened.

    Parameters
    ----------
    open : callable
        Given the user's options; raises :class:`kws.errors.VoiceError` or
        :class:`kws.errors.MissingPackageError` where the engine is not installed.
    share : float
        How much of all clips it speaks beside the others: much where voices are natural and many.
    tract : (float, float)
        Range of :attr:`Style.tract`: wide where persons are few, and downward where they are mostly women.
    sounds_human : bool
        Whether models trained on people hear most of its words (``docs/speak.md``). Only such engines speak the phrase
        where they have enough speakers: models that learned the word from the others do not hear people.
    """

    open: Callable[[VoiceOptions], Engine]
    share: float
    tract: tuple[float, float]
    sounds_human: bool


VOICES: dict[str, Entry] = {
    "kokoro": Entry(_kokoro, 6.0, (0.82, 1.06), sounds_human=True),
    "piper": Entry(_piper, 2.0, (0.87, 1.15), sounds_human=True),
    "command": Entry(_command, 2.0, (0.87, 1.15), sounds_human=True),
    "hibari": Entry(_hibari, 1.0, (0.82, 1.1), sounds_human=True),
    "espeak-ng": Entry(_espeak_ng, 2.0, (0.96, 1.04), sounds_human=False),
    "flite": Entry(_flite, 1.0, (0.87, 1.15), sounds_human=False),
    "festival": Entry(_festival, 0.5, (0.87, 1.15), sounds_human=False),
}
"""Engines by name, the most natural first."""


def open_engine(name: str, options: VoiceOptions | None = None) -> Engine:
    """Start an engine; one a process.

    Raises
    ------
    ConfigError
        If the name is unknown.
    VoiceError, MissingPackageError
        If the engine is not installed; the message says how to install it.
    """
    require_one_of("--engine", name, VOICES)
    return VOICES[name].open(options or VoiceOptions())
