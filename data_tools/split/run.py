"""The split of a manifest: what belongs together, where it goes, and what would leak."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.check.likeness import same_recordings
from data_tools.check.measure import measure_files
from data_tools.split.assign import Shares, assign
from data_tools.split.groups import Group, Pair, make_groups, shared_keys
from kws.config import require
from kws.errors import ConfigError, DataError
from kws.manifest import MANIFEST, SPLITS, Manifest, Row, speaker_of, split_of

OnProgress = Callable[[str, int, int], None]
"""``(what, done, total)``."""

_SHOWN = 3


@dataclass(frozen=True)
class SplitOptions:
    """How a manifest is divided.

    Parameters
    ----------
    val, test : float
        Shares of the clips of each label, 0 to 1; the rest is for training.
    seed : int
        Another one draws another split.
    again : bool
        Divide also what has a side already.
    judges_synthetic : bool
        Let synthetic clips be on other sides than train.
    listens : bool
        Find copies of a recording by its sound; otherwise only by equal samples.
    jobs : int
        Processes that read.
    """

    val: float = 0.15
    test: float = 0.15
    seed: int = 1
    again: bool = False
    judges_synthetic: bool = False
    listens: bool = True
    jobs: int = 1

    def __post_init__(self) -> None:
        require("val", self.val, 0.0, 0.9)
        require("test", self.test, 0.0, 0.9)
        require("seed", self.seed, 0, 2**32 - 1)
        if not 0.0 < self.val + self.test < 1.0:
            raise ConfigError(f"val and test are {self.val:g} and {self.test:g}; accepted is more than 0, less than 1")

    @property
    def shares(self) -> Shares:
        """Of train, val and test."""
        return 1.0 - self.val - self.test, self.val, self.test


@dataclass(frozen=True)
class SplitResult:
    """A divided manifest.

    Parameters
    ----------
    rows : list of mapping
        All of them, each with its side.
    n_kept, n_placed : int
        Clips that had a side, and those that were given one.
    notes : list of str
        What the user should know.
    """

    rows: list[Row]
    n_kept: int
    n_placed: int
    notes: list[str]


def read_rows(place: Path, drops: bool = False) -> tuple[Path, list[Row], int]:
    """Read the manifest of a folder.

    Parameters
    ----------
    place : Path
        Folder with a ``manifest.csv``, or a manifest.
    drops : bool
        Leave out rows whose file is missing, and all but the first of the rows of one file.

    Returns
    -------
    path : Path
        Of the manifest.
    rows : list of mapping
    n_dropped : int

    Raises
    ------
    DataError
        If there is no manifest, it has no rows, or such rows are there and are not to be dropped.
    """
    path = place / MANIFEST if place.is_dir() else place
    if not path.is_file():
        raise DataError(f"{path}: no such file; 'kws data import folders {place} --link' makes one")
    manifest = Manifest(path)
    counts = Counter(row["path"] for row in manifest.rows)
    repeated = [name for name, count in counts.items() if count > 1]
    missing = [name for name in counts if not (manifest.place / name).is_file()]
    for names, what in ((repeated, "have more than one row"), (missing, "are not there")):
        if names and not drops:
            raise DataError(f"{path}: {len(names)} files {what}, such as {_some(names)}; --drop leaves such rows out")
    gone = set(missing)
    kept = {row["path"]: row for row in reversed(manifest.rows) if row["path"] not in gone}
    rows: list[Row] = list(reversed(kept.values()))
    if not rows:
        raise DataError(f"{path}: has no rows of files that are there")
    return path, rows, len(manifest.rows) - len(rows)


def split_rows(
    rows: Sequence[Row], place: Path, options: SplitOptions | None = None, on_progress: OnProgress | None = None
) -> SplitResult:
    """Give every row a side, whole speakers and recordings together.

    Parameters
    ----------
    rows : sequence of mapping
    place : Path
        Folder that their paths are relative to.
    options : SplitOptions, optional
    on_progress : callable, optional

    Raises
    ------
    DataError
        If a speaker or a recording is on two sides already, or there are too few of them to divide.
    """
    options = options or SplitOptions()
    notes: list[str] = []
    alike = _alike(rows, place, options, notes, on_progress) if options.listens else []
    groups = make_groups(rows, alike, keeps=not options.again)
    _refuse_leaks(rows, groups, alike)
    sides = assign(groups, options.shares, np.random.default_rng(options.seed), options.judges_synthetic)
    side_of = {name: side for group, side in zip(groups, sides, strict=True) for name in group.names}
    _require_sides(groups, sides, options)
    divided: list[Row] = [{**row, "split": side_of[row["path"]]} for row in rows]
    n_kept = 0 if options.again else sum(bool(split_of(row.get("split", ""))) for row in rows)
    return SplitResult(divided, n_kept, len(rows) - n_kept, [*notes, *_notes(divided, options)])


def _alike(
    rows: Sequence[Row], place: Path, options: SplitOptions, notes: list[str], on_progress: OnProgress | None
) -> list[Pair]:
    paths = {row["path"]: place / row["path"] for row in rows}
    measures, failures = measure_files(paths, options.jobs, _part(on_progress, "reading"))
    if failures:
        notes.append(f"{len(failures)} files cannot be read, such as {_some(list(failures))}")
    return [(first, second) for first, second, _ in same_recordings(paths, measures, _part(on_progress, "comparing"))]


def _refuse_leaks(rows: Sequence[Row], groups: Sequence[Group], alike: Sequence[Pair]) -> None:
    leaks = [group for group in groups if len(group.sides) > 1]
    if not leaks:
        return
    side_of = {row["path"]: split_of(row.get("split", "")) for row in rows}
    reasons = [
        f"{what} ({', '.join(sorted(sides))})"
        for what, names in shared_keys(rows).items()
        if len(sides := {side_of[name] for name in names} - {""}) > 1
    ]
    reasons += [f"{a} is {b} ({side_of[a]}, {side_of[b]})" for a, b in alike if _differ(side_of[a], side_of[b])]
    # Some leaks come about over a clip between that has no side yet.
    reasons = reasons or [f"{group.names[0]} and its copies ({', '.join(group.sides)})" for group in leaks]
    raise DataError(
        f"{len(leaks)} speakers or recordings are on two sides already: {_some(reasons)}; "
        "correct them, or --again divides everything anew"
    )


def _differ(one: str, other: str) -> bool:
    return bool(one and other and one != other)


def _require_sides(groups: Sequence[Group], sides: Sequence[str], options: SplitOptions) -> None:
    for name, share in zip(SPLITS, options.shares, strict=True):
        if share > 0.0 and name not in sides:
            n_free = sum(not group.is_synthetic for group in groups)
            raise DataError(
                f"nothing is left for {name}: there are {n_free} speakers and single recordings to divide; "
                "record more speakers, or ask for fewer sides"
            )


def _notes(rows: Sequence[Row], options: SplitOptions) -> list[str]:
    unknown = sum(not speaker_of(row) and not row.get("session") for row in rows)
    notes = [f"{unknown} clips name no speaker: each is taken for one of its own"] if unknown else []
    judged = sum(bool(row.get("synthetic")) and split_of(row["split"]) in ("val", "test") for row in rows)
    if judged and not options.judges_synthetic:
        notes.append(f"{judged} synthetic clips are on val or test, where the manifest had put them")
    sides_of: dict[str, set[str]] = {}
    for row in rows:
        sides_of.setdefault(row.get("label", ""), set()).add(row["split"])
    for side, share in zip(SPLITS, options.shares, strict=True):
        absent = [label or "(no label)" for label, sides in sorted(sides_of.items()) if side not in sides]
        if share > 0.0 and absent:
            notes.append(f"no clips in {side}, for want of speakers: {_some(absent)}")
    return notes


def _part(on_progress: OnProgress | None, what: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    report: OnProgress = on_progress
    return lambda done, total: report(what, done, total)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
