"""Intervals that know that trials of one speaker or one recording go together: the cluster bootstrap.

Wilson's and Poisson's intervals take every word and every false accept for an independent draw. Five mixes of one
recording, or forty words of one speaker, are not. Here whole speakers, or whole recordings, are drawn again and again
with replacement, and the rate is computed from each draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from kws.config import require, require_one_of
from kws.errors import ConfigError
from kws.evaluate.results import Trial

UNITS = ("speaker", "recording")
FEW_CLUSTERS = 5
"""With fewer speakers or recordings than this an interval means little."""

# How many numbers are drawn at once: 16 MB.
_BLOCK = 2_000_000


@dataclass(frozen=True)
class BootstrapInterval:
    """A rate, and where it may lie if other speakers or recordings had been met.

    Parameters
    ----------
    estimate : float
        The rate over everything.
    low, high : float
        Ends of the interval; NaN if there are fewer than two clusters.
    unit : str
        What was drawn: ``speaker`` or ``recording``.
    n_clusters, n_resamples : int
    level : float
        0.95 for 95 %.
    """

    estimate: float
    low: float
    high: float
    unit: str
    n_clusters: int
    n_resamples: int
    level: float = 0.95

    @property
    def caution(self) -> str:
        """Why the interval should not be believed, or ``""``."""
        things = f"{self.n_clusters} {self.unit}{'' if self.n_clusters == 1 else 's'}"
        if self.n_clusters < 2:
            return f"{things}: there is nothing to draw from, so no interval"
        if self.low == self.high:
            return "every draw gives the same figure: this shows no interval, take that of the counts"
        if self.n_clusters < FEW_CLUSTERS:
            return f"{things}: this interval means little"
        return ""


def cluster_labels(trials: Sequence[Trial], unit: str) -> tuple[str, ...]:
    """Return for each trial the name of the speaker or recording it belongs to.

    Parameters
    ----------
    trials : sequence of Trial
    unit : {"speaker", "recording"}
        The recording of a trial is its first source, or the trial itself if it names none. A trial that names no
        speaker goes by its recording, which is the best that is known.

    Raises
    ------
    ConfigError
        If `unit` is neither.
    """
    require_one_of("unit", unit, UNITS)
    recordings = [f"recording {trial.sources[0] if trial.sources else trial.name}" for trial in trials]
    if unit == "recording":
        return tuple(recordings)
    return tuple(
        f"speaker {trial.speaker}" if trial.speaker else recording
        for trial, recording in zip(trials, recordings, strict=True)
    )


def bootstrap_ratio(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    clusters: Sequence[str],
    rng: np.random.Generator,
    unit: str = "recording",
    n_resamples: int = 10_000,
    level: float = 0.95,
) -> BootstrapInterval:
    """Return the interval of a ratio of two sums, with whole clusters drawn with replacement.

    Misses over words give the false reject rate; false accepts over hours those per hour. Differences of two models
    over the same words give the interval of the paired difference.

    Parameters
    ----------
    numerators, denominators : array, shape (M,)
        One value a trial; denominators are not negative.
    clusters : sequence of str, M of them
        Trials with the same name stay together (:func:`cluster_labels`).
    rng : Generator
    unit : str
        What the clusters are, for the text.
    n_resamples : int
        100 to 1 000 000.
    level : float
        0.5 to 0.999.

    Returns
    -------
    BootstrapInterval
        The percentile interval, widened for few clusters as Student's t widens the normal one. Over simulated
        speakers who differ (a correlation of 0.1 within a speaker, a rate of 0.1) it held the truth in 88, 90 and 93 %
        of the cases at 5, 9 and 20 speakers; the plain percentile 81, 85 and 91 %, Wilson's interval at 25 words a
        speaker 70 %.

    Raises
    ------
    ConfigError
        If the lengths differ, all denominators are zero, or a setting is out of range.

    References
    ----------
    Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", ICASSP 2004.
    Hesterberg, "What teachers should know about the bootstrap", The American Statistician 2015: the expanded
    percentile interval.
    """
    require("n_resamples", n_resamples, 100, 1_000_000)
    require("level", level, 0.5, 0.999)
    tops, bottoms = _sums_by_cluster(numerators, denominators, clusters)
    n_clusters = len(tops)
    estimate = float(tops.sum() / bottoms.sum())
    if n_clusters < 2:
        return BootstrapInterval(estimate, math.nan, math.nan, unit, n_clusters, n_resamples, level)
    ratios = _resample(tops, bottoms, rng, n_resamples)
    widened = math.sqrt(n_clusters / (n_clusters - 1)) * stats.t.ppf((1 + level) / 2, n_clusters - 1)
    tail = float(stats.norm.cdf(-widened))
    low, high = np.quantile(ratios, [tail, 1 - tail])
    return BootstrapInterval(estimate, float(low), float(high), unit, n_clusters, n_resamples, level)


def _sums_by_cluster(
    numerators: npt.ArrayLike, denominators: npt.ArrayLike, clusters: Sequence[str]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    tops, bottoms = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if not tops.shape == bottoms.shape == (len(clusters),):
        raise ConfigError(
            f"numerators {tops.shape}, denominators {bottoms.shape} and {len(clusters)} clusters; accepted is one each"
        )
    _, index = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    top_sums: npt.NDArray[np.float64] = np.bincount(index, tops).astype(np.float64)
    bottom_sums: npt.NDArray[np.float64] = np.bincount(index, bottoms).astype(np.float64)
    # A recording without a word says nothing about misses, and a draw of such alone would have no ratio.
    counted = bottom_sums > 0
    if not counted.any():
        raise ConfigError("all denominators are zero; accepted is at least one word, or some audio")
    return top_sums[counted], bottom_sums[counted]


def _resample(
    tops: npt.NDArray[np.float64], bottoms: npt.NDArray[np.float64], rng: np.random.Generator, n_resamples: int
) -> npt.NDArray[np.float64]:
    # How often each cluster is drawn is multinomial, which makes a block of resamples two matrix products.
    n_clusters = len(tops)
    block = max(1, _BLOCK // n_clusters)
    ratios = []
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        times = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=size)
        ratios.append((times @ tops) / (times @ bottoms))
    return np.concatenate(ratios)
