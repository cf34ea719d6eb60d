"""Long recordings with a label track that Audacity exported: ``talk.wav`` and ``talk.txt``."""

from __future__ import annotations

import math
from pathlib import Path

from data_tools.ingest.entries import Entry, Kind, Wanted, file_name, find_audio, read_text
from kws.audio import AUDIO_SUFFIXES
from kws.errors import DataError

_SUFFIX = ".txt"


def _matches(source: Path) -> bool:
    return any(_looks_like_labels(labels) for _, labels in _pairs(source))


def _entries(source: Path, wanted: Wanted) -> list[Entry]:
    found = []
    for audio, labels in _pairs(source):
        # A folder may hold other texts of the same names.
        if source.is_file() or _looks_like_labels(labels):
            found += [_entry(source, audio, *region) for region in read_labels(labels)]
    if not found:
        raise DataError(f"{source}: no labelled stretches; accepted are recordings with label tracks beside them")
    return found


def read_labels(path: Path) -> list[tuple[float, float, str]]:
    """Read a label track: start and end in seconds, and the text, in the order of the file.

    Raises
    ------
    DataError
        If it cannot be read, or a line is no label, or a point in time, or ends before it starts.
    """
    regions = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        # A second line with a backslash tells frequencies.
        if not line.strip() or line.startswith("\\"):
            continue
        region = _region(line)
        if region is None:
            raise DataError(f"{path}: line {number} is {line[:60]!r}; accepted is START, END and LABEL between tabs")
        start_s, end_s, text = region
        if not 0.0 <= start_s < end_s or not text:
            raise DataError(
                f"{path}: line {number} is {line[:60]!r}; accepted are labels with a text over a stretch of time"
            )
        regions.append(region)
    return regions


def _region(line: str) -> tuple[float, float, str] | None:
    cells = line.split("\t")
    try:
        # Audacity writes the comma of some languages.
        start_s, end_s = (float(cell.replace(",", ".")) for cell in cells[:2])
    except ValueError:
        return None
    is_finite = math.isfinite(start_s) and math.isfinite(end_s)
    return (start_s, end_s, "\t".join(cells[2:]).strip()) if is_finite else None


def _looks_like_labels(path: Path) -> bool:
    try:
        first = next((line for line in read_text(path).splitlines() if line.strip()), "")
    except DataError:
        return False
    return _region(first) is not None


def _pairs(source: Path) -> list[tuple[Path, Path]]:
    if source.is_dir():
        return [(path, path.with_suffix(_SUFFIX)) for path in find_audio(source) if path.with_suffix(_SUFFIX).is_file()]
    labels = source.with_suffix(_SUFFIX)
    if not source.is_file() or not labels.is_file():
        return []
    files = [source] if source != labels else sorted(labels.parent.glob(f"{labels.stem}.*"))
    return [(path, labels) for path in files if path.suffix.lower() in AUDIO_SUFFIXES][:1]


def _entry(source: Path, audio: Path, start_s: float, end_s: float, text: str) -> Entry:
    inside = audio.relative_to(source).with_suffix("") if source.is_dir() else Path(audio.stem)
    place = "-".join(inside.parts)
    # Clips of one recording belong together until it is known who speaks.
    columns = {"label": text, "session": inside.as_posix(), "source": audio.name}
    return Entry(audio, f"{file_name(text)}/{place}_{round(start_s * 1000):08d}", columns, (start_s, end_s))


AUDACITY = Kind("Audacity: recordings with label tracks, cut into clips", _matches, _entries, cuts=True)
