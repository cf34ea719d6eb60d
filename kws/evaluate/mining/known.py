"""What is known of the words in a recording: from its row of a manifest, and from labels beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.errors import DataError
from kws.evaluate.recordings import word_times_s
from kws.labels import SUFFIX, Labels
from kws.manifest import Row


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
    place = path.with_name(f"{path.stem}{SUFFIX}")
    if not place.is_file():
        return ()
    try:
        # How long the recording is shows when it is heard.
        labels = Labels.parse(place.read_text(encoding="utf-8"), math.inf)
    except (OSError, UnicodeDecodeError, DataError) as error:
        raise DataError(f"{place}: cannot be read as labels ({error})") from None
    confirmed = (region for region in labels.regions if region.state == "accepted" and region.label in keywords)
    return tuple(Word(region.label, region.start_s, region.end_s) for region in confirmed)
