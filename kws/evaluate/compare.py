"""Two models on the same trials: which one is better, and whether that is more than chance.

Both hear every word, so only the words on which they differ tell anything. McNemar's exact test counts those; the
bootstrap draws whole speakers or recordings, so that five mixes of one recording are not five witnesses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from kws.config import require
from kws.errors import DataError
from kws.evaluate.bootstrap import FEW_CLUSTERS, BootstrapInterval, bootstrap_ratio, cluster_labels
from kws.evaluate.intervals import share_below
from kws.evaluate.operating_point import Track, allowed_in, choose_threshold, default_thresholds
from kws.evaluate.subject import Outcome, Subject, outcomes

SAME_EVENT_S = 1.0
"""False accepts of two models this close together are one and the same."""

_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class PairedMisses:
    """The words of one condition, by what A and B made of them.

    Parameters
    ----------
    condition : str
    n_both_hit, n_only_a_missed, n_only_b_missed, n_both_missed : int
        The 2 x 2 table.
    p_value : float
        McNemar, exact and two-sided. It takes words for independent: with several mixes of a recording it is too
        small, and the interval is the better judge.
    by_recording, by_speaker : BootstrapInterval
        Of the difference of the false reject rates, B - A (fractions).
    """

    condition: str
    n_both_hit: int
    n_only_a_missed: int
    n_only_b_missed: int
    n_both_missed: int
    p_value: float
    by_recording: BootstrapInterval
    by_speaker: BootstrapInterval

    @property
    def n_words(self) -> int:
        """Words that both models heard."""
        return self.n_both_hit + self.n_only_a_missed + self.n_only_b_missed + self.n_both_missed

    @property
    def n_missed_a(self) -> int:
        """Words that A missed."""
        return self.n_only_a_missed + self.n_both_missed

    @property
    def n_missed_b(self) -> int:
        """Words that B missed."""
        return self.n_only_b_missed + self.n_both_missed

    @property
    def interval(self) -> BootstrapInterval:
        """The interval by speaker, or by recording where speakers are too few."""
        return self.by_speaker if self.by_speaker.n_clusters >= FEW_CLUSTERS else self.by_recording

    def sentence(self, name_a: str = "A", name_b: str = "B") -> str:
        """Say who misses how many fewer, and how sure that is."""
        fewer = self.n_missed_a - self.n_missed_b
        if not self.n_only_a_missed and not self.n_only_b_missed:
            bound = f"they differ on fewer than {100 * share_below(0, self.n_words):.1f} % of such words"
            return f"{name_a} and {name_b} miss the same {self.n_missed_a} of {self.n_words} ({bound})"
        said = f"{_p(self.p_value)}, 95 % of the difference {_points(self.interval)}"
        if self.interval.caution:
            said += f"; {self.interval.caution}"
        if fewer == 0:
            swapped = f"{self.n_only_a_missed} of them other words"
            return f"{name_b} misses as many of {self.n_words} as {name_a}, {swapped} ({said})"
        more = "fewer" if fewer > 0 else "more"
        return f"{name_b} misses {abs(fewer)} {more} of {self.n_words} ({said})"


@dataclass(frozen=True)
class PairedFalseAccepts:
    """False accepts in the recordings without the word, by who made them.

    Parameters
    ----------
    n_both, n_only_a, n_only_b : int
        Events of both within a second of each other are one.
    hours : float
    p_value : float
        Exact and two-sided: given the false accepts that only one made, each is as likely A's as B's.
    by_recording : BootstrapInterval or None
        Of the difference B - A an hour; None without such recordings.
    """

    n_both: int
    n_only_a: int
    n_only_b: int
    hours: float
    p_value: float
    by_recording: BootstrapInterval | None

    def sentence(self, name_a: str = "A", name_b: str = "B") -> str:
        """Say who fires how often by mistake, and how sure the difference is."""
        if self.by_recording is None:
            return "there are no recordings without the word to compare false accepts on"
        n_a, n_b = self.n_both + self.n_only_a, self.n_both + self.n_only_b
        events = "false accept" if n_b == 1 else "false accepts"
        said = f"{name_b} has {n_b} {events} in {self.hours:.2f} h, {name_a} {n_a} ({_p(self.p_value)}"
        interval = self.by_recording
        if interval.caution:
            return f"{said}; {interval.caution})"
        return f"{said}, 95 % of the difference {interval.low:+.2f} … {interval.high:+.2f} an hour)"


@dataclass(frozen=True)
class Difference:
    """A word that only one model missed, or a false accept that only one made.

    Parameters
    ----------
    trial : int
        Index of the trial in A's list.
    time_s : float
        End of the word, or time of the event.
    is_word : bool
    is_error_of_a : bool
        Otherwise it is B's.
    """

    trial: int
    time_s: float
    is_word: bool
    is_error_of_a: bool


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two models, paired.

    Parameters
    ----------
    a, b : Subject
        With the thresholds they were compared at.
    misses : tuple of PairedMisses
        One a condition, in the order in which they come; with several conditions ``all`` is the last.
    false_accepts : PairedFalseAccepts
    differences : tuple of Difference
    """

    a: Subject
    b: Subject
    misses: tuple[PairedMisses, ...]
    false_accepts: PairedFalseAccepts
    differences: tuple[Difference, ...]

    def sentences(self) -> list[str]:
        """Say what differs in each condition, one line each, the false accepts last."""
        lines = [f"{paired.condition}: {paired.sentence(*self.names)}" for paired in self.misses]
        return [*lines, self.false_accepts.sentence(*self.names)]

    @property
    def names(self) -> tuple[str, str]:
        """What the two are called; A and B if both have the same name."""
        return (self.a.name, self.b.name) if self.a.name != self.b.name else ("A", "B")


