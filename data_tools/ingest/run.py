"""From the entries of a source to clips and a manifest: several at a time, and again from where it stopped."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from data_tools.ingest.entries import Entry, unique_names
from data_tools.ingest.journal import Journal
from kws.audio import pcm16_sha1, read_audio, read_native, read_stretch, to_pcm16, write_audio
from kws.config import SAMPLE_RATE_HZ, require, require_one_of
from kws.errors import AudioError, ConfigError, DataError
from kws.manifest import MANIFEST, Manifest, Row, add_rows

FORMATS = ("flac", "wav")
_BATCH = 512

OnProgress = Callable[[int, int], None]
Outcome = tuple[Entry, Row | None, str]
"""An entry, what was measured of it, and why it could not be read."""


@dataclass(frozen=True)
class ImportOptions:
    """How clips are taken over.

    Parameters
    ----------
    links : bool
        Leave the files where they are: the manifest names them in place. The folder must be theirs or above it.
    format : {"flac", "wav"}
        Of copies, which are 16 kHz, mono and 16 bit.
    columns : mapping of str to str
        Columns of the manifest that are set for all clips, whatever the source says.
    jobs : int
        Clips that are read at a time.
    """

    links: bool = False
    format: str = "flac"
    columns: Mapping[str, str] = field(default_factory=dict)
    jobs: int = 1

    def __post_init__(self) -> None:
        require("jobs", self.jobs, 1, 1000)
        require_one_of("format", self.format, FORMATS)


@dataclass(frozen=True)
class Imported:
    """What became of an import.

    Parameters
    ----------
    rows : list of mapping
        Of the manifest, for the clips of this source.
    n_known : int
        How many of them were there from an earlier import.
    failures : list of (Path, str)
        Files that could not be read, and why.
    """

    rows: list[Row]
    n_known: int
    failures: list[tuple[Path, str]]


def import_data(
    entries: Sequence[Entry], out: Path, options: ImportOptions | None = None, on_progress: OnProgress | None = None
) -> Imported:
    """Copy or link the clips of a source, and add them to the manifest of a folder.

    What is interrupted goes on where it stopped: a clip appears when it is whole, and the manifest when all are
    there. A file that cannot be read is told and left out.

    Parameters
    ----------
    entries : sequence of Entry
    out : Path
        Made if it is not there.
    options : ImportOptions, optional
    on_progress : callable, optional
        Called with the clips that are done and their total.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        If not one file can be read, or the folder or its manifest cannot be used.
    AudioError
        If a clip cannot be written.
    """
    options = options or ImportOptions()
    named = unique_names(entries)
    _require_place(named, out, options)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be made ({error.strerror})") from None
    before = Manifest(out / MANIFEST) if (out / MANIFEST).is_file() else None
    rows: list[Row] = []
    failures: list[tuple[Path, str]] = []
    n_known = 0
    with Journal(out, options) as journal:
        for done, (entry, measured, reason) in enumerate(_outcomes(named, out, options, journal), 1):
            if measured is None:
                failures.append((entry.path, reason))
            else:
                n_known += journal.has(entry)
                journal.add(entry, measured)
                row = {**entry.columns, **options.columns, **measured}
                if before is not None and not row.get("split"):
                    # Made here since the last import.
                    row["split"] = before.named(row["path"]).get("split", "")
                rows.append(row)
            if on_progress is not None:
                on_progress(done, len(named))
    if not rows:
        raise DataError(f"none of {len(named)} files can be read; the first: {failures[0][1]}")
    add_rows(out / MANIFEST, rows)
    return Imported(rows, n_known, failures)


def _require_place(entries: Sequence[Entry], out: Path, options: ImportOptions) -> None:
    place = out.resolve()
    for entry in entries:
        if options.links and entry.stretch_s is not None:
            raise ConfigError(f"{entry.path} holds several clips, which only copies can be; accepted is without --link")
        if options.links and not entry.path.resolve().is_relative_to(place):
            raise ConfigError(f"{entry.path} does not lie below {out}; accepted with --link is a folder above it")
        if not options.links and entry.path.resolve().is_relative_to(place):
            raise ConfigError(f"{out} holds {entry.path} itself; accepted is another folder, or --link")


def _outcomes(entries: Sequence[Entry], out: Path, options: ImportOptions, journal: Journal) -> Iterator[Outcome]:
    take = partial(_take, out, options, journal)
    pool = ThreadPoolExecutor(options.jobs)
    try:
        # In batches, so that millions of clips do not wait in memory.
        waiting = iter(entries)
        while batch := list(itertools.islice(waiting, _BATCH)):
            yield from pool.map(take, batch)
    finally:
        pool.shutdown(cancel_futures=True)


def _take(out: Path, options: ImportOptions, journal: Journal, entry: Entry) -> Outcome:
    known = journal.find(entry)
    if known is not None:
        return entry, known, ""
    try:
        if options.links:
            return entry, _measured_in_place(entry, out), ""
        samples = to_pcm16(read_stretch(entry.path, *entry.stretch_s) if entry.stretch_s else read_audio(entry.path))
    except AudioError as error:
        return entry, None, str(error)
    name = f"{entry.name}.{options.format}"
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    # What cannot be written is no fault of the recording: it ends the import.
    write_audio(out / name, samples)
    return entry, _row(name, pcm16_sha1(samples), len(samples), SAMPLE_RATE_HZ), ""


def _measured_in_place(entry: Entry, out: Path) -> Row:
    native = read_native(entry.path)
    if not native.samples.shape[1]:
        raise AudioError(f"{entry.path}: holds no samples")
    name = entry.path.resolve().relative_to(out.resolve()).as_posix()
    return _row(name, pcm16_sha1(native.samples), native.samples.shape[1], native.rate_hz)


def _row(name: str, sha1: str, n_samples: int, rate_hz: int) -> Row:
    return {"path": name, "sha1": sha1, "duration_s": f"{n_samples / rate_hz:.3f}", "sample_rate": str(rate_hz)}
