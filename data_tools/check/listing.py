"""Which files there are, and what folders, names and a manifest say of them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.check.dataset import KEYWORD, NEGATIVE, NOISE, RIR, STREAM, Clip, Listing, ManifestFaults, Segment
from kws.audio import AUDIO_SUFFIXES, FOREIGN_SUFFIXES
from kws.errors import ConfigError, DataError
from kws.manifest import MANIFEST, Manifest

_SPLIT_FOLDERS = frozenset({"train", "training", "val", "valid", "validation", "dev", "test", "testing"})
_UNKNOWN = frozenset({"", "-", "?", "unknown", "unsplit"})
# Lists that come with Google Speech Commands.
_SPLIT_LISTS = {"validation_list.txt": "validation", "testing_list.txt": "testing"}
_NOHASH = re.compile(r"([0-9a-f]{6,})_nohash_\d+")
_TIMES = (("kw_start_s", "kw_end_s"), ("start_s", "end_s"))


PlaceOf = Callable[[str], tuple[str, str]]
"""``name -> (split, speaker)``, each empty if unknown."""


@dataclass(frozen=True)
class Group:
    """Folders that a recipe gives one role.

    Parameters
    ----------
    role, label : str
        An empty label stands for the name of the folder.
    folders : tuple of str
        Relative to the root, searched through all their subfolders.
    """

    role: str
    label: str
    folders: tuple[str, ...]


def list_folder(root: str | Path, keywords: Sequence[str] = ()) -> Listing:
    """List the clips below a folder.

    With a ``manifest.csv`` the classes are its column ``label``, without one they are the folders; a first folder
    that is called ``train``, ``validation``, ``test`` or the like is the split. A class whose name begins with ``neg``,
    ``not`` or ``non``, or is ``other``, ``unknown`` or ``speech``, holds negatives; ``noise``, ``background`` and
    ``rir`` are what they say; all others hold one word a clip.

    Parameters
    ----------
    root : path
    keywords : sequence of str
        Classes that are keywords; all other words are then negatives.

    Raises
    ------
    DataError
        If there is no such folder, it holds no audio, or its manifest cannot be read.
    ConfigError
        If there is no class of a keyword's name.
    """
    place = Path(root)
    files, foreign = _find(place)
    manifest = Manifest(place / MANIFEST) if (place / MANIFEST).is_file() else None
    originals = _originals(manifest)
    files = [path for path in files if _name(place, path) not in originals]
    rows, faults = _read_manifest(place, manifest, MANIFEST, files, None)
    listed = _split_lists(place)
    clips = [_clip_of_folder(place, path, rows.get(_name(place, path), {}), listed, keywords) for path in files]
    labels = {clip.label for clip in clips}
    for keyword in keywords:
        if keyword not in labels:
            shown = ", ".join(sorted(labels)[:20]) + (", …" if len(labels) > 20 else "")
            raise ConfigError(f"keyword is {keyword!r}; accepted are the classes that are there: {shown}")
    return Listing(place, clips, [_name(place, path) for path in foreign], faults, is_told=bool(keywords))


def list_groups(root: str | Path, groups: Sequence[Group], manifest: str | None, place_of: PlaceOf) -> Listing:
    """List the clips of a recipe's folders.

    Parameters
    ----------
    root : path
    groups : sequence of Group
    manifest : str, optional
        Relative to the root.
    place_of : callable
        Says of a clip, by its name, in which split it is and who speaks it.

    Raises
    ------
    DataError
        If a folder or the manifest is missing, or nothing is found at all.
    """
    place = Path(root)
    folders = tuple(folder.rstrip("/") + "/" for group in groups for folder in group.folders)
    found: list[tuple[Group, str, Path]] = []
    foreign: list[Path] = []
    for group in groups:
        for folder in group.folders:
            files, unread = _find(place / folder)
            found += [(group, folder, path) for path in files]
            foreign += unread
    listed = None if manifest is None else Manifest(place / manifest)
    rows, faults = _read_manifest(place, listed, manifest or "", [path for _, _, path in found], folders)
    clips = []
    for group, folder, path in found:
        row = rows.get(_name(place, path), {})
        split, speaker = place_of(_name(place, path))
        clips.append(_clip(place, path, group.label or folder, group.role, split, {**row, "speaker": speaker}))
    return Listing(place, clips, [_name(place, path) for path in foreign], faults)


def _find(folder: Path) -> tuple[list[Path], list[Path]]:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    audio = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
    foreign = [path for path in files if path.suffix.lower() in FOREIGN_SUFFIXES]
    if not audio and not foreign:
        raise DataError(f"{folder}: holds no audio; accepted are {', '.join(sorted(AUDIO_SUFFIXES))}")
    return audio, foreign


def _originals(manifest: Manifest | None) -> set[str]:
    """Return the files that hold all channels of a take which is a file of its own: they are no further clips."""
    rows = [] if manifest is None else manifest.rows
    return {row["original"] for row in rows if row.get("original")}


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _clip_of_folder(
    root: Path, path: Path, row: Mapping[str, str], listed: Mapping[str, str], keywords: Sequence[str]
) -> Clip:
    parts = path.relative_to(root).parts[:-1]
    folder_split = parts[0] if parts and parts[0].lower() in _SPLIT_FOLDERS else ""
    folder = "/".join(parts[1:] if folder_split else parts)
    label = row.get("label") or folder or root.resolve().name
    role = _role(label, folder)
    if keywords and role in (KEYWORD, NEGATIVE):
        role = KEYWORD if label in keywords else NEGATIVE
    split = row.get("split") or listed.get(_name(root, path), folder_split or ("training" if listed else ""))
    return _clip(root, path, label, role, split, row)


def _role(label: str, folder: str) -> str:
    words = [word.strip("_").lower() for word in (*folder.split("/"), label.partition(":")[0])]
    if any(word.startswith(("noise", "background")) for word in words):
        return NOISE
    if any(word in ("rir", "rirs") for word in words):
        return RIR
    negative = any(word.startswith(("neg", "not_", "not-", "non_", "non-")) for word in words)
    return NEGATIVE if negative or {"other", "others", "unknown", "speech"} & set(words) else KEYWORD


def _clip(root: Path, path: Path, label: str, role: str, split: str, row: Mapping[str, str]) -> Clip:
    speaker = row.get("speaker", "")
    match = _NOHASH.match(path.stem)
    if not speaker and match:
        speaker = match[1]
    return Clip(
        path=path,
        name=_name(root, path),
        label=label,
        role=STREAM if row.get("segments") else role,
        speaker="" if speaker.lower() in _UNKNOWN else speaker,
        split="" if split.lower() in _UNKNOWN else split,
        segments=tuple(_segments(row, label)),
        row=row,
    )


def _segments(row: Mapping[str, str], label: str) -> Iterable[Segment]:
    if row.get("segments"):
        for item in json.loads(row["segments"]):
            yield Segment(item["label"], float(item["start_s"]), float(item["end_s"]))
        return
    for start, end in _TIMES:
        if row.get(start) and row.get(end):
            yield Segment(label, float(row[start]), float(row[end]))
            return


def _split_lists(root: Path) -> dict[str, str]:
    listed: dict[str, str] = {}
    for name, split in _SPLIT_LISTS.items():
        if (root / name).is_file():
            lines = (root / name).read_text(encoding="utf8", errors="replace").split()
            listed.update(dict.fromkeys(lines, split))
    return listed


def _read_manifest(
    root: Path, manifest: Manifest | None, name: str, files: Sequence[Path], folders: tuple[str, ...] | None
) -> tuple[dict[str, dict[str, str]], ManifestFaults]:
    """Return the rows by path, those that cannot be used without their times, and what is wrong."""
    if manifest is None:
        return {}, ManifestFaults()
    rows = [row for row in manifest.rows if folders is None or row["path"].startswith(folders)]
    counts = Counter(row["path"] for row in rows)
    names = [_name(root, path) for path in files]
    there, unreadable = set(names), []
    for row in rows:
        bad = _unusable(row)
        if bad:
            unreadable.append((row["path"], bad))
            row.update(dict.fromkeys([*(column for pair in _TIMES for column in pair), "segments"], ""))
    faults = ManifestFaults(
        name,
        # A foreign recording is there, though it cannot be read.
        [path for path in counts if path not in there and not (root / path).is_file()],
        [path for path in names if path not in counts],
        [path for path, count in counts.items() if count > 1],
        unreadable,
    )
    return {row["path"]: row for row in rows}, faults


def _unusable(row: Mapping[str, str]) -> str:
    """Return the value of a row that is no time, empty if all are."""
    for pair in _TIMES:
        given = [column for column in pair if row.get(column)]
        for column in given:
            if not re.fullmatch(r"\s*-?\d+(\.\d*)?([eE][-+]?\d+)?\s*", row[column]):
                return f"{column} is {row[column][:40]!r}"
        if len(given) == 1:
            return f"{given[0]} is {row[given[0]]!r} without the other"
    if row.get("segments"):
        try:
            for item in json.loads(row["segments"]):
                float(item["start_s"]), float(item["end_s"]), str(item["label"])
        except (ValueError, TypeError, KeyError):
            return f"segments are {row['segments'][:40]!r}"
    return ""
