"""Load the folders that a recipe names, split by speaker into training and validation."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.audio import read_audio, to_pcm16
from kws.errors import DataError
from kws.train.recipe import DataConfig

Pcm = npt.NDArray[np.int16]

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
# What phones record and libsndfile does not read: left out in silence it would be missed for hours.
FOREIGN_SUFFIXES = frozenset({".m4a", ".mp4", ".aac", ".amr", ".3gp", ".wma", ".webm", ".caf"})
MIN_KEYWORD_CLIPS = 8


@dataclass(frozen=True)
class Clip:
    """One recording: where it is from, its samples as int16 to halve the memory, and how often it is drawn."""

    path: str
    speaker: str
    samples: Pcm = field(repr=False)
    weight: float = 1.0


@dataclass(frozen=True)
class Split:
    """The clips of one side of the split."""

    keywords: dict[str, list[Clip]]
    negatives: list[Clip]
    noise: list[Clip]

    @property
    def summary(self) -> dict[str, object]:
        """Counts and hours, for the model file."""
        return {
            "keywords": {k: _summary(clips) for k, clips in self.keywords.items()},
            "negatives": _summary(self.negatives),
            "noise": _summary(self.noise),
        }


@dataclass(frozen=True)
class Corpus:
    """All audio of a recipe."""

    train: Split
    validation: Split
    rirs: list[Clip]


def load_corpus(config: DataConfig, on_progress: Callable[[int, int], None] | None = None) -> Corpus:
    """Read every clip of a recipe into memory.

    Parameters
    ----------
    config : DataConfig
    on_progress : callable, optional
        Called with the number of clips read and their total.

    Raises
    ------
    DataError
        If a folder or the manifest is missing or holds no audio, if a keyword has fewer than 8 clips, or if a
        side of the split would be empty.
    """
    root = Path(config.root)
    rows = _read_manifest(root, config.manifest)
    groups = {
        **{f"keyword {name!r}": _find(root, folders) for name, folders in config.keywords.items()},
        "negatives": _find(root, config.negatives),
        "noise": _find(root, config.noise),
        "rirs": _find(root, config.rirs),
    }
    for name in config.keywords:
        count = len(groups[f"keyword {name!r}"])
        if count < MIN_KEYWORD_CLIPS:
            raise DataError(
                f"keyword {name!r} has {count} clips in {', '.join(config.keywords[name])}; "
                f"at least {MIN_KEYWORD_CLIPS} are needed: record more"
            )
    total, done = sum(map(len, groups.values())), 0
    train: dict[str, list[Clip]] = {}
    validation: dict[str, list[Clip]] = {}
    for group, paths in groups.items():
        train[group], validation[group] = [], []
        for path in paths:
            relative = path.relative_to(root).as_posix()
            row = rows.get(relative, {})
            weight = _weight(config, relative) if group == "negatives" else 1.0
            clip = Clip(relative, row.get("speaker", ""), to_pcm16(read_audio(path)), weight)
            side = validation if _is_validation(config, relative, row) else train
            side[group].append(clip)
            done += 1
            if on_progress is not None:
                on_progress(done, total)
        _check_sides(group, train[group], validation[group])
    rirs = train.pop("rirs") + validation.pop("rirs")
    return Corpus(_split(config, train), _split(config, validation), rirs)


def _split(config: DataConfig, groups: dict[str, list[Clip]]) -> Split:
    keywords = {name: groups[f"keyword {name!r}"] for name in config.keywords}
    return Split(keywords, groups["negatives"], groups["noise"])


def _check_sides(group: str, train: list[Clip], validation: list[Clip]) -> None:
    if group == "rirs":
        return
    for side, clips in (("training", train), ("validation", validation)):
        if not clips:
            raise DataError(
                f"{group}: no clip is left for {side}; give a manifest with splits, or change data.validation_share"
            )


def _is_validation(config: DataConfig, relative: str, row: dict[str, str]) -> bool:
    split = row.get("split", "")
    if split in config.validation_splits:
        return True
    if split.startswith("train"):
        return False
    key = row.get("speaker") or relative
    if split in ("", "-", "unsplit"):
        # One speaker alone would fall on one side whole: such a folder is split by clip.
        return _hash_share(key if row.get("n_speakers", "1") != "1" else relative) < config.validation_share
    return False


def _weight(config: DataConfig, relative: str) -> float:
    return next((w for folder, w in config.weights.items() if relative.startswith(folder.rstrip("/") + "/")), 1.0)


def _hash_share(key: str) -> float:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") / 2**32


def _find(root: Path, folders: Iterable[str]) -> list[Path]:
    found: list[Path] = []
    for folder in folders:
        place = root / folder
        if not place.is_dir():
            raise DataError(f"{place}: no such folder")
        files = sorted(path for path in place.rglob("*") if path.is_file())
        clips = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
        foreign = [path for path in files if path.suffix.lower() in FOREIGN_SUFFIXES]
        if foreign:
            raise DataError(
                f"{place}: holds {len(foreign)} recordings that cannot be read, such as {foreign[0].name}; "
                "convert them: ffmpeg -i IN.m4a OUT.wav"
            )
        if not clips:
            raise DataError(f"{place}: holds no audio; accepted are {', '.join(sorted(AUDIO_SUFFIXES))}")
        found += clips
    return found


def _read_manifest(root: Path, name: str | None) -> dict[str, dict[str, str]]:
    if name is None:
        return {}
    path = root / name
    try:
        with path.open(encoding="utf8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: manifest cannot be read ({error}); without one, leave data.manifest out") from None
    missing = {"path", "speaker", "split"} - set(rows[0] if rows else {})
    if missing:
        raise DataError(f"{path}: manifest has no column {', '.join(sorted(missing))}")
    speakers: dict[str, set[str]] = {}
    for row in rows:
        speakers.setdefault(row["path"].rpartition("/")[0], set()).add(row["speaker"])
    return {
        row["path"]: {
            "speaker": row["speaker"],
            "split": row["split"],
            "n_speakers": str(len(speakers[row["path"].rpartition("/")[0]])),
        }
        for row in rows
    }


def _summary(clips: list[Clip]) -> dict[str, object]:
    seconds = sum(len(clip.samples) for clip in clips) / 16_000
    return {
        "clips": len(clips),
        "hours": round(seconds / 3600, 3),
        "speakers": len({clip.speaker for clip in clips if clip.speaker}),
    }
