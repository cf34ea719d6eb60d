"""Real words by how they sound: Debian's word lists, written as phonemes once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.phonemes.symbols import Phones, distances
from data_tools.phonemes.transcribe import Transcriber
from kws.errors import DataError
from kws.files import replacing

_FOLDER = Path("/usr/share/dict")
# The file and the package that brings it; the first that is there is used.
_LISTS = {
    "en": (("american-english", "wamerican"), ("british-english", "wbritish")),
    "en-gb": (("british-english", "wbritish"), ("american-english", "wamerican")),
    "de": (("ngerman", "wngerman"),),
    "fr": (("french", "wfrench"),),
    "es": (("spanish", "wspanish"),),
    "it": (("italian", "witalian"),),
    "nl": (("dutch", "wdutch"),),
    "pt": (("portuguese", "wportuguese"), ("brazilian", "wbrazilian")),
    "sv": (("swedish", "wswedish"),),
    "da": (("danish", "wdanish"),),
    "pl": (("polish", "wpolish"),),
    "ca": (("catalan", "wcatalan"),),
    "uk": (("ukrainian", "wukrainian"),),
}
_FORMAT = 1
_MAX_LETTERS = 20


@dataclass(frozen=True)
class WordList:
    """Words and their sounds.

    Parameters
    ----------
    words : tuple of str
    sounds : tuple of tuples of str
    """

    words: tuple[str, ...] = ()
    sounds: tuple[Phones, ...] = ()

    def nearest(self, sounds: Phones, count: int, max_distance: float) -> list[tuple[str, Phones, float]]:
        """Return the words that sound most like something without being it, nearest first, one a pronunciation."""
        reach = max_distance
        near = [i for i, other in enumerate(self.sounds) if abs(len(other) - len(sounds)) <= reach and other]
        away = distances(sounds, [self.sounds[i] for i in near])
        found: dict[Phones, tuple[str, Phones, float]] = {}
        for place in np.argsort(away, kind="stable").tolist():
            if away[place] > max_distance or len(found) == count:
                break
            if away[place] > 0.0:
                index = near[place]
                found.setdefault(self.sounds[index], (self.words[index], self.sounds[index], float(away[place])))
        return list(found.values())


def load_word_list(lang: str, transcriber: Transcriber, path: Path | None = None) -> WordList:
    """Return the words of a language with their phonemes; empty if no list is installed.

    The phonemes are kept in the user's cache, and made again when the list changes.

    Parameters
    ----------
    lang : str
    transcriber : Transcriber
        Of that language.
    path : Path, optional
        A list, one word a line; by default Debian's.

    Raises
    ------
    DataError
        If the list cannot be read.
    """
    path = path or next((_FOLDER / name for name, _ in _lists(lang) if (_FOLDER / name).is_file()), None)
    if path is None:
        return WordList()
    try:
        text = path.read_text(encoding="utf-8", errors="ignore")
    except OSError as error:
        raise DataError(f"{path}: word list cannot be read ({error.strerror})") from None
    words = _usable(text.splitlines())
    digest = hashlib.sha256("\n".join([str(_FORMAT), lang, *words]).encode()).hexdigest()[:16]
    cache = cache_folder() / f"phonemes-{digest}.json"
    sounds = _from_cache(cache, len(words))
    if sounds is None:
        sounds = transcriber.sounds(words)
        _to_cache(cache, sounds)
    return WordList(tuple(words), tuple(sounds))


def package_of(lang: str) -> str | None:
    """Return the Debian package of a word list of a language, None where none is known."""
    lists = _lists(lang)
    return lists[0][1] if lists else None


def cache_folder() -> Path:
    """Return the user's folder for what can be made again."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "kws"


def _lists(lang: str) -> tuple[tuple[str, str], ...]:
    return _LISTS.get(lang) or _LISTS.get(lang.split("-")[0], ())


def _usable(lines: Sequence[str]) -> list[str]:
    """Return words in small letters without apostrophes: names and possessives double the list and the wait."""
    return sorted({line for line in lines if line.isalpha() and line.islower() and 1 < len(line) <= _MAX_LETTERS})


def _from_cache(path: Path, n_words: int) -> list[Phones] | None:
    try:
        sounds = [tuple(line.split()) for line in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    return sounds if len(sounds) == n_words else None


def _to_cache(path: Path, sounds: Sequence[Phones]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(json.dumps([" ".join(word) for word in sounds], ensure_ascii=False), encoding="utf-8")
    except OSError:
        # A home that cannot be written costs half a minute each time, no more.
        return
