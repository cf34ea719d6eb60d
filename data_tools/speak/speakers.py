"""Who speaks: the voices of all engines that are there, by person and language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from data_tools.voices import VOICES, Voice, VoiceOptions, open_engine
from kws.errors import ConfigError, KwsError, VoiceError

ENOUGH_SPEAKERS = 20
"""A word by fewer people is learned as theirs alone: then voices that sound less human are better than none."""


@dataclass(frozen=True)
class Speaker:
    """One person of an engine, with a voice for each language.

    Parameters
    ----------
    engine : str
    voices : tuple of Voice
        In the order of the parts that are spoken.
    """

    engine: str
    voices: tuple[Voice, ...]

    @property
    def name(self) -> str:
        """The voices' names, each once; unique."""
        return f"{self.engine}:{'/'.join(dict.fromkeys(voice.name for voice in self.voices))}"


class Cast:
    """The engines that are used and their voices.

    Parameters
    ----------
    voices : mapping of str to sequence of Voice
        By engine.
    phoneme_engines : iterable of str
        Those that speak phonemes.
    any_for_phrase : bool
        Whether all of them speak the phrase; otherwise only those that sound human, where these have
        :data:`ENOUGH_SPEAKERS` together.
    """

    def __init__(
        self,
        voices: Mapping[str, Sequence[Voice]],
        phoneme_engines: Iterable[str],
        any_for_phrase: bool = False,
    ) -> None:
        self._voices = {engine: list(found) for engine, found in voices.items()}
        self._phoneme_engines = frozenset(phoneme_engines)
        self._any_for_phrase = any_for_phrase
        self._known: dict[tuple[str, tuple[str, ...]], list[Speaker]] = {}

    @property
    def engines(self) -> list[str]:
        """Names of the engines, the most natural first."""
        return list(self._voices)

    def speakers(self, engine: str, langs: tuple[str, ...]) -> list[Speaker]:
        """Return the persons of an engine who speak all of some languages."""
        if (engine, langs) not in self._known:
            self._known[engine, langs] = self._find(engine, langs)
        return self._known[engine, langs]

    def able(self, langs: tuple[str, ...], only_phonemes: bool, is_phrase: bool = False) -> dict[str, float]:
        """Return the engines that are to speak something they can, and their shares, which add up to 1."""
        shares = {
            engine: VOICES[engine].share
            for engine in self._voices
            if (engine in self._phoneme_engines or not only_phonemes) and self.speakers(engine, langs)
        }
        if is_phrase and not self._any_for_phrase:
            human = {engine: share for engine, share in shares.items() if VOICES[engine].sounds_human}
            if sum(len(self.speakers(engine, langs)) for engine in human) >= ENOUGH_SPEAKERS:
                shares = human
        total = sum(shares.values())
        return {engine: share / total for engine, share in shares.items()}

    def _find(self, engine: str, langs: tuple[str, ...]) -> list[Speaker]:
        by_lang = [[voice for voice in self._voices[engine] if voice.speaks(lang)] for lang in langs]
        if len(set(langs)) == 1:
            return [Speaker(engine, (voice,) * len(langs)) for voice in by_lang[0]]
        persons = [{person_of(voice): voice for voice in reversed(voices)} for voices in by_lang]
        shared = [person for person in persons[0] if all(person in others for others in persons)]
        return [Speaker(engine, tuple(voices[person] for voices in persons)) for person in sorted(shared)]


def person_of(voice: Voice) -> str:
    """Return what the voices of one person in several languages have in common."""
    if voice.engine == "espeak-ng":
        return voice.name.partition("+")[2]
    return voice.name


def open_cast(names: Sequence[str], options: VoiceOptions, langs: tuple[str, ...]) -> tuple[Cast, dict[str, str]]:
    """Open engines and list their voices.

    Parameters
    ----------
    names : sequence of str
        Engines that must be there, all of which speak the phrase; with none, all that are installed.
    options : VoiceOptions
    langs : tuple of str
        What must be spoken.

    Returns
    -------
    cast : Cast
    absent : dict of str to str
        What else could be used, and how to install it.

    Raises
    ------
    KwsError
        If a named engine is not there, or nothing speaks the languages.
    """
    voices: dict[str, list[Voice]] = {}
    absent: dict[str, str] = {}
    phoneme_engines = []
    for name in names or [name for name in VOICES if name != "command" or options.command]:
        try:
            engine = open_engine(name, options)
            voices[name] = engine.voices()
        except KwsError as error:
            if names or name == "command" or (name == "piper" and options.piper_voices):
                raise
            absent[name] = str(error)
            continue
        if engine.speaks_phonemes:
            phoneme_engines.append(name)
    # The registry's order, whatever the user's.
    cast = Cast({name: voices[name] for name in VOICES if name in voices}, phoneme_engines, bool(names))
    if not cast.able(langs, only_phonemes=False):
        _refuse(voices, absent, langs)
    return cast, absent


def _refuse(voices: Mapping[str, Sequence[Voice]], absent: Mapping[str, str], langs: tuple[str, ...]) -> None:
    if not voices:
        raise VoiceError(f"no speech synthesiser is installed; {'; '.join(absent.values())}")
    spoken = sorted({voice.lang for found in voices.values() for voice in found})
    if len(set(langs)) == 1:
        raise ConfigError(f"no voice speaks language {langs[0]!r}; accepted are {', '.join(spoken)}")
    raise VoiceError(f"no engine of {', '.join(voices)} has one voice for {' and '.join(dict.fromkeys(langs))}")
