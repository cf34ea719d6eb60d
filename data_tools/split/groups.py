"""Which clips of a manifest belong together: one speaker, one session, one recording."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from data_tools.check.likeness import groups_of
from kws.manifest import Row, speaker_of, split_of

Pair = tuple[str, str]


@dataclass(frozen=True)
class Group:
    """Clips that are never parted.

    Parameters
    ----------
    names : tuple of str
        Paths, as the manifest writes them.
    labels : mapping of str to int
        Clips of each label.
    sides : tuple of str
        Those that the manifest states for its clips; more than one is a leak.
    is_synthetic : bool
        Whether an engine spoke one of them.
    """

    names: tuple[str, ...]
    labels: dict[str, int]
    sides: tuple[str, ...]
    is_synthetic: bool


def make_groups(rows: Sequence[Row], alike: Iterable[Pair] = (), keeps: bool = True) -> list[Group]:
    """Join rows that share a speaker, an unknown speaker's session, a mined recording, or their samples.

    Parameters
    ----------
    rows : sequence of mapping
        Each path once.
    alike : iterable of (str, str)
        Paths that hold the same recording.
    keeps : bool
        Whether the sides that rows state count.

    Returns
    -------
    list of Group
        In the order of their first paths.
    """
    by_name = {row["path"]: row for row in rows}
    pairs = [(name, name) for name in by_name]
    pairs += [pair for pair in alike if pair[0] in by_name and pair[1] in by_name]
    for key in shared_keys(rows).values():
        pairs += [(key[0], other) for other in key[1:]]
    return [_group([by_name[name] for name in names], keeps) for names in groups_of(pairs)]


def shared_keys(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Return the paths that have a speaker, a session or samples in common, by what it is in words."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for key in _keys(row):
            found[key].append(row["path"])
    return {key: names for key, names in found.items() if len(names) > 1}


def _keys(row: Row) -> Iterator[str]:
    speaker = speaker_of(row)
    if speaker:
        yield f"speaker {speaker}"
    elif row.get("session"):
        yield f"session {row['session']}"
    if row.get("mined_from"):
        yield f"recording {row['mined_from']}"
    if row.get("sha1"):
        yield f"sha1 {row['sha1']}"


def _group(rows: list[Row], keeps: bool) -> Group:
    sides = {split_of(row.get("split", "")) for row in rows} - {""} if keeps else set()
    labels = Counter(row.get("label", "") for row in rows)
    is_synthetic = any(row.get("synthetic") for row in rows)
    return Group(tuple(row["path"] for row in rows), dict(labels), tuple(sorted(sides)), is_synthetic)