def compare(a: Subject, b: Subject, rng: np.random.Generator, n_resamples: int = 10_000) -> Comparison:
    """Compare two models on the same trials, each at its own threshold.

    Parameters
    ----------
    a, b : Subject
        Scores of the same trials (paired by name); A is what B is measured against.
    rng : Generator
        For the bootstrap.
    n_resamples : int

    Raises
    ------
    DataError
        If the trials differ, a name comes twice, or there is none.
    """
    of_a, of_b = _paired(outcomes(a), outcomes(b))
    words = [(x, y) for x, y in zip(of_a, of_b, strict=True) if x.word_ends_s]
    others = [(x, y) for x, y in zip(of_a, of_b, strict=True) if not x.word_ends_s]
    conditions = list(dict.fromkeys(x.trial.condition for x, _ in words))
    misses = [
        _compare_misses(name, [pair for pair in words if pair[0].trial.condition == name], rng, n_resamples)
        for name in conditions
    ]
    if len(conditions) > 1:
        misses.append(_compare_misses("all", words, rng, n_resamples))
    differences = [d for i, pair in enumerate(zip(of_a, of_b, strict=True)) for d in _differences(i, *pair)]
    return Comparison(a, b, tuple(misses), _compare_false_accepts(others, rng, n_resamples), tuple(differences))


def at_equal_false_accepts(a: Subject, b: Subject, per_hour: float | None = None) -> tuple[Subject, Subject]:
    """Return both with the lowest threshold that keeps their false accepts within the same number.

    The thresholds are chosen on the very recordings that are compared: fair between the two, too good for both.

    Parameters
    ----------
    a, b : Subject
    per_hour : float, optional
        By default what A has at its own threshold.

    Raises
    ------
    DataError
        If there are no recordings without the word.
    """
    if not a.negatives or not b.negatives:
        raise DataError("equal false accepts need recordings without the word; there are none")
    if per_hour is None:
        own = [outcome.counts for outcome in outcomes(a) if not outcome.word_ends_s]
        per_hour = sum(c.n_false_accepts for c in own) / sum(c.hours for c in own)
    require("per_hour", per_hour, 0.0, 1e6)
    return _at_rate(a, per_hour), _at_rate(b, per_hour)


def _at_rate(subject: Subject, per_hour: float) -> Subject:
    negatives = [Track(item.scores) for item in subject.negatives]
    # Four times as close as usual, or the grid's coarseness would be taken for a difference of the models.
    coarse = np.log(_odds(default_thresholds()))
    fine = np.interp(np.arange(0, len(coarse) - 0.9, 0.25), np.arange(len(coarse)), coarse)
    grid = (1.0 / (1.0 + np.exp(-fine))).tolist()
    point = choose_threshold([], negatives, subject.decision, subject.step_s, per_hour, grid, subject.window)
    allowed = allowed_in(point.negatives.hours, per_hour)
    events = "false accept" if allowed == 1 else "false accepts"
    said = f"the lowest with at most {allowed} {events} in these {point.negatives.hours:.2f} h"
    return subject.at(point.threshold, said if point.is_within_limit else f"no threshold reaches {said}: the highest")


def _odds(probabilities: Iterable[float]) -> np.ndarray:
    p = np.asarray(list(probabilities))
    return p / (1 - p)


def _paired(of_a: Sequence[Outcome], of_b: Sequence[Outcome]) -> tuple[Sequence[Outcome], list[Outcome]]:
    """Return both in the order of A, after a check that they heard the same."""
    named_a, named_b = _by_name(of_a), _by_name(of_b)
    odd = sorted(named_a.keys() ^ named_b.keys())
    if odd or not named_a:
        example = f", such as {odd[0]!r}" if odd else ""
        n_all = len(named_a.keys() | named_b.keys())
        raise DataError(f"{len(odd)} of {n_all} trials were heard by one model only{example}; accepted are the same")
    for name, x in named_a.items():
        y = named_b[name]
        if x.word_ends_s != y.word_ends_s or len(x.trial.samples) != len(y.trial.samples):
            raise DataError(f"trial {name!r} is not the same audio for both models")
    return of_a, [named_b[name] for name in named_a]


