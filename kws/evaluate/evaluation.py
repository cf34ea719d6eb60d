"""``evaluate``: a model and trials in, events of its `Detector` out, counted in every way that is asked for."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from kws.audio import FloatArray
from kws.config import DecisionConfig, require
from kws.decision import step_time_s, sweep
from kws.errors import ConfigError, ParityError
from kws.evaluate.counting import Counts, MatchWindow
from kws.evaluate.results import NEGATIVES, ScoredTrial, Trial
from kws.evaluate.scoring import Heard, OnProgress, hear_all
from kws.evaluate.subject import Outcome, Subject, outcomes
from kws.evaluate.thresholds import GIVEN, OWN, Threshold, choose, cross_fit
from kws.evaluate.trials import CLEAN
from kws.runtime import open_runner
from kws.spec import UNKNOWN, ModelSpec


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One keyword of one model on all trials.

    Parameters
    ----------
    model : str
        Path of the model file.
    spec : ModelSpec
    keyword : str
    threshold : Threshold
    scored : list of ScoredTrial
        Words of other keywords, as recorded, are among the negatives.
    elsewhere : list of ScoredTrial
        What the threshold was chosen on, if that is not the same.
    window : MatchWindow
        When an event counts for a word.
    name : str
        What the model is called in tables; by default the name of its file.
    """

    model: str
    spec: ModelSpec
    keyword: str
    threshold: Threshold
    scored: list[ScoredTrial] = field(repr=False)
    elsewhere: list[ScoredTrial] = field(default_factory=list, repr=False)
    window: MatchWindow = field(default_factory=MatchWindow)
    name: str = ""

    @property
    def subject(self) -> Subject:
        """The same as reports and comparisons take it."""
        rule = dataclasses.replace(self.spec.decision_of(self.keyword), threshold=self.threshold.value)
        return Subject(
            self.name or Path(self.model).name,
            self.keyword,
            self.scored,
            rule,
            self.spec.step_s,
            self.window,
            self.threshold.sentence,
            self.threshold.by_fold,
        )

    @property
    def subject_elsewhere(self) -> Subject | None:
        """The same on what the threshold was chosen on, None if that is not other material."""
        if not self.elsewhere:
            return None
        return dataclasses.replace(self.subject, scored=self.elsewhere, threshold_by_fold={})

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What each trial came to at its threshold, in the order of `scored`."""
        return outcomes(self.subject)

    @property
    def conditions(self) -> list[str]:
        """Conditions with words, in the order of the trials."""
        return list(dict.fromkeys(s.trial.condition for s in self.scored if s.trial.condition != NEGATIVES))

    @property
    def negatives(self) -> Counts:
        """False accepts and hours without the word."""
        return self.counts(lambda trial: trial.condition == NEGATIVES)

    def words(self, condition: str) -> Counts:
        """Hits and misses of one condition."""
        return self.counts(lambda trial: trial.condition == condition)

    def counts(self, wanted: Callable[[Trial], bool]) -> Counts:
        """Add up the counts of the trials that are wanted."""
        return sum((o.counts for o in self.outcomes if wanted(o.trial)), Counts())

    def by(self, attribute: str, condition: str) -> dict[str, Counts]:
        """Add up the counts of one condition by an attribute of the trials, or by ``speaker``.

        Trials that do not know it are left out.
        """
        found: dict[str, Counts] = {}
        for outcome in self.outcomes:
            trial = outcome.trial
            value = trial.speaker if attribute == "speaker" else trial.attributes.get(attribute, "")
            if trial.condition == condition and value:
                found[value] = found.get(value, Counts()) + outcome.counts
        return dict(sorted(found.items(), key=lambda item: _natural(item[0])))

    def delays_s(self, condition: str | None = None) -> list[float]:
        """Return the times from the word's end to its event, of all hits or those of one condition."""
        wanted = [o for o in self.outcomes if condition in (None, o.trial.condition)]
        return [delay for outcome in wanted for delay in outcome.matching.delays_s]


def evaluate(
    model: str | os.PathLike[str],
    trials: Sequence[Trial],
    *,
    spec: ModelSpec | None = None,
    threshold: float | None = None,
    fa_per_h: float | None = None,
    choose_on: Sequence[Trial] | None = None,
    choose_on_name: str = "other material",
    is_cross_fitted: bool = False,
    processes: int = 1,
    on_progress: OnProgress | None = None,
    name: str = "",
) -> list[Evaluation]:
    """Play all trials to a model and count what it does with them.

    Parameters
    ----------
    model : path
        Model file.
    trials : sequence of Trial
        What is reported (:func:`kws.evaluate.trials.make_trials`).
    spec : ModelSpec, optional
        The model's spec with other decision rules.
    threshold : float, optional
        0 to 1, for all keywords; by default each keyword's own.
    fa_per_h : float, optional
        Choose the lowest threshold with at most this rate of false accepts instead.
    choose_on, choose_on_name : sequence of Trial, str
        What it is chosen on; by default the negatives that are reported, which flatters and is said.
    is_cross_fitted : bool
        Choose on each half of the speakers for the other half.
    processes : int
        That listen; 0 for one a core. See :func:`kws.evaluate.scoring.hear_all`.
    on_progress : callable, optional
        Called with the seconds of audio heard and their total.
    name : str
        What the model is called in tables; by default the name of its file.

    Returns
    -------
    list of Evaluation
        One a keyword. All trials are played to :class:`kws.runtime.Detector`, and its events are compared.

    Raises
    ------
    ConfigError, ModelFileError
        If a setting is out of range or contradicts another, or the model cannot be opened.
    ParityError
        If the events differ from those of the detector, which would be a defect here.
    """
    _check(trials, threshold, fa_per_h, choose_on, is_cross_fitted)
    own = open_runner(model).spec
    spec = spec or own
    spec = spec if threshold is None else spec.with_rule(threshold=threshold)
    heard = hear_all(model, [trial.samples for trial in trials], spec, processes, on_progress)
    other = hear_all(model, [trial.samples for trial in choose_on or ()], spec, processes)
    evaluations = []
    for column, keyword in enumerate(spec.keywords):
        # Scored and never told: an output for all other words has no words of its own.
        if keyword == UNKNOWN:
            continue
        scored = _of_keyword(keyword, column, trials, heard)
        elsewhere = _of_keyword(keyword, column, choose_on or (), other)
        rule = spec.decision_of(keyword)
        if fa_per_h is not None:
            known = None if choose_on is None else elsewhere
            chosen = _choose(scored, known, choose_on_name, rule, spec.step_s, fa_per_h, is_cross_fitted)
        else:
            is_given = threshold is not None or rule.threshold != own.decision_of(keyword).threshold
            chosen = Threshold(rule.threshold, GIVEN if is_given else OWN)
        evaluations.append(Evaluation(os.fspath(model), spec, keyword, chosen, scored, elsewhere, name=name))
    _check_events(model, spec, trials, heard, evaluations, processes)
    return evaluations


