"""How far scores can be read as probabilities, and one number that makes them better ones.

What the probability is about
-----------------------------
A stretch as long as the match window (1.6 s by default) either holds the end of a word or does not. Its score is the
highest smoothed score in it, which is what the threshold is compared with. A stretch around each word's end is one
reading; recordings without the word are cut into stretches one after the other. Real hours are nearly all silence and
other talk, and how much of it a data set holds is chance: so both kinds are weighted to the share of words that is
stated (half by default). "0.8" is calibrated if 80 % of the stretches that reach 0.8 hold the word, were every second
stretch a word.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import optimize

from kws.config import require, require_one_of
from kws.decision import smooth
from kws.errors import ConfigError, DataError
from kws.evaluate.counting import MatchWindow
from kws.evaluate.subject import Subject

BINNINGS = ("equal-width", "equal-mass")
TEMPERATURE_LIMITS = (0.05, 20.0)
# A float32 sigmoid reaches 0 and 1 exactly, whose logits are infinite.
_SMALLEST = 1e-6

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Readings:
    """Scores of stretches of audio, and which of them held the word.

    Parameters
    ----------
    scores : array of float64, shape (M,)
        0 to 1.
    is_word : array of bool, shape (M,)
    """

    scores: FloatArray
    is_word: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.scores.shape != self.is_word.shape or self.scores.ndim != 1:
            raise ConfigError(f"scores {self.scores.shape} and labels {self.is_word.shape}; accepted is (M,) of both")

    @property
    def n_words(self) -> int:
        """Stretches with a word."""
        return int(self.is_word.sum())

    @property
    def n_others(self) -> int:
        """Stretches without one."""
        return len(self.scores) - self.n_words

    def weights(self, word_share: float) -> FloatArray:
        """Return weights that sum to 1, those of the stretches with a word to `word_share`.

        Raises
        ------
        DataError
            If there is no stretch with a word, or none without.
        """
        require("word_share", word_share, 0.001, 0.999)
        if not self.n_words or not self.n_others:
            raise DataError(
                f"calibration has {self.n_words} words and {self.n_others} stretches without one; accepted is both"
            )
        return np.where(self.is_word, word_share / self.n_words, (1 - word_share) / self.n_others)

    def cooled(self, temperature: float) -> Readings:
        """Return the same with every logit divided by `temperature`."""
        return Readings(apply_temperature(self.scores, temperature), self.is_word)


@dataclass(frozen=True)
class ReliabilityBin:
    """Stretches of about the same score: their number, mean score, and the share that held the word (weighted)."""

    n: int
    weight: float
    mean_score: float
    share_of_words: float


@dataclass(frozen=True)
class Reliability:
    """How scores and truth agree.

    Parameters
    ----------
    bins : tuple of ReliabilityBin
        Those that hold anything, in order of score.
    calibration_error : float
        Expected calibration error (ECE): the mean distance of score and share over the bins, weighted.
    negative_log_likelihood, brier : float
        Proper scores: mean of -ln p(truth), and of (p - truth)^2.
    binning : str
    n : int
        Stretches.
    """

    bins: tuple[ReliabilityBin, ...]
    calibration_error: float
    negative_log_likelihood: float
    brier: float
    binning: str
    n: int


@dataclass(frozen=True)
class Calibration:
    """A temperature from one set of recordings, and what it does on another.

    Parameters
    ----------
    temperature : float
        Above 1: the scores were too sure of themselves.
    n_fitted : int
        Stretches it was fitted on.
    before, after : Reliability
        On the other set.
    """

    temperature: float
    n_fitted: int
    before: Reliability
    after: Reliability

    @property
    def is_at_limit(self) -> bool:
        """Whether the best temperature lies at the end of what was searched: too few errors to fit on."""
        low, high = TEMPERATURE_LIMITS
        return not low * 1.01 < self.temperature < high / 1.01


def read_stretches(subject: Subject, fold: str | None = None) -> Readings:
    """Return the highest smoothed score of each stretch of audio, and whether it holds a word.

    Of trials with words the stretches around the words are read, of those without all stretches; what is left over
    at the end is dropped, unless it is all there is. The threshold plays no part.

    Parameters
    ----------
    subject : Subject
    fold : str, optional
        Read one half of the speakers only.
    """
    window, step_s = subject.window, subject.step_s
    n_steps = max(1, round((window.early_s + window.late_s) / step_s))
    words: list[float] = []
    others: list[float] = []
    for item in subject.scored:
        if fold not in (None, item.trial.fold):
            continue
        smoothed = smooth(item.scores, subject.decision.smoothing_steps)
        ends_s = subject.word_ends_s(item.trial)
        if ends_s:
            words += [_peak_near(smoothed, end_s, step_s, window) for end_s in ends_s]
        elif len(smoothed):
            # Whole stretches only: a shorter one would have a smaller chance of a high score.
            n_used = max(len(smoothed) // n_steps, 1) * n_steps
            others += np.maximum.reduceat(smoothed[:n_used], np.arange(0, min(n_used, len(smoothed)), n_steps)).tolist()
    return Readings(np.array(words + others), np.arange(len(words) + len(others)) < len(words))


def _peak_near(smoothed: FloatArray, word_end_s: float, step_s: float, window: MatchWindow) -> float:
    times_s = (np.arange(len(smoothed)) + 1) * step_s
    near = (times_s >= word_end_s - window.early_s - 1e-6) & (times_s <= word_end_s + window.late_s + 1e-6)
    return float(smoothed[near].max()) if near.any() else 0.0


def apply_temperature(scores: npt.ArrayLike, temperature: float) -> FloatArray:
    """Return probabilities whose logits are those of `scores` divided by `temperature`.

    Scores below 1e-6 and above 1 - 1e-6 count as these.

    Raises
    ------
    ConfigError
        If the temperature is not within 0.001 to 1000.
    """
    require("temperature", temperature, 0.001, 1000.0)
    return 1.0 / (1.0 + np.exp(-_logits(scores) / temperature))


def _logits(scores: npt.ArrayLike) -> FloatArray:
    held = np.clip(np.asarray(scores, np.float64), _SMALLEST, 1 - _SMALLEST)
    return np.log(held) - np.log1p(-held)


def fit_temperature(readings: Readings, word_share: float = 0.5) -> float:
    """Return the temperature with the least negative log-likelihood, within 0.05 to 20.

    Parameters
    ----------
    readings : Readings
        Of recordings that are not used to judge the result.
    word_share : float
        What share of the stretches holds a word, 0.001 to 0.999.

    Raises
    ------
    DataError
        If there is no stretch with a word, or none without.

    References
    ----------
    Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML 2017.
    """
    weights = readings.weights(word_share)
    # -ln p(truth) is softplus(-z) for a word and softplus(z) for another stretch.
    towards = _logits(readings.scores) * np.where(readings.is_word, -1.0, 1.0)

    def loss(log_temperature: float) -> float:
        return float(weights @ np.logaddexp(0.0, towards / math.exp(log_temperature)))

    bounds = [math.log(limit) for limit in TEMPERATURE_LIMITS]
    found = optimize.minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return math.exp(float(found.x))


def reliability(
    readings: Readings, n_bins: int = 10, binning: str = "equal-width", word_share: float = 0.5
) -> Reliability:
    """Return how often stretches of about the same score hold the word, and the figures that sum it up.

    Parameters
    ----------
    readings : Readings
    n_bins : int
        2 to 100.
    binning : {"equal-width", "equal-mass"}
        Bins of equal width in the score, as the plot is read; or of equal weight, which few scores in the middle do
        not make noisy. Equal scores always share a bin.
    word_share : float
        What share of the stretches holds a word.

    Raises
    ------
    ConfigError
        If a setting is out of range.
    DataError
        If there is no stretch with a word, or none without.

    References
    ----------
    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    Nguyen and O'Connor, "Posterior calibration and exploratory analysis for natural language processing models",
    EMNLP 2015: bins of equal mass.
    """
    require("n_bins", n_bins, 2, 100)
    require_one_of("binning", binning, BINNINGS)
    weights = readings.weights(word_share)
    scores, truth = readings.scores, readings.is_word.astype(np.float64)
    index = _equal_width(scores, n_bins) if binning == "equal-width" else _equal_mass(scores, weights, n_bins)
    bins = tuple(_bin(index == i, scores, truth, weights) for i in np.unique(index))
    towards = _logits(scores) * np.where(readings.is_word, -1.0, 1.0)
    return Reliability(
        bins,
        sum(b.weight * abs(b.mean_score - b.share_of_words) for b in bins),
        float(weights @ np.logaddexp(0.0, towards)),
        float(weights @ np.square(scores - truth)),
        binning,
        len(scores),
    )


def _equal_width(scores: FloatArray, n_bins: int) -> npt.NDArray[np.int64]:
    return np.minimum((scores * n_bins).astype(np.int64), n_bins - 1)


def _equal_mass(scores: FloatArray, weights: FloatArray, n_bins: int) -> npt.NDArray[np.int64]:
    values, inverse = np.unique(scores, return_inverse=True)
    mass = np.bincount(inverse, weights)
    middle = np.cumsum(mass) - mass / 2
    return np.minimum((middle * n_bins).astype(np.int64), n_bins - 1)[inverse]


def _bin(inside: npt.NDArray[np.bool_], scores: FloatArray, truth: FloatArray, weights: FloatArray) -> ReliabilityBin:
    weight = float(weights[inside].sum())
    return ReliabilityBin(
        int(inside.sum()),
        weight,
        float(weights[inside] @ scores[inside]) / weight,
        float(weights[inside] @ truth[inside]) / weight,
    )


def calibrate(fitted_on: Readings, reported_on: Readings, word_share: float = 0.5, n_bins: int = 10) -> Calibration:
    """Fit a temperature on some recordings and report what it does on others.

    Parameters
    ----------
    fitted_on, reported_on : Readings
        Validation and test; of different speakers and recordings.
    word_share, n_bins
        As in :func:`reliability`, with bins of equal width.

    Raises
    ------
    DataError
        If either has no stretch with a word, or none without.
    """
    temperature = fit_temperature(fitted_on, word_share)
    before = reliability(reported_on, n_bins, word_share=word_share)
    after = reliability(reported_on.cooled(temperature), n_bins, word_share=word_share)
    return Calibration(temperature, len(fitted_on.scores), before, after)


def cross_calibrate(first: Readings, second: Readings, word_share: float = 0.5, n_bins: int = 10) -> Calibration:
    """Fit a temperature on each of two halves and report what it does on the other; fit one on both for use.

    Parameters
    ----------
    first, second : Readings
        Halves that share no speaker.
    word_share, n_bins
        As in :func:`calibrate`.

    Raises
    ------
    DataError
        If either has no stretch with a word, or none without.
    """
    cooled = _joined(
        first.cooled(fit_temperature(second, word_share)), second.cooled(fit_temperature(first, word_share))
    )
    both = _joined(first, second)
    return Calibration(
        fit_temperature(both, word_share),
        len(both.scores),
        reliability(both, n_bins, word_share=word_share),
        reliability(cooled, n_bins, word_share=word_share),
    )


def _joined(first: Readings, second: Readings) -> Readings:
    return Readings(np.concatenate([first.scores, second.scores]), np.concatenate([first.is_word, second.is_word]))
