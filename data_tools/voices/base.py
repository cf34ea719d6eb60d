"""The one interface of speech synthesis: an engine lists its voices and speaks with one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from data_tools.phonemes.symbols import Phrase
from kws.audio import FloatArray, resample
from kws.config import SAMPLE_RATE_HZ

_LANGUAGES = {"cmn": "zh", "zh-cmn": "zh", "zh-cn": "zh", "zh-yue": "yue", "zh-hk": "yue"}


@dataclass(frozen=True)
class Voice:
    """Somebody who speaks one language.

    Parameters
    ----------
    engine, name : str
        The name is unique to the engine and the language.
    lang : str
        As BCP 47, in lower case: ``en``, ``en-gb``, ``zh``, ``yue``.
    licence : str
        Of the voice, as its makers state it.
    gender : str
        ``f``, ``m`` or empty.
    """

    engine: str
    name: str
    lang: str
    licence: str
    gender: str = ""

    @property
    def full_name(self) -> str:
        """Engine and voice, as a manifest names it."""
        return f"{self.engine}:{self.name}"

    def speaks(self, lang: str) -> bool:
        """Return whether the voice speaks a language: ``en`` is spoken by ``en-gb`` too, not the other way round."""
        return self.lang == lang or self.lang.startswith(lang + "-")


@dataclass(frozen=True)
class Style:
    """How something is said.

    Parameters
    ----------
    rate : float
        Speed; 1 is the engine's own.
    pitch : float
        -1 (low) to 1 (high), for engines that have it.
    tract : float
        Formants and pitch together are moved up by this factor, as of a shorter vocal tract.
    seed : int
        For engines that never say the same twice.
    """

    rate: float = 1.0
    pitch: float = 0.0
    tract: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Utterance:
    """What is said: a text, or phonemes where there is no text for it.

    Parameters
    ----------
    text : str
        Empty if there are only phonemes.
    phonemes : tuple of words
        May be empty if there is a text.
    """

    text: str
    phonemes: Phrase = ()


@dataclass(frozen=True)
class VoiceOptions:
    """What a user says about engines.

    Parameters
    ----------
    piper_voices : tuple of Path
        Voice files, besides those of installed packages.
    command : str
        Command line of an engine of one's own.
    command_lang : str
        What it speaks.
    """

    piper_voices: tuple[Path, ...] = ()
    command: str = ""
    command_lang: str = "en"


class Engine(Protocol):
    """A speech synthesiser; one object a process."""

    speaks_phonemes: bool

    def voices(self) -> list[Voice]:
        """List all voices.

        Raises
        ------
        VoiceError
            If there is none; the message says where voices come from.
        """
        ...

    def speak(self, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
        """Return float32 samples at 16 kHz, shape (N,); silence around them is left in.

        Raises
        ------
        VoiceError
            If the engine fails.
        """
        ...


def speak_in_style(engine: Engine, utterance: Utterance, voice: Voice, style: Style) -> FloatArray:
    """Speak, with the vocal tract of the style, which no engine needs to know of."""
    rate_hz = round(SAMPLE_RATE_HZ * style.tract)
    # Played faster all is shorter and higher: the engine speaks slower by as much.
    plain = replace(style, rate=style.rate / style.tract, tract=1.0)
    samples = engine.speak(utterance, voice, plain)
    return at_16_khz(samples, rate_hz)


def at_16_khz(samples: npt.ArrayLike, rate_hz: int) -> FloatArray:
    """Return what an engine made at any rate as float32 at 16 kHz within full scale, which resampling may overshoot."""
    result = resample(np.ascontiguousarray(samples, dtype=np.float32), rate_hz, SAMPLE_RATE_HZ)
    return result / np.float32(max(1.0, float(np.abs(result).max(initial=0.0))))


def canonical_lang(lang: str) -> str:
    """Return the one name of a language that has several, in lower case: ``zh`` for ``cmn`` and ``zh-CN``."""
    lower = lang.strip().lower().replace("_", "-")
    return _LANGUAGES.get(lower, lower)
