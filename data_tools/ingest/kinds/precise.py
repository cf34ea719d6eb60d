"""Recordings for Mycroft Precise: ``wake-word/`` and ``not-wake-word/``, and both again below ``test/``."""

from __future__ import annotations

from pathlib import Path

from data_tools.ingest.entries import NEGATIVE, Entry, Kind, Wanted, find_audio
from kws.errors import DataError

_WORD, _OTHER = "wake-word", "not-wake-word"
_TEST = "test"


def _matches(source: Path) -> bool:
    return (source / _WORD).is_dir() and any((source / place).is_dir() for place in (_OTHER, _TEST))


def _entries(source: Path, wanted: Wanted) -> list[Entry]:
    found = []
    for split, place in (("train", source), (_TEST, source / _TEST)):
        for folder, label in ((_WORD, wanted.word or _WORD), (_OTHER, NEGATIVE)):
            found += [
                Entry(
                    path,
                    path.relative_to(source).with_suffix("").as_posix(),
                    {"label": label, "split": split, "source": f"{source.resolve().name} (Precise)"},
                )
                for path in (find_audio(place / folder) if (place / folder).is_dir() else ())
            ]
    if not found:
        raise DataError(f"{source}: holds no recordings in {_WORD}, {_OTHER}, {_TEST}/{_WORD} or {_TEST}/{_OTHER}")
    return found


PRECISE = Kind("Mycroft Precise: wake-word, not-wake-word, test", _matches, _entries)
