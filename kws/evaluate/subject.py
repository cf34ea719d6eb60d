"""One model under one rule on some trials: what is reported, and what is compared with another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kws.config import DecisionConfig
from kws.decision import step_time_s, sweep
from kws.evaluate.counting import Counts, Matching, MatchWindow, match
from kws.evaluate.results import ScoredTrial, Trial


@dataclass(frozen=True, eq=False)
class Subject:
    """A model's scores of one keyword, and the rule that turns them into events.

    Parameters
    ----------
    name : str
        What the model is called in tables.
    keyword : str
    scored : sequence of ScoredTrial
        With the keyword and without it.
    decision : DecisionConfig
        With the threshold that is reported.
    step_s : float
        Time from one score to the next in seconds.
    window : MatchWindow
        When an event counts for a word.
    threshold_from : str
        Where the threshold comes from, in a sentence.
    threshold_by_fold : mapping of str to float
        Where figures are cross-fitted: the threshold of the trials of each fold, instead of the rule's.
    """

    name: str
    keyword: str
    scored: Sequence[ScoredTrial]
    decision: DecisionConfig
    step_s: float
    window: MatchWindow = field(default_factory=MatchWindow)
    threshold_from: str = "as the model file has it"
    threshold_by_fold: Mapping[str, float] = field(default_factory=dict)

    @property
    def positives(self) -> list[ScoredTrial]:
        """Trials in which the keyword is said."""
        return [item for item in self.scored if self.word_ends_s(item.trial)]

    @property
    def negatives(self) -> list[ScoredTrial]:
        """Trials in which it is not, other keywords among them."""
        return [item for item in self.scored if not self.word_ends_s(item.trial)]

    def word_ends_s(self, trial: Trial) -> tuple[float, ...]:
        """Return where the keyword ends in a trial; nowhere if another keyword is said."""
        return trial.word_ends_s if trial.keyword == self.keyword else ()

    def at(self, threshold: float, threshold_from: str) -> Subject:
        """Return the same with one other threshold for all trials."""
        decision = dataclasses.replace(self.decision, threshold=threshold)
        return dataclasses.replace(self, decision=decision, threshold_from=threshold_from, threshold_by_fold={})

    def threshold_of(self, trial: Trial) -> float:
        """Return the threshold that a trial is reported at."""
        return self.threshold_by_fold.get(trial.fold, self.decision.threshold)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one trial: its scores, the ends of its words, and which event was which word."""

    scored: ScoredTrial
    word_ends_s: tuple[float, ...]
    matching: Matching
    audio_s: float

    @property
    def trial(self) -> Trial:
        """The trial itself."""
        return self.scored.trial

    @property
    def counts(self) -> Counts:
        """The same as numbers."""
        found = self.matching
        return Counts(len(found.hits), len(found.missed_s), len(found.false_accepts_s), self.audio_s)


def outcomes(subject: Subject) -> list[Outcome]:
    """Return what became of each trial at the subject's threshold, in the order of its trials."""
    tracks = [item.scores for item in subject.scored]
    wanted = [subject.threshold_of(item.trial) for item in subject.scored]
    thresholds = sorted(set(wanted))
    events = sweep(tracks, subject.decision, thresholds, subject.step_s)
    found = []
    for index, item in enumerate(subject.scored):
        steps = events[thresholds.index(wanted[index])][index]
        events_s = [step_time_s(int(step), subject.step_s) for step in steps]
        words_s = subject.word_ends_s(item.trial)
        found.append(
            Outcome(item, words_s, match(events_s, words_s, subject.window), len(item.scores) * subject.step_s)
        )
    return found
