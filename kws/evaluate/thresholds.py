"""The threshold that figures are reported at, and on what it was chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.evaluate.negatives import FOLDS
from kws.evaluate.operating_point import Track, choose_threshold
from kws.evaluate.results import NEGATIVES, ScoredTrial

OWN, GIVEN, CHOSEN, CROSS_FITTED = "own", "given", "chosen", "cross-fitted"


@dataclass(frozen=True)
class Threshold:
    """A threshold and where it comes from.

    Parameters
    ----------
    value : float
        The one to deploy.
    origin : {"own", "given", "chosen", "cross-fitted"}
        The model's own, one that the user gave, one chosen here for a rate of false accepts, or one chosen here on
        everything, with figures from thresholds that were each chosen on the other half of the speakers.
    chosen_on : str
        What it was chosen on, in words.
    is_same_data : bool
        Whether the figures are of the very data it was chosen on: they flatter.
    fa_per_h : float, optional
        The rate it was chosen for.
    is_within_limit : bool
        Whether any threshold keeps to that rate there.
    by_fold : mapping of str to float
        For cross-fitting, the threshold that each fold is reported at.
    """

    value: float
    origin: str = OWN
    chosen_on: str = ""
    is_same_data: bool = False
    fa_per_h: float | None = None
    is_within_limit: bool = True
    by_fold: Mapping[str, float] = field(default_factory=dict)

    def of(self, fold: str) -> float:
        """Return the threshold that a trial of a fold is reported at."""
        return self.by_fold.get(fold, self.value)

    @property
    def sentence(self) -> str:
        """Say in one sentence what was done, loudly where the figures flatter."""
        if self.origin == OWN:
            return f"threshold {self.value:.4f}: the model's own, chosen when it was trained"
        if self.origin == GIVEN:
            return f"threshold {self.value:.4f}: given"
        limit = f"{self.fa_per_h:g} FA/h on {self.chosen_on}"
        which = f"the lowest with at most {limit}"
        if not self.is_within_limit:
            which = f"the highest tried; none keeps to {limit}"
        text = f"threshold {self.value:.4f}: {which}"
        if self.origin == CROSS_FITTED:
            halves = ", ".join(f"{fold} at {value:.4f}" for fold, value in sorted(self.by_fold.items()))
            return (
                f"{text}; figures are cross-fitted, each half of the speakers at the threshold of the other: {halves}"
            )
        if self.is_same_data:
            return f"{text}. THE SAME DATA ARE REPORTED: the figures flatter; choose on other material"
        return f"{text}; reported on other data"


def choose(
    negatives: Sequence[ScoredTrial], rule: DecisionConfig, step_s: float, fa_per_h: float, where: str, same: bool
) -> Threshold:
    """Choose the lowest threshold from which on negatives stay within a rate.

    Parameters
    ----------
    negatives : sequence of ScoredTrial
        Trials with a word are left out.
    rule : DecisionConfig
    step_s : float
    fa_per_h : float
    where : str
        What these trials are, in words.
    same : bool
        Whether figures will be reported on them.

    Raises
    ------
    ConfigError
        If there are no negatives.
    """
    tracks = [Track(s.scores) for s in negatives if s.trial.condition == NEGATIVES]
    if not tracks:
        raise ConfigError(f"a threshold for {fa_per_h:g} FA/h needs recordings without the word; {where} has none")
    point = choose_threshold([], tracks, rule, step_s, fa_per_h)
    return Threshold(point.threshold, CHOSEN, where, same, fa_per_h, point.is_within_limit)


def cross_fit(scored: Sequence[ScoredTrial], rule: DecisionConfig, step_s: float, fa_per_h: float) -> Threshold:
    """Choose on each half of the speakers for the other half, and on everything for use.

    Raises
    ------
    ConfigError
        If a half has no negatives: there is one speaker, or one recording.
    """
    everything = choose(scored, rule, step_s, fa_per_h, "all recordings without the word", True)
    by_fold, is_within = {}, everything.is_within_limit
    for fold, other in zip(FOLDS, reversed(FOLDS), strict=True):
        half = [s for s in scored if s.trial.fold == other]
        found = choose(half, rule, step_s, fa_per_h, f"half {other} of the speakers", False)
        by_fold[fold], is_within = found.value, is_within and found.is_within_limit
    return Threshold(everything.value, CROSS_FITTED, everything.chosen_on, False, fa_per_h, is_within, by_fold)
