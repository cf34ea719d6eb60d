"""The figures of the report, counted once and put into rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kws.evaluate.bootstrap import BootstrapInterval, bootstrap_ratio, cluster_labels
from kws.evaluate.counting import Counts
from kws.evaluate.intervals import poisson_interval, wilson_interval
from kws.evaluate.subject import Outcome, Subject, outcomes

_SECONDS_PER_HOUR = 3600.0
MAX_ROWS = 40
"""Values of one attribute that a table shows; those with the most misses come first where there are more."""

ATTRIBUTE_LABELS = {
    "speaker": "speaker",
    "distance_m": "distance (m)",
    "rir": "room",
    "rt60_s": "reverberation time (s)",
    "gender": "gender",
    "device": "device",
    "dialect": "dialect",
}


@dataclass(frozen=True)
class WordsRow:
    """Misses of one condition: counts, Wilson's interval, the bootstraps, and delays of the hits (seconds).

    ``by_speaker`` is None where no trial names a speaker.
    """

    condition: str
    counts: Counts
    low: float
    high: float
    by_speaker: BootstrapInterval | None
    by_recording: BootstrapInterval
    delays_s: tuple[float, ...]

    @property
    def delay_ms(self) -> tuple[float, float] | None:
        """Median and 90th percentile of the delay, or None without a hit."""
        if not self.delays_s:
            return None
        median, late = np.quantile(self.delays_s, [0.5, 0.9])
        return 1000 * float(median), 1000 * float(late)


@dataclass(frozen=True)
class FalseAcceptsRow:
    """False accepts in one set of recordings without the word: counts, the exact interval and the bootstrap."""

    name: str
    counts: Counts
    low: float
    high: float
    by_recording: BootstrapInterval


@dataclass(frozen=True)
class Breakdown:
    """Misses by the values of one attribute.

    Parameters
    ----------
    attribute, label : str
    series : tuple of str
        Conditions that know the attribute.
    rows : tuple of (str, tuple of Counts)
        A value, and its counts by series.
    n_more : int
        Values that are left out.
    """

    attribute: str
    label: str
    series: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Counts, ...]], ...]
    n_more: int


def words_rows(found: Sequence[Outcome], rng: np.random.Generator, n_resamples: int) -> list[WordsRow]:
    """Return one row a condition, in the order in which they come."""
    rows = []
    for condition in dict.fromkeys(o.trial.condition for o in found if o.word_ends_s):
        chosen = [o for o in found if o.word_ends_s and o.trial.condition == condition]
        counts = sum((o.counts for o in chosen), Counts())
        missed, said = [o.counts.n_misses for o in chosen], [o.counts.n_words for o in chosen]
        trials = [o.trial for o in chosen]
        by_speaker, by_recording = (
            bootstrap_ratio(missed, said, cluster_labels(trials, unit), rng, unit, n_resamples)
            for unit in ("speaker", "recording")
        )
        delays_s = tuple(delay for o in chosen for delay in o.matching.delays_s)
        ends = wilson_interval(counts.n_misses, counts.n_words)
        known = by_speaker if any(trial.speaker for trial in trials) else None
        rows.append(WordsRow(condition, counts, *ends, known, by_recording, delays_s))
    return rows


def false_accept_rows(found: Sequence[Outcome], rng: np.random.Generator, n_resamples: int) -> list[FalseAcceptsRow]:
    """Return one row a set of recordings without the word, the sum of several last."""
    others = [o for o in found if not o.word_ends_s and o.audio_s > 0]
    sets: dict[str, list[Outcome]] = {}
    for outcome in others:
        sets.setdefault(outcome.trial.attributes.get("set", "recordings without the word"), []).append(outcome)
    if len(sets) > 1:
        sets["all"] = others
    rows = []
    for name, chosen in sets.items():
        counts = sum((o.counts for o in chosen), Counts())
        labels = cluster_labels([o.trial for o in chosen], "recording")
        hours = [o.audio_s / _SECONDS_PER_HOUR for o in chosen]
        drawn = bootstrap_ratio(
            [o.counts.n_false_accepts for o in chosen], hours, labels, rng, "recording", n_resamples
        )
        rows.append(FalseAcceptsRow(name, counts, *poisson_interval(counts.n_false_accepts, counts.hours), drawn))
    return rows


def breakdowns(found: Sequence[Outcome]) -> list[Breakdown]:
    """Return a table for the speaker and for each attribute with more than one value; levels have their own plot."""
    words = [o for o in found if o.word_ends_s]
    keys = dict.fromkeys(["speaker", *ATTRIBUTE_LABELS, *(key for o in words for key in o.trial.attributes)])
    tables = [_breakdown(words, key) for key in keys if key != "snr_db"]
    return [table for table in tables if len(table.rows) > 1]


def _breakdown(words: Sequence[Outcome], key: str) -> Breakdown:
    counted: dict[str, dict[str, Counts]] = {}
    series: dict[str, None] = {}
    for outcome in words:
        value = attribute_of(outcome, key)
        if value:
            series[outcome.trial.condition] = None
            row = counted.setdefault(value, {})
            row[outcome.trial.condition] = row.get(outcome.trial.condition, Counts()) + outcome.counts
    worst = sorted(counted, key=lambda value: -sum(c.n_misses for c in counted[value].values()))[:MAX_ROWS]
    rows = tuple((v, tuple(counted[v].get(s, Counts()) for s in series)) for v in sorted(worst, key=natural))
    label = ATTRIBUTE_LABELS.get(key, key.replace("_", " "))
    return Breakdown(key, label, tuple(series), rows, len(counted) - len(worst))


def attribute_of(outcome: Outcome, key: str) -> str:
    """Return the speaker or another attribute of a trial, ``""`` where it is not known."""
    return outcome.trial.speaker if key == "speaker" else outcome.trial.attributes.get(key, "")


def by_level(found: Sequence[Outcome]) -> dict[str, list[tuple[float, Counts]]]:
    """Return misses by the level of the word over the other sound, for each kind of sound with several levels."""
    series: dict[str, dict[float, Counts]] = {}
    for outcome in found:
        text = outcome.trial.attributes.get("snr_db", "")
        if outcome.word_ends_s and re.fullmatch(r"[-+]?\d+(\.\d+)?", text):
            # The kind is the condition without its level: "noise 10 dB" is noise.
            kind = re.sub(r"\s*[-+]?\d+(\.\d+)? dB.*$", "", outcome.trial.condition) or outcome.trial.condition
            levels = series.setdefault(kind, {})
            levels[float(text)] = levels.get(float(text), Counts()) + outcome.counts
    return {kind: sorted(levels.items()) for kind, levels in series.items() if len(levels) > 1}


def natural(text: str) -> list[tuple[float, str]]:
    """Return a key that sorts numbers within text by value: 2 m before 10 m."""
    parts = re.split(r"(\d+(?:\.\d+)?)", text)
    return [(float(part), "") if i % 2 else (-1.0, part) for i, part in enumerate(parts)]


def by_model(tables: Sequence[Sequence[Breakdown]], names: Sequence[str]) -> list[Breakdown]:
    """Return the breakdowns of two models with a column a model, all conditions together."""
    joined = []
    for first, second in zip(*tables, strict=True):
        others = dict(second.rows)
        rows = tuple(
            (value, (sum(counts, Counts()), sum(others.get(value, ()), Counts()))) for value, counts in first.rows
        )
        joined.append(Breakdown(first.attribute, first.label, tuple(names), rows, first.n_more))
    return joined


def count_all(subject: Subject) -> list[Outcome]:
    """Return the outcomes of a subject's trials; those without audio are left out."""
    return [outcome for outcome in outcomes(subject) if outcome.audio_s > 0]
