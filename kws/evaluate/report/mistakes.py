"""Each miss and each false accept, with its scores, as the page lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from kws.decision import smooth
from kws.evaluate.compare import Comparison
from kws.evaluate.report.clips import Clip, cut, score_points
from kws.evaluate.results import ScoredTrial
from kws.evaluate.subject import Subject, outcomes

MAX_SHOWN = 60
"""Mistakes of one list that get a clip; how many more there are is said."""

MAX_CLIP_BYTES = 4_000_000
"""Of all clips and pictures of one list together, as they stand in the page."""


@dataclass(frozen=True)
class ScoreLine:
    """The smoothed score of one model over a clip, as points of a line, its threshold, and its peak."""

    name: str
    points: str
    threshold: float
    peak: float


@dataclass(frozen=True, eq=False)
class Mistake:
    """A word that was missed, or an event without a word.

    Parameters
    ----------
    scored : ScoredTrial
    time_s : float
        End of the word, or time of the event.
    is_word : bool
    peak : float
        The highest smoothed score within the word's window, or around the event.
    whose : str
        The model that made it, where there are two.
    """

    scored: ScoredTrial
    time_s: float
    is_word: bool
    peak: float
    whose: str = ""

    @property
    def is_counted(self) -> bool:
        """Whether it is a false accept in a recording without a word of any keyword."""
        return not self.is_word and not self.scored.trial.word_ends_s


@dataclass(frozen=True)
class Shown:
    """A mistake as it stands in the page."""

    title: str
    whose: str
    details: tuple[tuple[str, str], ...]
    audio_uri: str
    audio_s: float
    spectrogram_uri: str
    mark: float
    mark_label: str
    lines: tuple[ScoreLine, ...]

    @property
    def n_bytes(self) -> int:
        """About what it adds to the page."""
        return len(self.audio_uri) + len(self.spectrogram_uri) + sum(len(line.points) for line in self.lines) + 1000


@dataclass(frozen=True)
class Listing:
    """A list of mistakes, and how many there are that it does not show."""

    shown: tuple[Shown, ...]
    n_all: int

    @property
    def n_more(self) -> int:
        """Mistakes without a clip."""
        return self.n_all - len(self.shown)


def peak_at(subject: Subject, item: ScoredTrial, time_s: float) -> float:
    """Return the highest smoothed score in the match window around a time; 0 where there is none."""
    smoothed = smooth(item.scores, subject.decision.smoothing_steps)
    times_s = (np.arange(len(smoothed)) + 1) * subject.step_s
    near = (times_s >= time_s - subject.window.early_s - 1e-6) & (times_s <= time_s + subject.window.late_s + 1e-6)
    return float(smoothed[near].max()) if near.any() else 0.0


def mistakes_of(subject: Subject) -> tuple[list[Mistake], list[Mistake]]:
    """Return the misses and the false accepts in the order of the list.

    Misses stand by condition, the lowest score first; false accepts with those that the rate counts first, then those
    in recordings with words, each with the highest score first.
    """
    misses: list[Mistake] = []
    false_accepts: list[Mistake] = []
    for outcome in outcomes(subject):
        item = outcome.scored
        misses += [Mistake(item, t, True, peak_at(subject, item, t)) for t in outcome.matching.missed_s]
        false_accepts += [Mistake(item, t, False, peak_at(subject, item, t)) for t in outcome.matching.false_accepts_s]
    order = {name: i for i, name in enumerate(dict.fromkeys(m.scored.trial.condition for m in misses))}
    misses.sort(key=lambda m: (order[m.scored.trial.condition], m.peak))
    false_accepts.sort(key=lambda m: (not m.is_counted, -m.peak))
    return misses, false_accepts


def mistakes_of_one(comparison: Comparison) -> tuple[list[Mistake], list[Mistake]]:
    """Return the misses and the false accepts that only one of two models made."""
    misses: list[Mistake] = []
    false_accepts: list[Mistake] = []
    for difference in comparison.differences:
        subject = comparison.a if difference.is_error_of_a else comparison.b
        item = comparison.a.scored[difference.trial]
        own = item if difference.is_error_of_a else _same_trial(comparison.b, item)
        whose = comparison.names[0 if difference.is_error_of_a else 1]
        peak = peak_at(subject, own, difference.time_s)
        mistake = Mistake(item, difference.time_s, difference.is_word, peak, whose)
        (misses if difference.is_word else false_accepts).append(mistake)
    return misses, false_accepts


def _same_trial(subject: Subject, item: ScoredTrial) -> ScoredTrial:
    return next(other for other in subject.scored if other.trial.name == item.trial.name)


def list_mistakes(mistakes: Sequence[Mistake], subjects: Sequence[Subject], names: Sequence[str]) -> Listing:
    """Return mistakes with their clips, as many as there is room for; each condition gets its share of it.

    Parameters
    ----------
    mistakes : sequence of Mistake
        In the order in which they are to stand.
    subjects, names
        The models whose scores are drawn, and what they are called.
    """
    chosen = sorted(list(_in_turn(mistakes))[:MAX_SHOWN])
    shown: list[Shown] = []
    room = MAX_CLIP_BYTES
    for index in chosen:
        entry = _show(mistakes[index], subjects, names)
        room -= entry.n_bytes
        if room < 0:
            break
        shown.append(entry)
    return Listing(tuple(shown), len(mistakes))


def _in_turn(mistakes: Sequence[Mistake]) -> Iterator[int]:
    """Yield indices, the first of each condition, then the second of each, and so on."""
    by_condition: dict[tuple[str, str], list[int]] = {}
    for index, mistake in enumerate(mistakes):
        by_condition.setdefault((mistake.whose, mistake.scored.trial.condition), []).append(index)
    for turn in range(max(map(len, by_condition.values()), default=0)):
        yield from (indices[turn] for indices in by_condition.values() if turn < len(indices))


def _show(mistake: Mistake, subjects: Sequence[Subject], names: Sequence[str]) -> Shown:
    trial = mistake.scored.trial
    clip = cut(trial, mistake.time_s)
    lines = tuple(_score_line(name, subject, mistake, clip) for name, subject in zip(names, subjects, strict=True))
    heard = trial.source_at(mistake.time_s)
    others = [source for source in trial.sources if source != heard and not trial.source_starts_s]
    details = [
        ("condition", trial.condition),
        ("speaker", trial.speaker),
        *((key.replace("_", " "), value) for key, value in sorted(trial.attributes.items())),
        ("with", ", ".join(others)),
        ("trial", f"{trial.name}, at {mistake.time_s:.2f} s"),
    ]
    return Shown(
        heard,
        mistake.whose,
        tuple((key, value) for key, value in details if value),
        clip.audio_uri(),
        clip.audio_s,
        clip.spectrogram_uri(),
        100 * clip.place(mistake.time_s),
        "end of the word" if mistake.is_word else "event",
        lines,
    )


def _score_line(name: str, subject: Subject, mistake: Mistake, clip: Clip) -> ScoreLine:
    item = (
        mistake.scored if any(own is mistake.scored for own in subject.scored) else _same_trial(subject, mistake.scored)
    )
    smoothed = smooth(item.scores, subject.decision.smoothing_steps)
    points = score_points(smoothed, subject.step_s, clip)
    return ScoreLine(name, points, subject.threshold_of(item.trial), peak_at(subject, item, mistake.time_s))
