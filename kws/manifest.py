"""The manifest: a CSV file that says of each recording who speaks, what, where, and on which side of a split it is."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from kws.errors import DataError
from kws.files import replacing

MANIFEST = "manifest.csv"
FORMAT = 1
"""Number of the format; rows without one are of the first."""

COLUMNS = (
    "path",
    "label",
    "speaker",
    "split",
    "synthetic",
    "source",
    "licence",
    "lang",
    "gender",
    "device",
    "room",
    "session",
    "recorded",
    "sample_rate",
    "duration_s",
    "level_dbfs",
    "snr_db",
    "kw_start_s",
    "kw_end_s",
    "transcript",
    "sha1",
    "format",
)
"""Columns in the order in which they are written; all but ``path`` may be empty, and others follow by name."""

INHERITED = (
    "speaker",
    "split",
    "synthetic",
    "source",
    "licence",
    "lang",
    "gender",
    "dialect",
    "device",
    "room",
    "session",
    "recorded",
)
"""Columns that hold for each part of a recording too; its side of a split above all."""

SPLITS = ("train", "val", "test")
"""The sides of a split, as manifests are written; other names are kept as they are read."""

_SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing", "eval"), "test"),
    **dict.fromkeys(("", "-", "?", "unknown", "unsplit"), ""),
}
_NOBODY = ("", "-", "?", "unknown")

Row = Mapping[str, str]


class Manifest:
    """The rows of a manifest by path; the paths are relative to its own place.

    Parameters
    ----------
    path : Path
    required : sequence of str
        Columns that must be there.

    Raises
    ------
    DataError
        If it cannot be read, is of a newer format, or lacks a column.
    """

    def __init__(self, path: Path, required: Sequence[str] = ("path",)) -> None:
        self.place = path.resolve().parent
        self.rows = _read(path, required)
        self._by_path = {row["path"]: row for row in self.rows}
        speakers: dict[str, set[str]] = {}
        for row in self.rows:
            speakers.setdefault(_folder(row["path"]), set()).add(row.get("speaker", ""))
        self._n_speakers = {folder: len(names) for folder, names in speakers.items()}

    @classmethod
    def above(cls, folder: Path) -> Manifest | None:
        """Open the nearest manifest at or above a folder."""
        for place in (folder.resolve(), *folder.resolve().parents):
            if (place / MANIFEST).is_file():
                return cls(place / MANIFEST)
        return None

    def row(self, path: Path) -> Row:
        """Return the row of a file, empty if there is none."""
        resolved = path.resolve()
        return self.named(self.name(resolved)) if resolved.is_relative_to(self.place) else {}

    def named(self, name: str) -> Row:
        """Return the row of a path as the manifest writes it, empty if there is none."""
        return self._by_path.get(name, {})

    def name(self, path: Path) -> str:
        """Return the path of a file relative to the manifest."""
        return path.resolve().relative_to(self.place).as_posix()

    def n_speakers(self, name: str) -> int:
        """Return how many speakers there are in the folder of a file, unknown ones counted as one."""
        return self._n_speakers.get(_folder(name), 0)


def split_of(text: str) -> str:
    """Return the side that a word means: ``train``, ``val`` or ``test``, empty for none, other words as they are."""
    return _SPLIT_NAMES.get(text.strip().lower(), text.strip())


def speaker_of(row: Row) -> str:
    """Return who speaks in the recording of a row, empty if it is not known."""
    speaker = row.get("speaker", "").strip()
    return "" if speaker.lower() in _NOBODY else speaker


def inherited(row: Row) -> dict[str, str]:
    """Return what a clip has from the row of the recording that it is cut out of."""
    return {column: row[column] for column in INHERITED if row.get(column)}


class NearestManifests:
    """The nearest manifest at or above each file; one folder's is looked for and read once."""

    def __init__(self) -> None:
        self._by_folder: dict[Path, Manifest | None] = {}

    def of(self, path: Path) -> Manifest | None:
        """Return the manifest that a file belongs to, None if there is none."""
        if path.parent not in self._by_folder:
            self._by_folder[path.parent] = Manifest.above(path.parent)
        return self._by_folder[path.parent]

    def row(self, path: Path) -> Row:
        """Return the row of a file, empty if no manifest lists it."""
        manifest = self.of(path)
        return {} if manifest is None else manifest.row(path)


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write a manifest, ordered by path; the former one is replaced when the new one is whole.

    Parameters
    ----------
    path : Path
    rows : iterable of mapping of str to str
        Each with a ``path`` relative to the manifest, with ``/``. Columns that no row fills are left out.

    Raises
    ------
    DataError
        If a path is empty, absolute or there twice, or the file cannot be written.
    """
    ordered = sorted(({**row, "format": str(FORMAT)} for row in rows), key=lambda row: row.get("path", ""))
    _require_paths(path, ordered)
    used = {column for row in ordered for column, value in row.items() if value} | {"path", "speaker", "split"}
    columns = [*(column for column in COLUMNS if column in used), *sorted(used.difference(COLUMNS))]
    try:
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(ordered)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


def add_rows(path: Path, rows: Iterable[Row]) -> None:
    """Add rows to a manifest, or make it; a row takes the place of the one that has its path."""
    known = Manifest(path).rows if path.is_file() else []
    merged = {row["path"]: row for row in [*known, *rows]}
    write_manifest(path, merged.values())


def _read(path: Path, required: Sequence[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            # A short row has None in its last columns, a long one a list under None.
            rows = [{k: v or "" for k, v in row.items() if k is not None} for row in reader]
            columns = reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: manifest cannot be read ({error})") from None
    missing = [column for column in required if column not in columns]
    if missing:
        raise DataError(f"{path}: manifest has no column {', '.join(missing)}; it has {', '.join(columns)[:200]}")
    newer = {row["format"] for row in rows if row.get("format")} - {str(n) for n in range(1, FORMAT + 1)}
    if newer:
        raise DataError(f"{path}: manifest is of format {min(newer)[:20]!r}; accepted is up to {FORMAT}")
    return rows


def _require_paths(path: Path, rows: Sequence[Row]) -> None:
    for name, count in Counter(row.get("path", "") for row in rows).items():
        if not name or name.startswith("/") or ".." in name.split("/"):
            raise DataError(f"{path}: a row has path {name!r}; accepted are paths of files below the manifest")
        if count > 1:
            raise DataError(f"{path}: {name} has {count} rows; accepted is one a recording")


def _folder(name: str) -> str:
    return name.rpartition("/")[0]
