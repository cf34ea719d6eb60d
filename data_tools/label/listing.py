"""Which recordings are to be labelled, and where the labels of each lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.audio import AUDIO_SUFFIXES
from kws.errors import DataError
from kws.labels import SUFFIX


@dataclass(frozen=True)
class Place:
    """A recording and its label file.

    Parameters
    ----------
    audio : Path
    name : str
        The recording relative to the folder that was named, with ``/``.
    labels : Path
        It may not be there yet.
    """

    audio: Path
    name: str
    labels: Path


def list_places(target: Path, out: Path | None = None) -> list[Place]:
    """List the recordings of a folder and its subfolders in order, or the one file.

    Parameters
    ----------
    target : Path
        A file or a folder.
    out : Path, optional
        Folder for labels instead of beside the recordings; subfolders are kept.

    Raises
    ------
    DataError
        If there is no recording, or two would share a label file.
    """
    if target.is_dir():
        found = [path for path in target.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()]
        root = target
    else:
        found, root = [target], target.parent
        if not target.exists():
            raise DataError(f"{target}: no such file or folder")
    if not found:
        raise DataError(f"{target}: no recordings; accepted are files that end in {', '.join(sorted(AUDIO_SUFFIXES))}")
    places = [_place(path, root, out) for path in sorted(found)]
    _require_own_files(places)
    return places


def _place(audio: Path, root: Path, out: Path | None) -> Place:
    inside = audio.relative_to(root)
    base = root if out is None else out
    return Place(audio, inside.as_posix(), base / inside.with_name(inside.stem + SUFFIX))


def _require_own_files(places: Sequence[Place]) -> None:
    owners: dict[Path, str] = {}
    for place in places:
        if place.labels in owners:
            raise DataError(
                f"{owners[place.labels]} and {place.name} would share {place.labels.name}; accepted are recordings "
                "whose names differ in more than the suffix"
            )
        owners[place.labels] = place.name
