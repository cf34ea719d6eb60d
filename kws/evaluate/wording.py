"""Figures in plain words: the headline, and what so many words and hours can show at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kws.evaluate.bootstrap import FEW_CLUSTERS
from kws.evaluate.counting import Counts
from kws.evaluate.intervals import hours_needed, rate_below, share_below, words_needed
from kws.evaluate.tables import FalseAcceptsRow, WordsRow

CLEAN = "clean"


def percent(share: float) -> str:
    """Return a share as a percentage, with one more figure below 1 %."""
    if math.isnan(share):
        return "–"
    value = 100 * share
    return f"{value:.2f}" if 0 < value < 0.995 else f"{value:.1f}"


def rate(per_hour: float) -> str:
    """Return a rate an hour."""
    if math.isnan(per_hour):
        return "–"
    return f"{per_hour:.2f}" if per_hour < 10 else f"{per_hour:.1f}"


def hours(value: float) -> str:
    """Return a number of hours."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def times(n: int) -> str:
    """Return "once" or "n times"."""
    return "once" if n == 1 else f"{n} times"


def counted(n: int, thing: str) -> str:
    """Return a number with its noun: 1 false accept, 2 false accepts."""
    return f"{n} {thing}{'' if n == 1 else 's'}"


def headline(words: Sequence[WordsRow], false_accepts: Sequence[FalseAcceptsRow]) -> str:
    """Say in one sentence what is missed and how often it fires by mistake."""
    parts = []
    if words:
        row = words[0]
        where = "as recorded" if row.condition == CLEAN else f"in the condition “{row.condition}”"
        interval = f"95 % interval {percent(row.low)}–{percent(row.high)}"
        missed = f"misses {row.counts.n_misses} of {row.counts.n_words} words {where}"
        parts.append(f"{missed} ({percent(row.counts.false_reject_rate)} %, {interval})")
    if false_accepts:
        total = false_accepts[-1]
        interval = f"95 % interval {rate(total.low)}–{rate(total.high)}"
        fired = f"fires {times(total.counts.n_false_accepts)} by mistake in {hours(total.counts.hours)} hours"
        parts.append(f"{fired} without the word ({rate(total.counts.false_accepts_per_hour)} an hour, {interval})")
    return " and ".join(parts)


def claims(words: Sequence[WordsRow], false_accepts: Sequence[FalseAcceptsRow]) -> list[str]:
    """Say what the figures show at most, one sentence each."""
    said = []
    if words:
        said.append(_words_claim(words[0].counts))
        said += _cluster_claims(words)
    else:
        said.append("No word was said: nothing is known about misses.")
    if false_accepts:
        said.append(_hours_claim(false_accepts[-1].counts))
    else:
        said.append("There are no hours without the word: nothing is known about false accepts.")
    return said


def _words_claim(counts: Counts) -> str:
    bound = percent(share_below(counts.n_misses, counts.n_words))
    said = f"{counts.n_misses} of {counts.n_words} words missed show that fewer than {bound} % are (one-sided, 95 %)"
    if counts.n_words < words_needed(0.01):
        return f"{said}; to show fewer than 1 % takes {words_needed(0.01)} words without a miss."
    return f"{said}."


def _hours_claim(counts: Counts) -> str:
    bound = rate_below(counts.n_false_accepts, counts.hours)
    events = counted(counts.n_false_accepts, "false accept")
    said = f"{events} in {hours(counts.hours)} h show fewer than {rate(bound)} an hour"
    needed = hours_needed(0.1)
    if counts.hours < needed:
        return f"{said} (one-sided, 95 %); {needed:.0f} h without one are needed to show fewer than 0.1 an hour."
    return f"{said} (one-sided, 95 %)."


def _cluster_claims(words: Sequence[WordsRow]) -> list[str]:
    by_speaker = words[0].by_speaker
    said = []
    if by_speaker is None:
        said.append("The recordings name no speaker: how far the figures hold for other voices is not known.")
    elif by_speaker.n_clusters < FEW_CLUSTERS:
        people = counted(by_speaker.n_clusters, "speaker")
        said.append(f"The words are of {people}: intervals by speaker mean little, and other voices may do worse.")
    if any(row.counts.n_words > row.by_recording.n_clusters for row in words):
        said.append(
            "Some conditions use a recording several times. Wilson's interval takes every word for a new one and is "
            "too narrow there; the interval by recording is not."
        )
    return said
