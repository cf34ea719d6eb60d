"""What a data set of any kind is turned into: one entry a clip."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kws.audio import AUDIO_SUFFIXES, FOREIGN_SUFFIXES
from kws.errors import DataError
from kws.manifest import Row

NEGATIVE, NOISE = "negative", "noise"
"""Labels of speech without the word, and of sound without speech."""


@dataclass(frozen=True)
class Entry:
    """One clip of a source.

    Parameters
    ----------
    path : Path
        File that holds it.
    name : str
        What its copy is called: a path below the folder of the import, with ``/``, without a suffix.
    columns : mapping of str to str
        What the source says of it, by column of the manifest.
    stretch_s : tuple of float, optional
        Start and end of the clip in the file, where it is not all of it.
    """

    path: Path
    name: str
    columns: Row
    stretch_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Wanted:
    """What a kind is told besides its source.

    Parameters
    ----------
    word : str
        The keyword: what recordings of it are labelled, and what transcripts are searched for.
    official_side : callable
        Says of a clip of Speech Commands on which side of the official split it is, None for other files.
    """

    word: str = ""
    official_side: Callable[[Path], str | None] = lambda _: None


@dataclass(frozen=True)
class Kind:
    """A way in which data sets are laid out.

    Parameters
    ----------
    title : str
        What it is, in words.
    matches : callable
        Whether a source looks like it.
    entries : callable
        Lists the clips of a source; raises :class:`DataError` where it is none.
    cuts : bool
        Whether clips are parts of files, which only copies can be.
    """

    title: str
    matches: Callable[[Path], bool]
    entries: Callable[[Path, Wanted], list[Entry]] = field(repr=False)
    cuts: bool = False


def find_audio(folder: Path) -> list[Path]:
    """List the recordings below a folder in order, also those of formats that cannot be read; hidden ones left out."""
    accepted = AUDIO_SUFFIXES | FOREIGN_SUFFIXES
    found = (path for path in folder.rglob("*") if path.suffix.lower() in accepted and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def read_text(path: Path) -> str:
    """Read a text file of a source.

    Raises
    ------
    DataError
        If it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None


def speech_label(transcript: str, word: str) -> str:
    """Return the label of a sentence: ``negative``, or ``with-WORD`` where it holds the keyword."""
    said = f" {' '.join(words_of(transcript))} "
    return f"with-{file_name(word)}" if word and f" {' '.join(words_of(word))} " in said else NEGATIVE


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def file_name(text: str) -> str:
    """Return a text as a name that every file system takes; ``x`` if nothing of it can be kept."""
    return re.sub(r"[^\w.-]+", "-", text.strip()).strip("-.")[:80] or "x"


def unique_names(entries: Iterable[Entry]) -> list[Entry]:
    """Give entries of one name a number each, such as ``talk.wav`` and ``talk.mp3`` of one folder."""
    taken: set[str] = set()
    result = []
    for entry in entries:
        name, number = entry.name, 1
        while name.lower() in taken:
            number += 1
            name = f"{entry.name}_{number}"
        taken.add(name.lower())
        result.append(Entry(entry.path, name, entry.columns, entry.stretch_s))
    return result
