"""Where in a long recording a model hears its keywords, or nearly: for a person to decide."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.decision import Decider, smooth, step_time_s
from kws.evaluate.peaks import PeakPicker
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
            events = {step for step, _ in Decider(rule, scorer.spec.step_s).run(track)}
            picker = PeakPicker(min(floor, rule.threshold), scorer.spec.step_s, (0,), math.inf, _JOIN_S)
            for peak in [*picker.update(smoothed[:, None], {0: events}), *picker.flush()]:
                found.append(Candidate(keyword, step_time_s(peak.step, scorer.spec.step_s), peak.score))
    return sorted(found, key=lambda candidate: candidate.time_s)


def _scores(scorer: Scorer, source: Source, on_heard: OnHeard | None) -> Iterator[FloatArray]:
    """Yield scores ``(T, K)`` block by block."""
    for block in source:
        for scores in scorer.process(block.samples.mean(axis=0)):
            yield scores[0]
        if on_heard is not None:
            on_heard(block.end / SAMPLE_RATE_HZ)
    yield scorer.flush()[0]
