"""All figures of a classifier on labelled clips: accuracy, confusion, and each keyword as it is detected in streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kws.evaluate.classification import (
    LabelledClip,
    choose_silence_level,
    class_of,
    classes_of,
    classify,
    peak_scores,
)
from kws.evaluate.confusion import Confusion, confusion_table
from kws.evaluate.counting import Counts
from kws.evaluate.intervals import poisson_interval, wilson_interval
from kws.runtime import Runner
from kws.spec import UNKNOWN, ModelSpec


@dataclass(frozen=True)
class SilenceLevel:
    """The level below which nothing was said, and where it comes from: clips by name, or ``given``."""

    value: float
    chosen_on: str


@dataclass(frozen=True, eq=False)
class ClassReport:
    """What was measured.

    Parameters
    ----------
    spec : ModelSpec
    clips_from : str
        Which clips.
    level : SilenceLevel
    confusion : Confusion
    words : dict of str to Counts
        Each keyword in streams of single words, by the model's own decision rule.
    """

    spec: ModelSpec
    clips_from: str
    level: SilenceLevel
    confusion: Confusion
    words: dict[str, Counts]

    def to_dict(self) -> dict[str, Any]:
        """Return all figures as plain values, with their counts and 95 % intervals."""
        return {
            "model": self.spec.name,
            "clips_from": self.clips_from,
            "silence_below": self.level.value,
            "silence_below_chosen_on": self.level.chosen_on,
            "classification": self.confusion.to_dict(),
            "streams": {word: self._word(word, counts) for word, counts in self.words.items()},
        }

    def to_text(self) -> str:
        """Return the figures as a page of text."""
        low, high = self.confusion.interval
        lines = [
            f"{self.spec.name}, {self.clips_from}: {100 * self.confusion.accuracy:.1f} % right, "
            f"{self.confusion.n_right} of {self.confusion.n_clips} clips (95 %: {100 * low:.1f} to {100 * high:.1f})",
            f"silence below {self.level.value:.4f} ({self._origin()})",
            "",
            confusion_table(self.confusion),
            "",
            *self._stream_lines(),
        ]
        return "\n".join(lines)

    def _origin(self) -> str:
        if self.level.chosen_on == self.clips_from:
            return "CHOSEN ON THESE VERY CLIPS: the accuracy is too good"
        return "as given" if self.level.chosen_on == "given" else f"chosen on {self.level.chosen_on}"

    def _word(self, word: str, counts: Counts) -> dict[str, Any]:
        return {
            "threshold": self.spec.decision_of(word).threshold,
            "words": counts.n_words,
            "missed": counts.n_misses,
            "frr": counts.n_misses / counts.n_words if counts.n_words else None,
            "frr_interval": list(wilson_interval(counts.n_misses, counts.n_words)),
            "false_accepts": counts.n_false_accepts,
            "hours": counts.hours,
            "fa_per_h": counts.false_accepts_per_hour,
            "fa_per_h_interval": list(poisson_interval(counts.n_false_accepts, counts.hours)),
        }

    def _stream_lines(self) -> list[str]:
        hours = next(iter(self.words.values())).hours
        width = max(map(len, [*self.words, "keyword"]))
        head = f"{'keyword':{width}}  {'missed':<12}  {'FRR % (95 %)':<20}  {'false accepts':>13}  per hour (95 %)"
        lines = [f"in streams of single words, {hours:.2f} h, by the model's own thresholds:", head]
        for word, counts in self.words.items():
            (low, high), rates = wilson_interval(counts.n_misses, counts.n_words), self._rates(counts)
            # Without a word there is no rate.
            rate = f"{100 * counts.false_reject_rate:.1f}" if counts.n_words else "-"
            share = f"{rate} ({100 * low:.1f} to {100 * high:.1f})"
            missed = f"{counts.n_misses} of {counts.n_words}"
            lines.append(f"{word:{width}}  {missed:<12}  {share:<20}  {counts.n_false_accepts:>13}  {rates}")
        return lines

    def _rates(self, counts: Counts) -> str:
        low, high = poisson_interval(counts.n_false_accepts, counts.hours)
        return f"{counts.false_accepts_per_hour:.1f} ({low:.1f} to {high:.1f})"


def find_silence_level(runner: Runner, clips: Sequence[LabelledClip], name: str) -> SilenceLevel:
    """Choose the level of silence on some clips, which `name` tells."""
    outputs = runner.spec.keywords
    value = choose_silence_level(peak_scores(runner, clips), [clip.label for clip in clips], outputs)
    return SilenceLevel(value, name)


def confusion_of(runner: Runner, clips: Sequence[LabelledClip], silence_below: float) -> Confusion:
    """Classify clips and compare with their labels."""
    outputs = runner.spec.keywords
    classes = classes_of(outputs)
    told = classify(peak_scores(runner, clips), outputs, silence_below)
    return Confusion.of([class_of(clip.label, classes) for clip in clips], told, classes)


def keyword_counts(counts: dict[str, Counts]) -> dict[str, Counts]:
    """Return the counts of keywords alone: the output for other words is never told."""
    return {word: count for word, count in counts.items() if word != UNKNOWN}
