"""Times of words in the manifest against the sound."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import Clip, DataSet, Segment
from data_tools.check.findings import Finding, Severity
from data_tools.check.measure import LEVEL_HOP_S, Measures

_TOLERANCE_S = 0.01
_OUTSIDE_DB = 18.0
_MIN_LABELS = 10
_MAX_SHIFT_S, _BAD_SHIFT_S = 1.0, 0.15

Labelled = tuple[Clip, Measures, Segment]


def check_labels(data: DataSet) -> Iterator[Finding]:
    """Name labels that run backwards, leave the file, or lie where there is no sound, and a shift of them all."""
    labelled = [(clip, m, segment) for clip, m in data.heard for segment in clip.segments]
    backwards = [item for item in labelled if _is_backwards(item)]
    beyond = [item for item in labelled if not _is_backwards(item) and _leaves(item)]
    rest = [item for item in labelled if not (_is_backwards(item) or _leaves(item) or item[1].is_silent)]
    outside = [item for item in rest if _is_outside(item)]
    for code, found, what, advice in (
        ("label-backwards", backwards, "whose start is not before the end", "correct the times"),
        (
            "label-beyond-end",
            beyond,
            "that leave the file",
            "correct the times: are they in seconds, of this very file?",
        ),
    ):
        if found:
            yield Finding(
                code, Severity.ERROR, f"{some(len(found), 'label')} {what}", advice, places(map(_shown, found))
            )
    if outside:
        yield Finding(
            "label-outside-sound",
            Severity.WARNING,
            f"{some(len(outside), 'label')} where the clip is at least {_OUTSIDE_DB:g} dB quieter than elsewhere",
            "listen to them: the word may be at another place",
            places(map(_shown, outside)),
        )
    shift_s = common_shift_s(rest)
    if abs(shift_s) >= _BAD_SHIFT_S:
        yield Finding(
            "labels-shifted",
            Severity.ERROR,
            f"all {len(rest)} labels together fit the sound best when they are moved by {shift_s:+.2f} s",
            "take that time off, and look for its cause: audio that was cut after labelling, or another time base",
            places(map(_shown, rest)),
        )


def common_shift_s(labelled: list[Labelled]) -> float:
    """Return the shift of all labels, within a second, that brings most of the sound under them.

    Parameters
    ----------
    labelled : list of (Clip, Measures, Segment)

    Returns
    -------
    float
        Seconds; 0.0 if there are fewer than 10 labels, or it gains nothing worth telling.
    """
    if len(labelled) < _MIN_LABELS:
        return 0.0
    steps = np.arange(-round(_MAX_SHIFT_S / LEVEL_HOP_S), round(_MAX_SHIFT_S / LEVEL_HOP_S) + 1)
    covered = np.mean([_covered(measures, segment, steps) for _, measures, segment in labelled], axis=0)
    best = int(covered.argmax())
    here = covered[len(steps) // 2]
    # A wide plateau has no best place.
    return float(steps[best] * LEVEL_HOP_S) if covered[best] > 1.2 * here + 0.02 else 0.0


def _covered(measures: Measures, segment: Segment, steps: np.ndarray) -> np.ndarray:
    """Return the share of a clip's sound, in frames above half its range, under the label at each shift."""
    levels = measures.levels_db
    threshold = (max(measures.floor_dbfs, float(levels.max()) - 40.0) + float(levels.max())) / 2.0
    sound = np.concatenate([[0], np.cumsum(levels >= threshold)])
    start = np.clip(round(segment.start_s / LEVEL_HOP_S) + steps, 0, len(levels))
    end = np.clip(round(segment.end_s / LEVEL_HOP_S) + steps, 0, len(levels))
    result: np.ndarray = (sound[end] - sound[start]) / max(1, sound[-1])
    return result


def _is_backwards(item: Labelled) -> bool:
    return item[2].start_s >= item[2].end_s


def _leaves(item: Labelled) -> bool:
    _, measures, segment = item
    return segment.start_s < 0.0 or segment.end_s > measures.duration_s + _TOLERANCE_S


def _is_outside(item: Labelled) -> bool:
    _, measures, segment = item
    levels = measures.levels_db
    first = int(segment.start_s / LEVEL_HOP_S)
    inside = levels[first : max(first + 1, int(np.ceil(segment.end_s / LEVEL_HOP_S)))]
    return len(inside) > 0 and float(inside.max()) < float(levels.max()) - _OUTSIDE_DB


def _shown(item: Labelled) -> tuple[Clip, str]:
    clip, measures, segment = item
    return clip, f"{segment.start_s:g} to {segment.end_s:g} s of {measures.duration_s:.2f} s"
