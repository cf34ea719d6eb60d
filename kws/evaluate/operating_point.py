"""The threshold that keeps false accepts at a rate that people accept, and what is missed there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config import DecisionConfig, require
from kws.decision import step_time_s, sweep
from kws.errors import ConfigError
from kws.evaluate.counting import Counts, MatchWindow, match


@dataclass(frozen=True, eq=False)
class Track:
    """Scores of one keyword over one recording.

    Parameters
    ----------
    scores : array, shape (T,)
        Raw scores from a zero state.
    word_ends_s : tuple of float
        Ends of the keyword's utterances in seconds; empty for a negative recording.
    """

    scores: npt.NDArray[np.float32]
    word_ends_s: tuple[float, ...] = ()


@dataclass(frozen=True)
class OperatingPoint:
    """Figures at one threshold.

    Parameters
    ----------
    threshold : float
    positives, negatives : Counts
        Over the recordings with the keyword, and over those without it.
    is_within_limit : bool
        Whether the negatives stay within the rate that was asked for.
    """

    threshold: float
    positives: Counts
    negatives: Counts
    is_within_limit: bool

    @property
    def false_reject_rate(self) -> float:
        """Share of words missed in the positives, 0 to 1."""
        return self.positives.false_reject_rate

    @property
    def false_accepts_per_hour(self) -> float:
        """False accepts an hour of the negatives."""
        return self.negatives.false_accepts_per_hour


def default_thresholds() -> list[float]:
    """Return 241 thresholds from 0.018 to 0.99998 in even steps of the logit, 1/16 each.

    Max-pooling drives scores close to 1, where even steps of probability are too coarse.
    """
    return [round(float(p), 6) for p in 1.0 / (1.0 + np.exp(-np.arange(-4.0, 11.01, 1 / 16)))]


def count_tracks(
    tracks: Sequence[Track],
    config: DecisionConfig,
    thresholds: Sequence[float],
    step_s: float,
    window: MatchWindow | None = None,
) -> list[Counts]:
    """Count hits, misses and false accepts of all tracks together, one :class:`Counts` a threshold.

    Parameters are those of :func:`choose_threshold`.
    """
    lengths_s = [len(track.scores) * step_s for track in tracks]
    for audio_s in lengths_s:
        require("audio_s", audio_s, 1e-6, 1e9)
    totals = []
    for events in sweep([track.scores for track in tracks], config, thresholds, step_s):
        n_hits = n_misses = n_false_accepts = 0
        for track, steps in zip(tracks, events, strict=True):
            if not len(steps) or not track.word_ends_s:
                # Nothing to match, as in most tracks at most thresholds.
                n_misses += len(track.word_ends_s)
                n_false_accepts += len(steps)
                continue
            found = match([step_time_s(int(step), step_s) for step in steps], track.word_ends_s, window)
            n_hits += len(found.hits)
            n_misses += len(found.missed_s)
            n_false_accepts += len(found.false_accepts_s)
        totals.append(Counts(n_hits, n_misses, n_false_accepts, sum(lengths_s)))
    return totals


def allowed_in(hours: float, max_per_hour: float) -> int:
    """Return the whole number of false accepts that some hours may hold at a rate."""
    # 2 h at 0.5 an hour are 1, in spite of hours that are sums of steps.
    return math.floor(hours * max_per_hour + 1e-6)


def lowest_within(n_false_accepts: Sequence[int], allowed: int) -> int:
    """Return the index of the lowest threshold from which on false accepts stay within a number.

    "From which on": every higher threshold stays within it too. At very low thresholds the score never falls far
    enough to arm again, so that few events there mean nothing.

    Parameters
    ----------
    n_false_accepts : sequence of int
        At each threshold, from the lowest threshold to the highest.
    allowed : int

    Returns
    -------
    int
        ``len(n_false_accepts)`` if not even the highest threshold stays within.
    """
    index = len(n_false_accepts)
    while index > 0 and n_false_accepts[index - 1] <= allowed:
        index -= 1
    return index


def choose_threshold(
    positives: Sequence[Track],
    negatives: Sequence[Track],
    config: DecisionConfig,
    step_s: float,
    max_false_accepts_per_hour: float = 1.0,
    thresholds: Sequence[float] | None = None,
    window: MatchWindow | None = None,
) -> OperatingPoint:
    """Return the lowest threshold from which on the negatives stay within a rate of false accepts.

    What "from which on" means is said at :func:`lowest_within`.

    Parameters
    ----------
    positives : sequence of Track
        Recordings with the keyword; false rejects are counted here.
    negatives : sequence of Track
        Recordings without it; false accepts and hours are counted here.
    config : DecisionConfig
        The rule; its own threshold is not used.
    step_s : float
        Time from one score to the next in seconds.
    max_false_accepts_per_hour : float
    thresholds : sequence of float, optional
        Candidates; :func:`default_thresholds` if not given.
    window : MatchWindow, optional
        When an event counts for a word.

    Returns
    -------
    OperatingPoint
        At the highest threshold, with ``is_within_limit`` false, if none keeps to the rate.

    Raises
    ------
    ConfigError
        If there are no negatives or no thresholds, or a setting is out of range.
    """
    require("max_false_accepts_per_hour", max_false_accepts_per_hour, 0.0, 1e6)
    candidates = sorted(default_thresholds() if thresholds is None else thresholds)
    if not candidates or not negatives:
        raise ConfigError("a threshold can be chosen from at least one candidate and one negative recording")
    rejected = count_tracks(negatives, config, candidates, step_s, window)
    allowed = allowed_in(rejected[0].hours, max_false_accepts_per_hour)
    lowest = lowest_within([counts.n_false_accepts for counts in rejected], allowed)
    best = min(lowest, len(candidates) - 1)
    found = count_tracks(positives, config, [candidates[best]], step_s, window)[0]
    return OperatingPoint(candidates[best], found, rejected[best], best == lowest)
