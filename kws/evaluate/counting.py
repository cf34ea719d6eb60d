"""Events against the words that were really said: hits, misses, false accepts, and their rates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kws.config import require

_SECONDS_PER_HOUR = 3600.0
# Times are sums of steps; an event on the edge of the window is inside in spite of binary rounding.
_EDGE_S = 1e-6


@dataclass(frozen=True)
class MatchWindow:
    """When an event counts for a word: from `early_s` before the word's end to `late_s` after it."""

    early_s: float = 0.6
    late_s: float = 1.0

    def __post_init__(self) -> None:
        require("match.early_s", self.early_s, 0.0, 60.0)
        require("match.late_s", self.late_s, 0.0, 60.0)

    def holds(self, event_s: float, word_end_s: float) -> bool:
        """Return whether an event at `event_s` may be that word."""
        return event_s - word_end_s >= -self.early_s - _EDGE_S and not self.is_over(event_s, word_end_s)

    def is_over(self, event_s: float, word_end_s: float) -> bool:
        """Return whether an event at `event_s` comes too late for that word."""
        return event_s - word_end_s > self.late_s + _EDGE_S


@dataclass(frozen=True)
class Counts:
    """What was counted over some audio; counts of two pieces of audio can be added.

    Parameters
    ----------
    n_hits, n_misses : int
        Words that were detected, and words that were not.
    n_false_accepts : int
        Events that belong to no word, or to a word that was detected already.
    audio_s : float
        Length of the audio.
    """

    n_hits: int = 0
    n_misses: int = 0
    n_false_accepts: int = 0
    audio_s: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.n_hits + other.n_hits,
            self.n_misses + other.n_misses,
            self.n_false_accepts + other.n_false_accepts,
            self.audio_s + other.audio_s,
        )

    @property
    def n_words(self) -> int:
        """Words that were said."""
        return self.n_hits + self.n_misses

    @property
    def hours(self) -> float:
        """Length of the audio in hours."""
        return self.audio_s / _SECONDS_PER_HOUR

    @property
    def false_reject_rate(self) -> float:
        """Share of words that were missed, 0 to 1; NaN where no word was said."""
        return self.n_misses / self.n_words if self.n_words else float("nan")

    @property
    def false_accepts_per_hour(self) -> float:
        """False accepts by the hours that were really listened to; NaN without audio."""
        return self.n_false_accepts / self.hours if self.audio_s > 0 else float("nan")


@dataclass(frozen=True)
class Matching:
    """Which event is which word in one recording; all in order of time.

    Parameters
    ----------
    hits : tuple of (float, float)
        Time of the event and end of its word.
    missed_s : tuple of float
        Ends of the words without an event.
    false_accepts_s : tuple of float
        Events without a word.
    """

    hits: tuple[tuple[float, float], ...] = ()
    missed_s: tuple[float, ...] = ()
    false_accepts_s: tuple[float, ...] = ()

    @property
    def delays_s(self) -> list[float]:
        """Times from the word's end to its event; negative where the event came first."""
        return [event_s - word_end_s for event_s, word_end_s in self.hits]


def match(events_s: Iterable[float], word_ends_s: Iterable[float], window: MatchWindow | None = None) -> Matching:
    """Match the events of one keyword in one recording against its words.

    Each event, in order of time, takes the earliest word that has none yet and whose window it lies in.

    Parameters
    ----------
    events_s : iterable of float
        Times at which the keyword fired, in seconds from the start of the recording.
    word_ends_s : iterable of float
        Times at which the keyword's utterances end.
    window : MatchWindow, optional
        By default 0.6 s before the word's end to 1.0 s after it.
    """
    window = window or MatchWindow()
    words = sorted(word_ends_s)
    hits: list[tuple[float, float]] = []
    missed: list[float] = []
    false_accepts: list[float] = []
    position = 0
    for event_s in sorted(events_s):
        # Words too old for this event are too old for every later one: a single pass.
        while position < len(words) and window.is_over(event_s, words[position]):
            missed.append(words[position])
            position += 1
        if position < len(words) and window.holds(event_s, words[position]):
            hits.append((event_s, words[position]))
            position += 1
        else:
            false_accepts.append(event_s)
    return Matching(tuple(hits), (*missed, *words[position:]), tuple(false_accepts))


def count(
    events_s: Iterable[float], word_ends_s: Iterable[float], audio_s: float, window: MatchWindow | None = None
) -> Counts:
    """Count what :func:`match` finds in a recording of `audio_s` seconds.

    Raises
    ------
    ConfigError
        If `audio_s` is not above zero.
    """
    require("audio_s", audio_s, 1e-6, 1e9)
    found = match(events_s, word_ends_s, window)
    return Counts(len(found.hits), len(found.missed_s), len(found.false_accepts_s), audio_s)
