"""Running speech without the keyword: sentences of a user's file, or our own."""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path

from data_tools.phonemes.scripts import Parts, Reader
from data_tools.phonemes.symbols import Phones, contains
from data_tools.phonemes.transcribe import plain
from kws.errors import DataError

_MAX_WORDS = 40
_MAX_BYTES = 5_000_000
_MAX_SENTENCES = 3_000
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])|\n+")


def bundled(lang: str) -> list[str]:
    """Return the sentences that the toolkit brings; none in languages other than English."""
    if lang.split("-")[0] != "en":
        return []
    text = (importlib.resources.files("data_tools.speak") / "sentences_en.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def from_file(path: Path) -> list[str]:
    """Return the sentences of a text file; those that are very long are divided.

    Raises
    ------
    DataError
        If it cannot be read as UTF-8 or holds no words.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode(
                "utf-8-sig", errors="strict" if path.stat().st_size <= _MAX_BYTES else "ignore"
            )
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text in UTF-8 ({error})") from None
    sentences = [piece for sentence in _SENTENCE_END.split(text) for piece in _divided(sentence)]
    found = list(dict.fromkeys(sentence for sentence in sentences if plain(sentence)))
    if not found:
        raise DataError(f"{path}: holds no sentences; accepted is text in UTF-8")
    return found[:_MAX_SENTENCES]


def without(sentences: list[Parts], keyword: Phones) -> list[Parts]:
    """Return the sentences in which the sounds of the keyword do not follow each other."""
    return [
        parts for parts in sentences if not contains(tuple(sound for part in parts for sound in part.sounds), keyword)
    ]


def read_sentences(sentences: list[str], keyword: Phones, reader: Reader) -> list[Parts]:
    """Return sentences as parts with phonemes, without those that hold the keyword or no phonemes."""
    spoken = [sentence for sentence in sentences if any(c.isalpha() for c in sentence)]
    return without(reader.read_all(spoken), keyword)


def _divided(sentence: str) -> list[str]:
    words = sentence.split()
    return [" ".join(words[first : first + _MAX_WORDS]) for first in range(0, len(words), _MAX_WORDS)]
