"""Recordings that an evaluation is made of, with what a manifest knows about them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kws.activity import active_region
from kws.audio import AUDIO_SUFFIXES, FloatArray, read_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.manifest import MANIFEST, Manifest, Row

GROUP_COLUMNS = ("gender", "device", "dialect", "lang", "context", "age", "accent", "room", "distance_m")
"""Columns of a manifest that results are grouped by."""

_NOBODY = ("-", "unknown")


@dataclass(frozen=True, eq=False)
class Recording:
    """One recording.

    Parameters
    ----------
    name : str
        Path relative to its manifest, or to the folder above its own.
    samples : array of float32, shape (N,)
    speaker : str
        ``""`` if it is not known.
    attributes : mapping of str to str
    word_s : tuple of float, optional
        Start and end of its word in seconds, where a manifest states them.
    """

    name: str
    samples: FloatArray = field(repr=False)
    speaker: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    word_s: tuple[float, float] | None = None

    @property
    def audio_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def word(self) -> tuple[int, int]:
        """Start and end of the word in samples: as stated, else the active region."""
        if self.word_s is None:
            return active_region(self.samples)
        start, end = (min(round(t * SAMPLE_RATE_HZ), len(self.samples)) for t in self.word_s)
        return start, end


def find_recordings(folder: Path, split: str | None = None) -> list[Path]:
    """List a folder's recordings in order; `split` keeps those of one split of the manifest.

    Raises
    ------
    DataError
        If nothing is left, or a split is asked for and no manifest is at or above the folder.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if split is not None:
        rows = Manifest.above(folder)
        if rows is None:
            raise DataError(f"{folder}: no {MANIFEST} at or above it, so there are no splits to choose from")
        files = [path for path in files if rows.row(path).get("split") == split]
    if not files:
        raise DataError(f"{folder}: no recordings" + (f" of split {split!r}" if split else ""))
    return files


def read_folder(folder: Path, split: str | None = None) -> list[Recording]:
    """Read all recordings of a folder and its subfolders, with what the nearest manifest says of them.

    Without a manifest, a subfolder is a speaker: ``words/anna/1.wav`` is said by anna.

    Raises
    ------
    DataError
        As :func:`find_recordings`.
    AudioError
        If one of them cannot be read.
    """
    paths = find_recordings(folder, split)
    manifest = Manifest.above(folder)
    recordings = []
    for path in paths:
        if manifest is not None:
            recordings.append(describe(manifest.name(path), read_audio(path), manifest.row(path)))
            continue
        inside = path.relative_to(folder)
        speaker = inside.parts[0] if len(inside.parts) > 1 else ""
        recordings.append(Recording((Path(folder.resolve().name) / inside).as_posix(), read_audio(path), speaker))
    return recordings


def describe(name: str, samples: FloatArray, row: Row) -> Recording:
    """Return a recording with what its row of a manifest says.

    Raises
    ------
    DataError
        If a stated time is no number, or the word does not lie within the recording.
    """
    attributes = {column: row[column] for column in GROUP_COLUMNS if row.get(column)}
    speaker = row.get("speaker") or ""
    recording = Recording(name, samples, "" if speaker in _NOBODY else speaker, attributes, word_times_s(name, row))
    start, end = recording.word
    if recording.word_s is not None and not 0 <= start < end:
        raise DataError(
            f"{name}: its word is said to last from {recording.word_s[0]:g} to {recording.word_s[1]:g} s; "
            f"the recording has {recording.audio_s:.2f} s"
        )
    return recording


def word_times_s(name: str, row: Row) -> tuple[float, float] | None:
    """Return start and end of the word as a row states them, in seconds; None if it states none.

    Raises
    ------
    DataError
        If they are no numbers.
    """
    texts = row.get("kw_start_s"), row.get("kw_end_s")
    if not all(texts):
        return None
    try:
        return float(texts[0] or ""), float(texts[1] or "")
    except ValueError:
        raise DataError(f"{name}: kw_start_s is {texts[0]!r} and kw_end_s {texts[1]!r}; accepted are seconds") from None


def says_once(row: Row) -> bool:
    """Return whether a recording holds its word once: of several only one has times."""
    return len((row.get("kw_mentions") or "one").split()) == 1


def fingerprint(recordings: Iterable[Recording]) -> str:
    """Return the SHA-256 of names and samples (as 16-bit) in order: the same data have the same one."""
    digest = hashlib.sha256()
    for recording in recordings:
        digest.update(recording.name.encode() + b"\0")
        digest.update((recording.samples * 32768).round().astype("<i2").tobytes())
    return digest.hexdigest()


def hours(recordings: Sequence[Recording]) -> float:
    """Return the length of all recordings together."""
    return sum(recording.audio_s for recording in recordings) / 3600
