"""A plain tree of folders, with a ``manifest.csv`` or without."""

from __future__ import annotations

from pathlib import Path

from data_tools.ingest.entries import Entry, Kind, Wanted, find_audio
from kws.errors import DataError
from kws.manifest import MANIFEST, SPLITS, Manifest, Row, split_of

_MEASURED = ("path", "sha1", "duration_s", "sample_rate", "format")
_NOT_SPOKEN = ("noise", "background", "_background", "rir")


def _matches(source: Path) -> bool:
    return source.is_dir() and bool(find_audio(source))


def _entries(source: Path, wanted: Wanted) -> list[Entry]:
    files = find_audio(source) if source.is_dir() else []
    if not files:
        raise DataError(f"{source}: {'holds no audio' if source.is_dir() else 'no such folder'}")
    manifest = Manifest(source / MANIFEST) if (source / MANIFEST).is_file() else None
    return [
        Entry(path, path.relative_to(source).with_suffix("").as_posix(), _columns(source, path, manifest))
        for path in files
    ]


def _columns(source: Path, path: Path, manifest: Manifest | None) -> Row:
    guessed = _guess(source, path)
    row = {} if manifest is None else manifest.row(path)
    if not row:
        return guessed
    known = {key: value for key, value in row.items() if value and key not in _MEASURED}
    return {"label": guessed["label"], "source": guessed["source"], **known, "split": split_of(row.get("split", ""))}


def _guess(source: Path, path: Path) -> dict[str, str]:
    """Return what folders tell: ``[train/]WORD/[SPEAKER/]FILE``."""
    folders = list(path.relative_to(source).parts[:-1])
    split = split_of(folders[0]) if folders else ""
    if split in SPLITS:
        folders = folders[1:]
    label = folders[0] if folders else source.resolve().name
    is_spoken = not label.lower().startswith(_NOT_SPOKEN)
    return {
        "label": label,
        "speaker": folders[1] if len(folders) > 1 and is_spoken else "",
        "split": split if split in SPLITS else "",
        "source": source.resolve().name,
    }


FOLDERS = Kind("a tree of folders: [train/]WORD/[SPEAKER/]FILE", _matches, _entries)
