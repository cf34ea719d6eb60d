"""What an import has done so far, so that it can go on after any end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from data_tools.ingest.entries import Entry
from kws.errors import DataError
from kws.manifest import Row

if TYPE_CHECKING:
    from data_tools.ingest.run import ImportOptions

JOURNAL = ".import.jsonl"


class Journal:
    """The clips that a folder holds already, with the state of the files that they were made from.

    Each is a line, written after its clip; one that was cut off by the end of the program does not count.

    Parameters
    ----------
    out : Path
        Folder of the clips.
    options : ImportOptions
    """

    def __init__(self, out: Path, options: ImportOptions) -> None:
        self._out = out
        self._mode = "link" if options.links else options.format
        self._path = out / JOURNAL
        self._known = _read(self._path)
        self._file: TextIO | None = None

    def __enter__(self) -> Journal:
        try:
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
            # What follows a line that was cut off begins a line of its own.
            self._file.write("\n")
        except OSError as error:
            raise DataError(f"{self._path}: cannot be written ({error.strerror})") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def find(self, entry: Entry) -> Row | None:
        """Return what was measured of an entry whose clip is there and whose file is as it was, else None."""
        measured = self._known.get(self._key(entry))
        return measured if measured is not None and (self._out / measured["path"]).is_file() else None

    def has(self, entry: Entry) -> bool:
        """Return whether an entry was there before."""
        return self._key(entry) in self._known

    def add(self, entry: Entry, measured: Row) -> None:
        """Note a clip that is there."""
        if self._file is not None and not self.has(entry):
            self._file.write(json.dumps({"key": self._key(entry), "measured": measured}) + "\n")

    def _key(self, entry: Entry) -> str:
        return f"{self._mode} {_key_of(entry)}"


def _key_of(entry: Entry) -> str:
    """Return a text that changes when the entry's file, stretch or name does."""
    try:
        state = entry.path.stat()
    except OSError:
        return ""
    stretch = "-".join(f"{time_s:.6f}" for time_s in entry.stretch_s or ())
    return f"{entry.name} {entry.path.resolve()} {state.st_size} {state.st_mtime_ns} {stretch}"


def _read(path: Path) -> dict[str, Row]:
    known: dict[str, Row] = {}
    if not path.is_file():
        return known
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            item = json.loads(line)
            known[item["key"]] = {str(k): str(v) for k, v in item["measured"].items()}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return known
