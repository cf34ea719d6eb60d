"""From a listing to a report: measure every file, find equal recordings, run the checks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np

from data_tools.check.checks import CHECKS
from data_tools.check.dataset import Clip, DataSet, Limits, Listing, speakers
from data_tools.check.findings import Count, Report, ordered
from data_tools.check.likeness import same_recordings
from data_tools.check.measure import Measures, measure_files

OnProgress = Callable[[str, int, int], None]
"""``(what, done, total)``."""


def check_data(
    listing: Listing, limits: Limits | None = None, jobs: int = 1, on_progress: OnProgress | None = None
) -> Report:
    """Read every clip of a listing once and run all checks.

    Parameters
    ----------
    listing : Listing
    limits : Limits, optional
        What the data are to be used for.
    jobs : int
        Processes that read.
    on_progress : callable, optional

    Returns
    -------
    Report
    """
    paths = {clip.name: clip.path for clip in listing.clips}
    measures, failures = measure_files(paths, jobs, _part(on_progress, "reading"))
    likeness = same_recordings(paths, measures, _part(on_progress, "comparing"))
    data = DataSet(listing, measures, failures, limits or Limits(), likeness)
    findings = [finding for check in CHECKS.values() for finding in check(data)]
    return Report(str(listing.root), count_clips(data), ordered(findings))


def count_clips(data: DataSet) -> list[Count]:
    """Count the clips of each class and split."""
    groups: dict[tuple[str, str, str], list[tuple[Clip, Measures]]] = defaultdict(list)
    for clip, measures in data.heard:
        groups[clip.role, clip.label, clip.split].append((clip, measures))
    return [
        Count(
            label=label,
            role=role,
            split=split,
            n_clips=len(members),
            n_speakers=len(speakers(clip for clip, _ in members)),
            hours=sum(m.duration_s for _, m in members) / 3600.0,
            rates_hz=tuple(sorted({m.rate_hz for _, m in members})),
            median_s=_median([m.duration_s for _, m in members]),
            median_word_s=_median([m.word_s for _, m in members]),
            median_level_dbfs=_median([m.level_dbfs for _, m in members]),
        )
        for (role, label, split), members in sorted(groups.items())
    ]


def _median(values: list[float]) -> float:
    return round(float(np.median(values)), 3)


def _part(on_progress: OnProgress | None, what: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    report = on_progress
    return lambda done, total: report(what, done, total)
