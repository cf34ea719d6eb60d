"""Files that training cannot read."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import some
from data_tools.check.dataset import DataSet
from data_tools.check.findings import Finding, Place, Severity

_EMPTY = ("empty file", "holds no samples")
_TRUNCATED = "truncated"


def check_files(data: DataSet) -> Iterator[Finding]:
    """Name files that are empty, truncated, unreadable, or in a format of phones."""
    kinds: dict[str, list[Place]] = {"empty-file": [], "truncated-file": [], "unreadable-file": []}
    for name, reason in data.failures.items():
        if any(words in reason for words in _EMPTY):
            kinds["empty-file"].append(Place(name, reason))
        elif _TRUNCATED in reason:
            kinds["truncated-file"].append(Place(name, reason))
        else:
            kinds["unreadable-file"].append(Place(name, reason))
    words = {"empty-file": "empty", "truncated-file": "cut off", "unreadable-file": "not readable as audio"}
    for code, found in kinds.items():
        if found:
            verb = "is" if len(found) == 1 else "are"
            yield Finding(
                code,
                Severity.ERROR,
                f"{some(len(found), 'file')} {verb} {words[code]}; training stops at the first",
                "copy or convert the original again, or remove them",
                found,
            )
    if data.listing.foreign:
        yield Finding(
            "foreign-format",
            Severity.ERROR,
            f"{some(len(data.listing.foreign), 'recording')} in a format that training does not read",
            "convert them: ffmpeg -i IN.m4a OUT.wav",
            [Place(name) for name in data.listing.foreign],
        )
