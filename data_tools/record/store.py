"""Where recordings lie: one folder a word, numbered files, one row of the manifest each."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from data_tools.check.speech_level import active_speech_level
from kws.audio import FloatArray, pcm16_sha1, read_audio, write_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.files import replacing
from kws.manifest import MANIFEST, Manifest, add_rows, write_manifest

ORIGINAL = "original"
"""Folder of the recordings of all channels, where there are several."""
SUFFIX = ".flac"
_WAITING_ROWS = 32


class Store:
    """The recordings of one word (or of the room) below a folder.

    A recording is written as a whole, then its row; what was stopped in between gets its row at the next start.

    Parameters
    ----------
    folder : Path
        Made where it is not there yet; it holds ``manifest.csv``.
    name : str
        Folder of these recordings below it, and beginning of the names of the files.
    label : str
        What is said, for the manifest.
    is_bulk : bool
        Write the rows of many recordings at a time; the last ones with :meth:`flush`.

    Raises
    ------
    DataError
        If the folder cannot be made or written, its manifest cannot be read, or the recordings are of another word.
    """

    def __init__(self, folder: Path, name: str, label: str, is_bulk: bool = False) -> None:
        self.folder = folder
        self.name, self._label = name, label
        self._most_waiting = _WAITING_ROWS if is_bulk else 1
        self._manifest = folder / MANIFEST
        self._pattern = re.compile(re.escape(f"{name}/{name}-") + r"(\d+)" + re.escape(SUFFIX))
        self._rows: dict[str, dict[str, str]] = {}
        self._waiting: list[Mapping[str, str]] = []
        self._mine: list[str] = []
        # The innermost first.
        self._made = [place for place in (folder / name, folder, *folder.parents) if not place.exists()]
        self._make_folders()
        self._load()

    @property
    def count(self) -> int:
        """How many recordings there are, those of earlier sessions included."""
        return len(self._rows)

    @property
    def last(self) -> Path | None:
        """The newest recording of this session that was not taken back."""
        return self.folder / self._mine[-1] if self._mine else None

    def holds(self, column_values: Mapping[str, str]) -> bool:
        """Return whether there is a recording with these values in its row."""
        return any(all(row.get(c) == v for c, v in column_values.items()) for row in self._rows.values())

    def add(self, samples: FloatArray, channels: FloatArray, fields: Mapping[str, str], replaces: bool = False) -> Path:
        """Write a recording and its row.

        Parameters
        ----------
        samples : array of float32, shape (N,)
        channels : array of float32, shape (C, N)
            Kept too if there are several that differ.
        fields : mapping of str to str
            Further columns.
        replaces : bool
            Put it in the place of :attr:`last`.

        Raises
        ------
        AudioError, DataError
            If it cannot be written; nothing is changed then, and it can be tried again.
        """
        path = self._mine[-1] if replaces and self._mine else self._free_path()
        row = {"path": path, "label": self._label, **_measures(samples), **fields}
        has_original = len(channels) > 1 and any((channel != channels[0]).any() for channel in channels[1:])
        if has_original:
            row["original"] = f"{ORIGINAL}/{path}"
        try:
            if has_original:
                self._make_place(self.folder / row["original"])
                write_audio(self.folder / row["original"], channels)
            elif replaces:
                (self.folder / ORIGINAL / path).unlink(missing_ok=True)
            write_audio(self.folder / path, samples)
            self._waiting.append(row)
            if len(self._waiting) >= self._most_waiting:
                self.flush()
        except BaseException:
            # Not there at all, rather than without its row; what is to be replaced stays.
            if path not in self._mine:
                self._waiting = [waiting for waiting in self._waiting if waiting["path"] != path]
                self._remove(path)
            raise
        self._rows[path] = row
        if path not in self._mine:
            self._mine.append(path)
        return self.folder / path

    def flush(self) -> None:
        """Write the rows that wait.

        Raises
        ------
        DataError
            If the manifest cannot be written; they wait on.
        """
        if self._waiting:
            add_rows(self._manifest, self._waiting)
            self._waiting.clear()

    def leave(self) -> None:
        """Take away the folders that were made for recordings, if there are none in them."""
        for place in self._made:
            # One that holds something stays, and so do those around it.
            with contextlib.suppress(OSError):
                place.rmdir()

    def undo(self) -> Path | None:
        """Take the newest recording of this session back; return it, None if there is none.

        Raises
        ------
        DataError
            If the manifest cannot be written; the recording is kept then.
        """
        if not self._mine:
            return None
        self.flush()
        path = self._mine[-1]
        # The row first: without it the file is found again at the next start, a row without a file would be an error.
        write_manifest(self._manifest, [row for row in Manifest(self._manifest).rows if row["path"] != path])
        self._remove(path)
        self._mine.pop()
        del self._rows[path]
        return self.folder / path

    def _remove(self, path: str) -> None:
        for place in (self.folder / path, self.folder / ORIGINAL / path):
            with contextlib.suppress(FileNotFoundError):
                place.unlink()

    def _make_folders(self) -> None:
        probe = self.folder / self.name / f".{self.name}.probe"
        self._make_place(probe)
        try:
            # What cannot be written is said before a word is spoken.
            with replacing(probe) as temporary:
                temporary.touch()
            probe.unlink()
        except OSError as error:
            raise DataError(f"{self.folder / self.name}: cannot be written ({error.strerror or error})") from None

    @staticmethod
    def _make_place(path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{path.parent}: cannot be made ({error.strerror or error})") from None

    def _load(self) -> None:
        if self._manifest.is_file():
            rows = [dict(row) for row in Manifest(self._manifest).rows]
            self._rows = {row["path"]: row for row in rows if self._pattern.fullmatch(row["path"])}
        others = {row.get("label", "") for row in self._rows.values()} - {self._label, ""}
        if others:
            raise DataError(
                f"{self.folder / self.name}: holds {min(others)!r}; accepted for {self._label!r} is another DIR"
            )
        orphans = [path for path in self._files() if path not in self._rows]
        for path in orphans:
            self._rows[path] = {"path": path, "label": self._label, **_measures(read_audio(self.folder / path))}
        if orphans:
            add_rows(self._manifest, [self._rows[path] for path in orphans])

    def _files(self) -> list[str]:
        names = (f"{self.name}/{place.name}" for place in (self.folder / self.name).iterdir())
        return sorted(name for name in names if self._pattern.fullmatch(name))

    def _free_path(self) -> str:
        numbers = [int(match[1]) for path in self._rows if (match := self._pattern.fullmatch(path))]
        number = max(numbers, default=0) + 1
        # Somebody else may record into the same folder.
        while (self.folder / (path := f"{self.name}/{self.name}-{number:04d}{SUFFIX}")).exists():
            number += 1
        return path


def _measures(samples: FloatArray) -> dict[str, str]:
    return {
        "sample_rate": str(SAMPLE_RATE_HZ),
        "duration_s": f"{len(samples) / SAMPLE_RATE_HZ:.3f}",
        "level_dbfs": f"{active_speech_level(samples):.1f}",
        "sha1": pcm16_sha1(samples),
    }


def last_speaker(folder: Path) -> str:
    """Return who spoke the newest recording that a folder's manifest names, of any word; empty if nobody is known."""
    rows = Manifest(folder / MANIFEST).rows if (folder / MANIFEST).is_file() else []
    spoken = [row for row in rows if row.get("speaker")]
    return max(spoken, key=lambda row: row.get("recorded", ""))["speaker"] if spoken else ""