def _by_name(found: Sequence[Outcome]) -> dict[str, Outcome]:
    named = {outcome.trial.name: outcome for outcome in found}
    if len(named) < len(found):
        raise DataError(f"{len(found) - len(named)} trials share a name with another; accepted is one name a trial")
    return named


def _compare_misses(
    condition: str, pairs: Sequence[tuple[Outcome, Outcome]], rng: np.random.Generator, n_resamples: int
) -> PairedMisses:
    table = {(False, False): 0, (True, False): 0, (False, True): 0, (True, True): 0}
    for x, y in pairs:
        for end_s in x.word_ends_s:
            table[end_s in x.matching.missed_s, end_s in y.matching.missed_s] += 1
    difference = [len(y.matching.missed_s) - len(x.matching.missed_s) for x, y in pairs]
    n_words = [len(x.word_ends_s) for x, _ in pairs]
    trials = [x.trial for x, _ in pairs]
    by_recording, by_speaker = (
        bootstrap_ratio(difference, n_words, cluster_labels(trials, unit), rng, unit, n_resamples)
        for unit in ("recording", "speaker")
    )
    only_a, only_b = table[True, False], table[False, True]
    return PairedMisses(
        condition,
        table[False, False],
        only_a,
        only_b,
        table[True, True],
        sign_test(only_a, only_b),
        by_recording,
        by_speaker,
    )


def _compare_false_accepts(
    pairs: Sequence[tuple[Outcome, Outcome]], rng: np.random.Generator, n_resamples: int
) -> PairedFalseAccepts:
    only_a = only_b = both = 0
    for x, y in pairs:
        alone_x, alone_y = _unshared(x.matching.false_accepts_s, y.matching.false_accepts_s)
        only_a, only_b = only_a + len(alone_x), only_b + len(alone_y)
        both += len(x.matching.false_accepts_s) - len(alone_x)
    hours = sum(x.counts.hours for x, _ in pairs)
    if not pairs:
        return PairedFalseAccepts(0, 0, 0, 0.0, math.nan, None)
    difference = [y.counts.n_false_accepts - x.counts.n_false_accepts for x, y in pairs]
    labels = cluster_labels([x.trial for x, _ in pairs], "recording")
    seconds = np.array([x.audio_s for x, _ in pairs])
    interval = bootstrap_ratio(difference, seconds / _SECONDS_PER_HOUR, labels, rng, "recording", n_resamples)
    return PairedFalseAccepts(both, only_a, only_b, hours, sign_test(only_a, only_b), interval)


def sign_test(n_only_a: int, n_only_b: int) -> float:
    """Return the exact two-sided probability of a split at least this uneven if both are equally likely.

    Of words it is McNemar's exact test, of false accepts the conditional test of two Poisson counts; 1 if there is
    nothing to split.

    References
    ----------
    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 1947. Gillick and Cox, "Some statistical issues in the comparison of speech recognition algorithms",
    ICASSP 1989.
    """
    n = n_only_a + n_only_b
    return float(stats.binomtest(n_only_a, n).pvalue) if n else 1.0


def _unshared(first_s: Sequence[float], second_s: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return the events of each that the other has not, both in order of time."""
    alone_first, alone_second = [], []
    i = j = 0
    while i < len(first_s) and j < len(second_s):
        if abs(first_s[i] - second_s[j]) <= SAME_EVENT_S:
            i, j = i + 1, j + 1
        elif first_s[i] < second_s[j]:
            alone_first.append(first_s[i])
            i += 1
        else:
            alone_second.append(second_s[j])
            j += 1
    return [*alone_first, *first_s[i:]], [*alone_second, *second_s[j:]]


def _differences(index: int, x: Outcome, y: Outcome) -> Iterable[Difference]:
    missed_x, missed_y = set(x.matching.missed_s), set(y.matching.missed_s)
    for end_s in sorted(missed_x ^ missed_y):
        yield Difference(index, end_s, True, end_s in missed_x)
    alone_x, alone_y = _unshared(x.matching.false_accepts_s, y.matching.false_accepts_s)
    for time_s, is_of_a in sorted([*((t, True) for t in alone_x), *((t, False) for t in alone_y)]):
        yield Difference(index, time_s, False, is_of_a)


def _p(value: float) -> str:
    return f"p = {value:.2g}" if value >= 0.001 else "p < 0.001"


def _points(interval: BootstrapInterval) -> str:
    return f"{100 * interval.low:+.1f} … {100 * interval.high:+.1f} points"
