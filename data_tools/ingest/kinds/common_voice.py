"""Mozilla Common Voice: lists as TSV beside a folder ``clips`` of MP3, a folder a language."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from data_tools.ingest.entries import Entry, Kind, Wanted, file_name, read_text, speech_label
from kws.errors import DataError
from kws.manifest import Row

_CLIPS = "clips"
_SPLITS = {"train": "train", "dev": "val", "test": "test", "validated": ""}
"""Lists in the order in which they are read. What listeners refused or have not heard yet is left out."""
_LICENCE = "CC0-1.0"
_NEEDED = ("client_id", "path", "sentence")
_SPEAKER_CHARS = 20


def _matches(source: Path) -> bool:
    return bool(_lists(source))


def _entries(source: Path, wanted: Wanted) -> list[Entry]:
    lists = _lists(source)
    if not lists:
        names = ", ".join(f"{name}.tsv" for name in _SPLITS)
        raise DataError(f"{source}: no list of Common Voice; accepted is a folder with {_CLIPS} and one of {names}")
    found: dict[Path, Entry] = {}
    sides: dict[str, str] = {}
    for path in lists:
        for row in _rows(path):
            # Lists name files, not paths: nothing outside of the clips is read.
            clip = path.parent / _CLIPS / Path(row["path"]).name
            split = _SPLITS.get(path.stem, "")
            # The list of all that is validated holds further clips of speakers of the test.
            side = sides.setdefault(row["client_id"], split) if split else sides.get(row["client_id"], "")
            if clip not in found:
                found[clip] = _entry(clip, row, side, path, wanted)
    return list(found.values())


def _lists(source: Path) -> list[Path]:
    if source.is_file():
        return [source] if source.suffix == ".tsv" and (source.parent / _CLIPS).is_dir() else []
    places = [source, *sorted(path for path in source.glob("*") if path.is_dir())] if source.is_dir() else []
    there = [place for place in places if (place / _CLIPS).is_dir()]
    return [place / f"{name}.tsv" for place in there for name in _SPLITS if (place / f"{name}.tsv").is_file()]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    # Sentences hold quotation marks as they are.
    reader = csv.DictReader(read_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = [column for column in _NEEDED if column not in (reader.fieldnames or ())]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}; accepted is a list of Common Voice")
    for row in reader:
        if row["path"]:
            yield {key: value or "" for key, value in row.items() if key is not None}


def _entry(clip: Path, row: Row, side: str, path: Path, wanted: Wanted) -> Entry:
    # Words said alone are in a segment of their own.
    alone = row.get("segment", "") not in ("", "None") and len(row["sentence"].split()) == 1
    label = file_name(row["sentence"].lower()) if alone else speech_label(row["sentence"], wanted.word)
    lang = row.get("locale", "") or path.parent.name
    release = next((part for part in reversed(path.resolve().parts) if part.startswith("cv-corpus")), "")
    columns = {
        "label": label,
        "speaker": f"cv_{row['client_id'][:_SPEAKER_CHARS]}",
        "split": side,
        "lang": lang,
        # Such as male_masculine.
        "gender": row.get("gender", "").partition("_")[0],
        "age": row.get("age", ""),
        "accent": row.get("accents", "") or row.get("accent", ""),
        "transcript": row["sentence"],
        "source": f"Common Voice {release.removeprefix('cv-corpus-') or lang}",
        "licence": _LICENCE,
    }
    return Entry(clip, f"{label}/{clip.stem}", columns)


COMMON_VOICE = Kind("Mozilla Common Voice: TSV lists and clips", _matches, _entries)
