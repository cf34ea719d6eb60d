"""Recordings that are there several times."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import some
from data_tools.check.dataset import DataSet
from data_tools.check.findings import Finding, Place, Severity
from data_tools.check.likeness import groups_of


def check_duplicates(data: DataSet) -> Iterator[Finding]:
    """Name equal clips, and clips that are the same recording in another form, within a class.

    Copies on both sides of a split or in two classes are other findings, and worse ones.
    """
    own = [
        (first, second, likeness)
        for first, second, likeness in data.likeness
        if data.by_name[first].label == data.by_name[second].label
    ]
    equal = groups_of((a, b) for a, b, likeness in own if likeness == 1.0 and _is_equal(data, a, b))
    near = groups_of((a, b) for a, b, _ in own if not _is_equal(data, a, b))
    if equal:
        yield _finding("duplicate", "have the same samples", equal)
    if near:
        yield _finding("near-duplicate", "are the same recording (shifted, resampled, louder or coded anew)", near)


def _is_equal(data: DataSet, first: str, second: str) -> bool:
    return data.measures[first].sha1 == data.measures[second].sha1


def _finding(code: str, what: str, groups: list[list[str]]) -> Finding:
    groups = sorted(groups, key=lambda group: (-len(group), group))
    n_files = sum(map(len, groups))
    n_copies = n_files - len(groups)
    found = [Place(name, f"as {group[0]}") for group in groups for name in group[1:]]
    return Finding(
        code,
        Severity.WARNING,
        f"{n_files} files {what}: {some(len(groups), 'recording')}, {some(n_copies, 'copy', 'copies')}",
        "keep one of each: copies weigh more than others, and make the data look richer than they are",
        found,
    )
