"""Google Speech Commands, and whatever is laid out and named like it: ``yes/c4f875a9_nohash_0.wav``."""

from __future__ import annotations

from pathlib import Path

from data_tools.ingest.entries import NOISE, Entry, Kind, Wanted, find_audio
from kws.errors import DataError
from kws.manifest import Row, split_of

_MARK = "_nohash_"
_SOURCE, _LICENCE = "Speech Commands", "CC BY 4.0"


def _matches(source: Path) -> bool:
    return source.is_dir() and any(source.glob(f"*/*{_MARK}*"))


def _entries(source: Path, wanted: Wanted) -> list[Entry]:
    found = [
        Entry(path, path.relative_to(source).with_suffix("").as_posix(), _columns(path, wanted))
        for path in find_audio(source)
        if path.parent != source
    ]
    if not any(entry.columns["speaker"] for entry in found):
        raise DataError(
            f"{source}: no clip is named as those of Speech Commands are, such as yes/c4f875a9_nohash_0.wav"
        )
    return found


def _columns(path: Path, wanted: Wanted) -> Row:
    word, (speaker, mark, _) = path.parent.name, path.stem.partition(_MARK)
    return {
        # Recordings of noise lie in a folder that begins with an underscore.
        "label": NOISE if word.startswith("_") else word,
        "speaker": f"sc_{speaker}" if mark else "",
        "split": split_of(wanted.official_side(path) or ""),
        "transcript": word if mark else "",
        "lang": "en" if mark else "",
        "source": _SOURCE,
        "licence": _LICENCE,
    }


SPEECH_COMMANDS = Kind("Google Speech Commands: a folder a word", _matches, _entries)