def _choose(
    scored: Sequence[ScoredTrial],
    elsewhere: Sequence[ScoredTrial] | None,
    where: str,
    rule: DecisionConfig,
    step_s: float,
    fa_per_h: float,
    is_cross_fitted: bool,
) -> Threshold:
    if is_cross_fitted:
        return cross_fit(scored, rule, step_s, fa_per_h)
    if elsewhere is not None:
        return choose(elsewhere, rule, step_s, fa_per_h, where, False)
    return choose(scored, rule, step_s, fa_per_h, "the negatives of this report", True)


def _check(
    trials: Sequence[Trial],
    threshold: float | None,
    fa_per_h: float | None,
    choose_on: Sequence[Trial] | None,
    is_cross_fitted: bool,
) -> None:
    if not trials:
        raise ConfigError("there are no trials to evaluate on")
    if threshold is not None:
        require("threshold", threshold, 0.0, 1.0)
    if fa_per_h is not None:
        require("fa_per_h", fa_per_h, 0.0, 1e6)
    if threshold is not None and fa_per_h is not None:
        raise ConfigError("both a threshold and a rate to choose one for were given; accepted is one of them")
    if fa_per_h is None and (choose_on is not None or is_cross_fitted):
        raise ConfigError("to choose a threshold, say for which rate of false accepts (fa_per_h)")
    if choose_on is not None and is_cross_fitted:
        raise ConfigError("a threshold is chosen on other material, or cross-fitted; accepted is one of them")


def _of_keyword(keyword: str, column: int, trials: Sequence[Trial], heard: Sequence[Heard]) -> list[ScoredTrial]:
    """Return what concerns a keyword: its words, the negatives, and the words of others as recorded."""
    scored = []
    for trial, found in zip(trials, heard, strict=True):
        if not len(found.scores):
            # Shorter than one step of the model: there is nothing to decide on.
            continue
        if trial.keyword not in ("", keyword):
            if trial.condition != CLEAN:
                continue
            attributes: Mapping[str, str] = {**trial.attributes, "set": "other keywords"}
            trial = dataclasses.replace(trial, condition=NEGATIVES, keyword="", word_ends_s=(), attributes=attributes)
        scored.append(ScoredTrial(trial, found.scores[:, column]))
    return scored


def _check_events(
    model: str | os.PathLike[str],
    spec: ModelSpec,
    trials: Sequence[Trial],
    heard: Sequence[Heard],
    evaluations: Sequence[Evaluation],
    processes: int,
) -> None:
    """Play each trial to a detector at the thresholds it is reported at, and compare the events."""
    columns = {e.keyword: spec.keywords.index(e.keyword) for e in evaluations}
    for fold in sorted({trial.fold for trial in trials}):
        rules = {e.keyword: e.threshold.of(fold) for e in evaluations}
        at = spec
        for keyword, value in rules.items():
            at = at.with_rule(keyword, threshold=value)
        mine = [i for i, trial in enumerate(trials) if trial.fold == fold]
        # What was heard first was decided at the model's own thresholds: often those that are reported.
        is_heard = all(spec.decision_of(keyword).threshold == value for keyword, value in rules.items())
        again = (
            [heard[i] for i in mine] if is_heard else hear_all(model, [trials[i].samples for i in mine], at, processes)
        )
        for i, found in zip(mine, again, strict=True):
            for keyword, column in columns.items():
                _compare(trials[i].name, keyword, heard[i].scores[:, column], found.events_s[column], at)


def _compare(name: str, keyword: str, scores: FloatArray, events_s: tuple[float, ...], spec: ModelSpec) -> None:
    rule = spec.decision_of(keyword)
    steps = sweep([scores], rule, [rule.threshold], spec.step_s)[0][0]
    if events_s != tuple(step_time_s(int(step), spec.step_s) for step in steps):
        raise ParityError(f"{name}: the events of {keyword!r} are not those of the detector; please report this")


def _natural(text: str) -> tuple[float, str]:
    """Sort numbers by their value, before other words."""
    return (float(text), text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else (float("inf"), text)
