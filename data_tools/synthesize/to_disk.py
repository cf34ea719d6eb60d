"""Many streams to disk: FLAC files and one manifest, in parallel, resumable, the same for any number of workers."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.synthesize.stream import Stream, StreamSynthesizer
from kws.audio import read_audio, to_float32, to_pcm16, write_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, ConfigError, DataError, MissingPackageError
from kws.files import replacing
from kws.manifest import MANIFEST

MANIFEST_COLUMNS = ("path", "duration_s", "segments")
SETTINGS_NAME = "synthesis.json"
_FORMAT = 1
_LARGEST_CHUNK = 256

Row = tuple[str, float, str]
OnProgress = Callable[[int, int], None]


def write_streams(
    synthesizer: StreamSynthesizer,
    folder: str | os.PathLike[str],
    n_streams: int,
    seed: int = 0,
    *,
    n_jobs: int | None = None,
    on_progress: OnProgress | None = None,
) -> Path:
    """Write labelled streams as FLAC files and one manifest.

    Stream ``i`` depends on the synthesizer, the seed and ``i`` alone. A run that was stopped continues where
    it was: whole files are kept, the manifest is written at the end, from all streams.

    Parameters
    ----------
    synthesizer : StreamSynthesizer
    folder : path
        Made if missing. It receives ``stream_000000.flac`` and so on, ``manifest.csv`` with one row a stream
        (``path``, ``duration_s``, ``segments``), and ``synthesis.json``, which tells a later run whether the files are
        its own. ``segments`` is a JSON list of objects ``{"label", "start_s", "end_s", "word_end_s"}``; the label of
        a negative is empty.
    n_streams : int
        How many, at least 1.
    seed : int
        At least 0.
    n_jobs : int, optional
        Workers of joblib; -1 for all cores. None leaves it to ``joblib.parallel_config``, so that its context
        manager switches on Dask or Ray.
    on_progress : callable, optional
        Called with the number of streams that are done and their total; the command line draws its bar with it.

    Returns
    -------
    Path
        The manifest.

    Raises
    ------
    DataError
        If the folder holds streams of other settings, or cannot be written.
    ConfigError
        If a number is out of its range.
    MissingPackageError
        If joblib is not installed.
    """
    _check_count("n_streams", n_streams, 1)
    _check_count("seed", seed, 0)
    joblib = _import_joblib()
    place = Path(folder)
    _claim(place, synthesizer, seed)
    chunk = max(1, min(_LARGEST_CHUNK, n_streams // 32))
    chunks = [range(first, min(first + chunk, n_streams)) for first in range(0, n_streams, chunk)]
    tasks = [joblib.delayed(_write_chunk)(synthesizer, str(place.resolve()), seed, indices) for indices in chunks]
    rows: list[Row] = []
    for done in _parallel(joblib, n_jobs)(tasks):
        rows += done
        if on_progress is not None:
            on_progress(len(rows), n_streams)
    return _write_manifest(place, rows)


def make_stream(synthesizer: StreamSynthesizer, seed: int, index: int) -> Stream:
    """Return stream `index` of a seed: the one that :func:`write_streams` writes under that number."""
    # The same child that SeedSequence(seed).spawn(n)[index] gives, without making the others.
    child = np.random.SeedSequence(seed, spawn_key=(index,))
    return synthesizer.stream(np.random.default_rng(child))


def _write_chunk(synthesizer: StreamSynthesizer, folder: str, seed: int, indices: range) -> list[Row]:
    rows = []
    for index in indices:
        stream = make_stream(synthesizer, seed, index)
        path = Path(folder) / f"stream_{index:06d}.flac"
        # Making a stream again is ten times cheaper than coding it, and tells whether the file is whole.
        if not _holds(path, stream):
            write_audio(path, stream.samples)
        rows.append((path.name, len(stream.samples) / SAMPLE_RATE_HZ, _segments_json(stream)))
    return rows


def _holds(path: Path, stream: Stream) -> bool:
    if not path.is_file():
        return False
    try:
        return np.array_equal(read_audio(path), to_float32(to_pcm16(stream.samples)))
    except AudioError:
        return False


def _segments_json(stream: Stream) -> str:
    return json.dumps(
        [
            {
                "label": segment.label,
                "start_s": segment.start / SAMPLE_RATE_HZ,
                "end_s": segment.end / SAMPLE_RATE_HZ,
                "word_end_s": segment.word_end / SAMPLE_RATE_HZ,
            }
            for segment in stream.segments
        ],
        ensure_ascii=False,
    )


def _claim(place: Path, synthesizer: StreamSynthesizer, seed: int) -> None:
    """Make the folder and write down whose streams it holds, or refuse one that holds others."""
    mine = {"format": _FORMAT, "seed": seed, "fingerprint": synthesizer.fingerprint()}
    settings = place / SETTINGS_NAME
    try:
        place.mkdir(parents=True, exist_ok=True)
        if settings.exists():
            theirs = json.loads(settings.read_text(encoding="utf-8"))
            if theirs != mine:
                raise DataError(
                    f"{place}: holds streams of another seed or other settings; accepted is an empty folder"
                )
        else:
            _write_text(settings, json.dumps(mine) + "\n")
        for leftover in place.glob(".stream_*.tmp"):
            leftover.unlink()
    except (OSError, ValueError) as error:
        raise DataError(f"{place}: cannot be used for streams ({error})") from None


def _write_manifest(place: Path, rows: list[Row]) -> Path:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(MANIFEST_COLUMNS)
    writer.writerows(rows)
    path = place / MANIFEST
    _write_text(path, text.getvalue())
    return path


def _write_text(path: Path, text: str) -> None:
    try:
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error})") from None


def _parallel(joblib: Any, n_jobs: int | None) -> Any:
    try:
        return joblib.Parallel(n_jobs=n_jobs, batch_size=1, return_as="generator")
    except ValueError:
        # Ray's backend gives its results all at once; the bar then jumps at the end.
        return joblib.Parallel(n_jobs=n_jobs, batch_size=1)


def _check_count(name: str, value: object, low: int) -> None:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < low:
        raise ConfigError(f"{name} is {value!r}; accepted are whole numbers from {low}")


def _import_joblib() -> Any:
    try:
        return importlib.import_module("joblib")
    except ImportError:
        raise MissingPackageError("joblib", "data", "write streams in parallel") from None
