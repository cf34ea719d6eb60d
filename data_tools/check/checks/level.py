"""Loudness: too quiet, too loud, and classes that can be told by it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_tools.check.checks.common import some, worst_first
from data_tools.check.dataset import KEYWORD, NEGATIVE, SPEECH_ROLES, DataSet
from data_tools.check.findings import Finding, Severity

_QUIET_DBFS, _LOUD_DBFS = -45.0, -6.0
_TELLING = 0.97
_MIN_CLIPS = 10
_MANY = 0.1


def check_level(data: DataSet) -> Iterator[Finding]:
    """Name clips that are too quiet or too loud, and keywords that the level alone tells from the negatives."""
    spoken = [(clip, m) for clip, m in data.heard if clip.role in SPEECH_ROLES and not m.is_silent]
    quiet = [(-m.level_dbfs, c, f"{m.level_dbfs:.0f} dBFS") for c, m in spoken if m.level_dbfs < _QUIET_DBFS]
    loud = [(m.level_dbfs, c, f"{m.level_dbfs:.0f} dBFS") for c, m in spoken if m.level_dbfs > _LOUD_DBFS]
    for code, found, word, advice in (
        (
            "too-quiet",
            quiet,
            "quiet",
            "record closer or with more gain; amplifying later brings up the noise",
        ),
        ("too-loud", loud, "loud", "record with less gain; look for clipping"),
    ):
        if found:
            yield Finding(
                code,
                Severity.WARNING if len(found) > _MANY * len(spoken) else Severity.NOTE,
                f"{some(len(found), 'file')} too {word} (active speech level "
                f"{'below' if word == 'quiet' else 'above'} {_QUIET_DBFS if word == 'quiet' else _LOUD_DBFS:g} dBFS)",
                advice,
                worst_first(found),
            )
    yield from _told(data, "level", "active speech level")
    yield from _told(data, "floor", "noise floor")


def _told(data: DataSet, quantity: str, name: str) -> Iterator[Finding]:
    """Compare a level of each keyword's clips with that of the negatives."""
    field = {"level": "level_dbfs", "floor": "floor_dbfs"}[quantity]
    negatives = [getattr(m, field) for members in data.classes(NEGATIVE).values() for _, m in members]
    for label, members in data.classes(KEYWORD).items():
        if min(len(members), len(negatives)) < _MIN_CLIPS:
            continue
        ours = np.array([getattr(m, field) for _, m in members])
        telling = share_above(ours, np.array(negatives))
        if max(telling, 1.0 - telling) >= _TELLING:
            yield Finding(
                f"class-by-{quantity}",
                Severity.WARNING,
                f"{label!r} can be told by its {name} alone: median {np.median(ours):.0f} dBFS, "
                f"negatives {np.median(negatives):.0f} dBFS ({max(telling, 1.0 - telling):.0%} of all pairs in order)",
                "record both in the same way; the recipe's levels and noise hide it in part only",
            )


def share_above(first: np.ndarray, second: np.ndarray) -> float:
    """Return the share of pairs in which the first is larger, ties half: the area under the ROC curve."""
    order = np.sort(second)
    below = np.searchsorted(order, first, side="left")
    up_to = np.searchsorted(order, first, side="right")
    return float((below + up_to).sum() / (2.0 * len(first) * len(second)))
