"""Label tracks of many recordings at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from data_tools.label.audacity import read_track, write_track
from data_tools.label.listing import Place, list_places
from data_tools.label.sound import sound_info
from data_tools.label.store import read_labels, save_labels
from kws.errors import DataError
from kws.labels import Labels, in_order


def import_all(target: Path, tracks: Path, out: Path | None = None) -> tuple[int, int]:
    """Take over label tracks; all of them are checked before the first label file is changed.

    Parameters
    ----------
    target : Path
        A recording or a folder.
    tracks : Path
        A track for a recording; for a folder one with ``NAME.txt`` for each ``NAME.wav``, in the same subfolders.
    out : Path, optional
        Where labels lie.

    Returns
    -------
    int, int
        Recordings that have a track, and labels that are new.

    Raises
    ------
    DataError
        If there is no track, or one or a label file is malformed.
    """
    places = list_places(target, out)
    paths = [tracks if tracks.is_file() or not target.is_dir() else _track_of(place, tracks) for place in places]
    if len(places) > 1 and tracks.is_file():
        raise DataError(f"{tracks}: is one track for {len(places)} recordings; accepted is a folder of tracks")
    pairs = [(place, path) for place, path in zip(places, paths, strict=True) if path.is_file()]
    if not pairs:
        raise DataError(f"{tracks}: no label tracks; accepted is a NAME.txt for each recording")
    changes = [(place, *_merged(place, path)) for place, path in pairs]
    for place, labels, n_new in changes:
        if n_new:
            save_labels(place.labels, labels)
    return len(changes), sum(n_new for _, _, n_new in changes)


def export_all(places: Sequence[Place], folder: Path) -> int:
    """Write the accepted regions of each labelled recording as ``NAME.txt``; return how many tracks there are.

    Raises
    ------
    DataError
        If no recording has labels, a label file is malformed, or a track cannot be written.
    """
    labelled = [place for place in places if place.labels.exists()]
    if not labelled:
        raise DataError(f"{places[0].audio.parent}: no label files there")
    found = [(place, _labels(place)) for place in labelled]
    for place, labels in found:
        write_track(_track_of(place, folder), labels.regions)
    return len(found)


def _merged(place: Place, track: Path) -> tuple[Labels, int]:
    labels = _labels(place)
    known = {(region.label, round(region.start_s, 3), round(region.end_s, 3)) for region in labels.regions}
    ids = {region.id for region in labels.regions}
    new = []
    for region in read_track(track, labels.duration_s):
        if (region.label, round(region.start_s, 3), round(region.end_s, 3)) in known:
            continue
        number = next(n for n in range(len(ids) + 1) if f"a{n}" not in ids)
        ids.add(f"a{number}")
        new.append(replace(region, id=f"a{number}"))
    return replace(labels, regions=in_order([*labels.regions, *new])), len(new)


def _labels(place: Place) -> Labels:
    return read_labels(place.labels, place.audio.name, sound_info(place.audio).duration_s)


def _track_of(place: Place, folder: Path) -> Path:
    return folder / Path(place.name).with_suffix(".txt")
