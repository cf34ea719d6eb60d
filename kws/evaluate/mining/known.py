"""What is known of the words in a recording: from its row of a manifest, and from labels beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.errors import DataError
from kws.evaluate.recordings import word_times_s
from kws.manifest import Row

LABELS = ".labels.json"
_UNSURE = ("proposed", "rejected")


@dataclass(frozen=True)
class Word:
    """A word whose time is known, in seconds."""

    keyword: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Known:
    """The keywords of a recording.

    Parameters
    ----------
    words : tuple of Word
        With their times.
    untimed : tuple of str
        Keywords that are said somewhere in it.
    """

    words: tuple[Word, ...] = ()
    untimed: tuple[str, ...] = ()


def known_words(path: Path, row: Row, keywords: Sequence[str]) -> Known:
    """Return what is known of the keywords in a recording.

    Labels that a person has confirmed come first, then times of the manifest, then its label and transcript.

    Raises
    ------
    DataError
        If what is said of it cannot be read.
    """
    labelled = _confirmed(path, keywords)
    if labelled:
        return Known(labelled)
    said = tuple(keyword for keyword in keywords if _says(row, keyword))
    word_s = word_times_s(str(path), row) if said else None
    if word_s is not None and len(said) == 1:
        return Known((Word(said[0], *word_s),))
    return Known(untimed=said)


def _says(row: Row, keyword: str) -> bool:
    word = " ".join(_words(keyword))
    return row.get("label", "") == keyword or (
        bool(word) and f" {word} " in f" {' '.join(_words(row.get('transcript', '')))} "
    )


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text.lower())


def _confirmed(path: Path, keywords: Sequence[str]) -> tuple[Word, ...]:
    place = path.with_name(f"{path.stem}{LABELS}")
    if not place.is_file():
        return ()
    try:
        regions = json.loads(place.read_text(encoding="utf-8"))["regions"]
        return tuple(
            Word(str(r["label"]), float(r["start_s"]), float(r["end_s"]))
            for r in regions
            if r["label"] in keywords and r.get("state") not in _UNSURE
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{place}: cannot be read as labels ({error!r})") from None
