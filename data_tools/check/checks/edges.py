"""Words that are cut off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_tools.check.checks.common import some, worst_first
from data_tools.check.dataset import KEYWORD, DataSet
from data_tools.check.findings import Finding, Severity
from data_tools.check.measure import Measures

_EDGE_FRAMES = 2
_NEAR_PEAK_DB, _ABOVE_FLOOR_DB = 15.0, 10.0
_MANY = 0.1


def check_edges(data: DataSet) -> Iterator[Finding]:
    """Name keyword clips that begin or end in the middle of the sound."""
    heard = [(clip, m) for clip, m in data.heard if clip.role == KEYWORD and not clip.segments and not m.is_silent]
    found = []
    for clip, measures in heard:
        cuts = {"start": _cut_db(measures, at_end=False), "end": _cut_db(measures, at_end=True)}
        told = [
            f"at its {edge}, {-below:.0f} dB below its peak" for edge, below in cuts.items() if below > -_NEAR_PEAK_DB
        ]
        if told:
            found.append((max(cuts.values()), clip, "cut " + " and ".join(told)))
    if found:
        yield Finding(
            "cut-off",
            Severity.WARNING if len(found) > _MANY * len(heard) else Severity.NOTE,
            f"{some(len(found), 'keyword clip')} of {len(heard)} cut off: the sound is loud at the edge of the file",
            "leave 0.2 s before and after the word when recording; the detector is taught where the word ends",
            worst_first(found),
        )


def _cut_db(measures: Measures, *, at_end: bool) -> float:
    """Return the level at an edge against the peak, minus infinity where it is no more than noise."""
    levels = measures.levels_db
    if len(levels) <= 4 * _EDGE_FRAMES:
        return -np.inf
    edge = levels[-_EDGE_FRAMES:] if at_end else levels[:_EDGE_FRAMES]
    level = float(edge.min())
    # A clip that is loud throughout has no floor to compare with.
    if level < measures.floor_dbfs + _ABOVE_FLOOR_DB:
        return -np.inf
    return level - float(levels.max())
