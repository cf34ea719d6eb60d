"""Where in a long recording a model hears its keywords, or nearly: for a person to decide."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.decision import Decider, smooth, step_time_s
from kws.runtime import Scorer, open_runner
from kws.runtime.sources import Source, open_source
from kws.spec import UNKNOWN

OnHeard = Callable[[float], None]

# Scores of one word may dip below the floor for a moment.
_JOIN_S = 0.3


@dataclass(frozen=True)
class Candidate:
    """A place where a keyword may be.

    Parameters
    ----------
    keyword : str
    time_s : float
        Where the smoothed score is highest, in seconds from the start of the recording.
    score : float
        That score, 0 to 1: what the threshold is compared with.
    """

    keyword: str
    time_s: float
    score: float


def candidates(
    model: str | os.PathLike[str],
    recording: str | os.PathLike[str],
    floor: float,
    on_heard: OnHeard | None = None,
) -> list[Candidate]:
    """Find every stretch of a recording in which a smoothed score reaches a floor.

    A stretch is one candidate, unless the detector fires in it several times: then each is one. The recording is
    read block by block, mixed to one channel; hours take a few megabytes.

    Parameters
    ----------
    model : path
        Model file.
    recording : path
        WAV, FLAC, OGG or whatever libsndfile reads.
    floor : float
        Lowest score, 0 to 1, above 0; at most the model's threshold is used, so that no detection is left out.
    on_heard : callable, optional
        Called with the seconds that were heard; an exception that it raises ends the listening.

    Returns
    -------
    list of Candidate
        In order of time.

    Raises
    ------
    ConfigError
        If `floor` is out of range.
    ModelFileError
        If the model cannot be opened.
    AudioError
        If the recording cannot be read.
    """
    require("floor", floor, 0.001, 1.0)
    scorer = Scorer(open_runner(model))
    with open_source(os.fspath(recording)) as source:
        parts = list(_scores(scorer, source, on_heard))
    scores = np.concatenate(parts)
    found = []
    for column, keyword in enumerate(scorer.spec.keywords):
        if keyword != UNKNOWN:
            rule = scorer.spec.decision_of(keyword)
            track = scores[:, column]
            smoothed = smooth(track, rule.smoothing_steps)
            events = [step for step, _ in Decider(rule, scorer.spec.step_s).run(track)]
            join_steps = max(1, round(_JOIN_S / scorer.spec.step_s))
            for step in _peaks(smoothed, min(floor, rule.threshold), join_steps, events):
                time_s = step_time_s(step, scorer.spec.step_s)
                found.append(Candidate(keyword, time_s, float(smoothed[step])))
    return sorted(found, key=lambda candidate: candidate.time_s)


def _scores(scorer: Scorer, source: Source, on_heard: OnHeard | None) -> Iterator[FloatArray]:
    """Yield scores ``(T, K)`` block by block."""
    for block in source:
        for scores in scorer.process(block.samples.mean(axis=0)):
            yield scores[0]
        if on_heard is not None:
            on_heard(block.end / SAMPLE_RATE_HZ)
    yield scorer.flush()[0]


def _peaks(smoothed: npt.NDArray[np.float64], floor: float, join_steps: int, events: list[int]) -> list[int]:
    """Return the step of the highest score of each stretch at or above the floor, or of each of its events."""
    above = np.flatnonzero(smoothed >= floor)
    if not len(above):
        return []
    breaks = np.flatnonzero(np.diff(above) > join_steps)
    firsts, lasts = above[[0, *(breaks + 1)]], above[[*breaks, -1]]
    peaks = []
    for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True):
        inside = [step for step in events if first <= step <= last]
        # From one event to the next; before the first one it only rises.
        edges = [first, *inside[1:], last + 1]
        peaks += [start + int(np.argmax(smoothed[start:end])) for start, end in pairwise(edges)]
    return peaks
