"""Labels as recordings that an evaluation reads: a clip for each word, and what lies between as negatives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from data_tools.label.listing import Place
from data_tools.label.sound import read_stretch, sound_info
from data_tools.label.store import read_labels
from kws.audio import resample, write_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.labels import Labels, Region, in_order, overlapping
from kws.manifest import Manifest, NearestManifests, Row, inherited, write_manifest

OnProgress = Callable[[int, int], None]

WORDS, NEGATIVES = "words", "negatives"
# An evaluation lets a detection come up to a second late.
_BEFORE_S, _AFTER_S = 1.0, 1.2
# What lies closer to a word belongs to neither side: its detection may still come.
_MARGIN_S = 1.2
_PIECE_S = 60.0
_LEAST_S = 1.0


@dataclass
class Exported:
    """What was written.

    Parameters
    ----------
    words : dict of str to int
        Clips of each keyword.
    negatives_s : float
        Audio without a keyword.
    waiting : int
        Proposals that nobody has decided on; they are on no side.
    incomplete : list of str
        Recordings that nobody has gone through: they give words and no negatives.
    """

    words: dict[str, int] = field(default_factory=dict)
    negatives_s: float = 0.0
    waiting: int = 0
    incomplete: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Piece:
    """A clip to cut: where it goes, what it holds."""

    path: str
    start_s: float
    end_s: float
    label: str
    word: Region | None = None


def export_clips(places: Sequence[Place], manifest: Path, on_progress: OnProgress | None = None) -> Exported:
    """Cut words and negatives of labelled recordings and describe them in a manifest.

    Beside the manifest lie ``words/KEYWORD/`` and ``negatives/`` with FLAC at 16 kHz.

    Parameters
    ----------
    places : sequence of Place
    manifest : Path
        Made, or its rows and clips of the same recordings are replaced; others stay.
    on_progress : callable, optional
        Called with the recordings that are done, and their number.

    Raises
    ------
    DataError
        If no recording has labels, a label file is malformed, or accepted regions overlap. All label files are
        checked before the first clip is written.
    AudioError
        If a recording cannot be read.
    """
    labelled = [(place, _read(place)) for place in places if place.labels.exists()]
    if not any(labels.complete or any(r.state == "accepted" for r in labels.regions) for _, labels in labelled):
        raise DataError(
            f"{_root(places)}: nothing is labelled there yet; kws label accepts or draws words, and marks a recording "
            "that was gone through as complete (D)"
        )
    pieces = [(place, piece) for place, labels in labelled for piece in _pieces(place, labels)]
    _require_own_files(pieces)
    exported = Exported()
    rows: list[Row] = []
    manifests = NearestManifests()
    for done, (place, piece) in enumerate(pieces):
        if on_progress is not None:
            on_progress(done, len(pieces))
        rows.append(_cut(piece, place, manifest.parent, manifests.row(place.audio)))
        _count(exported, piece)
    for place, labels in labelled:
        exported.waiting += sum(region.state == "proposed" for region in labels.regions)
        if not labels.complete:
            exported.incomplete.append(place.name)
    _replace_rows(manifest, rows, {place.name for place, _ in labelled})
    return exported


def _require_own_files(pieces: Sequence[tuple[Place, _Piece]]) -> None:
    owners: dict[str, str] = {}
    for place, piece in pieces:
        if owners.setdefault(piece.path, place.name) != place.name:
            raise DataError(
                f"{owners[piece.path]} and {place.name} would both give {piece.path}; accepted are other names"
            )


def _replace_rows(manifest: Path, rows: Sequence[Row], sessions: set[str]) -> None:
    """Write the manifest, and then remove the clips of an earlier export that are no longer in it."""
    known = Manifest(manifest).rows if manifest.is_file() else []
    written = {row["path"] for row in rows}
    ours = f"{WORDS}/", f"{NEGATIVES}/"
    stale = {row["path"] for row in known if row.get("session") in sessions and row["path"].startswith(ours)} - written
    kept = [row for row in known if row["path"] not in stale | written]
    write_manifest(manifest, [*kept, *rows])
    for path in stale:
        (manifest.parent / path).unlink(missing_ok=True)


def _read(place: Place) -> Labels:
    labels = read_labels(place.labels, place.audio.name, sound_info(place.audio).duration_s)
    for first, second in overlapping(labels.regions):
        raise DataError(
            f"{place.labels}: {first.label!r} at {first.start_s:.3f} s and {second.label!r} at {second.start_s:.3f} s "
            "overlap; accepted are words one after the other"
        )
    return labels


def _pieces(place: Place, labels: Labels) -> Iterator[_Piece]:
    stem = folder_name(place.name.rpartition(".")[0])
    words = in_order([region for region in labels.regions if region.state == "accepted"])
    for number, word in enumerate(words):
        before_s = words[number - 1].end_s if number else 0.0
        after_s = words[number + 1].start_s if number + 1 < len(words) else labels.duration_s
        start_s, end_s = max(before_s, word.start_s - _BEFORE_S), min(after_s, word.end_s + _AFTER_S)
        name = f"{WORDS}/{folder_name(word.label)}/{stem}-{round(word.start_s * 1000):08d}.flac"
        yield _Piece(name, max(0.0, start_s), end_s, word.label, word)
    if not labels.complete:
        return
    # A proposal that nobody decided on may be a word.
    unclear = [region for region in labels.regions if region.state != "rejected"]
    for start_s, end_s in _between(unclear, labels.duration_s):
        yield _Piece(f"{NEGATIVES}/{stem}-{round(start_s * 1000):08d}.flac", start_s, end_s, "negative")


def _between(regions: Sequence[Region], duration_s: float) -> Iterator[tuple[float, float]]:
    """Yield the stretches that keep away from all regions, in pieces of a minute."""
    at_s = 0.0
    for start_s, end_s in [*((r.start_s, r.end_s) for r in in_order(regions)), (duration_s + _MARGIN_S, 0.0)]:
        free_s = start_s - _MARGIN_S
        while free_s - at_s >= _LEAST_S:
            # No rest that is too short to be kept.
            end_piece_s = free_s if free_s - at_s < _PIECE_S + _LEAST_S else at_s + _PIECE_S
            yield at_s, end_piece_s
            at_s = end_piece_s
        at_s = max(at_s, end_s + _MARGIN_S)


def _cut(piece: _Piece, place: Place, folder: Path, known: Row) -> Row:
    target = folder / piece.path
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{target.parent}: cannot be made ({error.strerror})") from None
    samples, rate_hz = read_stretch(place.audio, piece.start_s, piece.end_s)
    audio = resample(samples, rate_hz, SAMPLE_RATE_HZ)
    write_audio(target, audio)
    row = {
        **inherited(known),
        "path": piece.path,
        "label": piece.label,
        "session": place.name,
    }
    row |= {"sample_rate": str(SAMPLE_RATE_HZ), "duration_s": f"{len(audio) / SAMPLE_RATE_HZ:.3f}"}
    if piece.word is not None:
        row["kw_start_s"] = f"{piece.word.start_s - piece.start_s:.3f}"
        row["kw_end_s"] = f"{piece.word.end_s - piece.start_s:.3f}"
    return row


def _count(exported: Exported, piece: _Piece) -> None:
    if piece.word is None:
        exported.negatives_s += piece.end_s - piece.start_s
    else:
        exported.words[piece.label] = exported.words.get(piece.label, 0) + 1


def folder_name(name: str) -> str:
    """Return a name as part of a file's name: of letters of any script, digits, dots and dashes."""
    return re.sub(r"[^\w.-]+", "_", name.replace("/", "-")).strip(".") or "_"


def _root(places: Sequence[Place]) -> str:
    if len(places) == 1:
        return str(places[0].audio)
    return str(places[0].audio.parent) if places else "the folder"
