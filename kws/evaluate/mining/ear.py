"""A detector that keeps the audio around what it takes for its word, of a stream of any length in little memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.evaluate.mining.settings import MiningSettings
from kws.evaluate.peaks import AFTER_S, BEFORE_S, Peak, PeakPicker
from kws.runtime import Detector, Event, open_runner

# Of the stretch before a peak the part that is proposed as the word.
_WORD_S = 1.0


@dataclass(frozen=True, eq=False)
class Find:
    """A stretch of audio that a model took for a word, or nearly.

    Parameters
    ----------
    keyword : str
    score : float
        Highest raw score, 0 to 1.
    is_event : bool
        Whether the model fired.
    start_s : float
        Where the samples begin, from the start of the audio.
    samples : array of float32, shape (N,)
    region_s : tuple of float
        Start and end of what was taken for the word, from the first sample of the find.
    """

    keyword: str
    score: float
    is_event: bool
    start_s: float
    samples: FloatArray = field(repr=False)
    region_s: tuple[float, float] = (0.0, 0.0)


class Ear:
    """Hears one stream of mono audio and returns what is worth keeping of it.

    Parameters
    ----------
    settings : MiningSettings
    """

    def __init__(self, settings: MiningSettings) -> None:
        self._settings = settings
        self._spec = settings.spec
        self._scores: list[FloatArray] = []
        self._detector = Detector(open_runner(settings.model), on_scores=self._scores.append, spec=settings.spec)
        columns = tuple(self._spec.keywords.index(keyword) for keyword in settings.keywords)
        self._picker = PeakPicker(settings.floor, self._spec.step_s, columns)
        self.restart()

    def restart(self, start: int = 0) -> None:
        """Forget everything; what comes next is at sample `start` of the audio and follows silence."""
        self._detector.reset()
        self._picker.reset()
        self._scores.clear()
        self._origin = start
        # Samples since the origin: what is kept, where that begins, and how many there were.
        self._audio: FloatArray = np.zeros(0, np.float32)
        self._kept_from = self._n_samples = 0
        self._events: list[Event] = []
        self._waiting: list[Peak] = []

    def hear(self, samples: FloatArray) -> tuple[list[Find], list[Event]]:
        """Take the next samples ``(N,)``.

        Returns
        -------
        finds : list of Find
            Those whose surroundings are complete.
        events : list of Event
            What the model fired at in these samples; times are from the start of the audio.
        """
        self._audio = np.concatenate([self._audio, samples])
        self._n_samples += len(samples)
        return self._take(self._detector.process(samples), is_end=False)

    def flush(self) -> tuple[list[Find], list[Event]]:
        """Return what is left at the end of the audio; then call :meth:`restart`."""
        return self._take(self._detector.flush(), is_end=True)

    def _take(self, events: Sequence[Event], is_end: bool) -> tuple[list[Find], list[Event]]:
        wanted = [event for event in events if event.keyword in self._settings.keywords]
        self._events += wanted
        # A stream that has not begun has no channel either.
        tracks = [block[0] for block in self._scores if block.shape[1]]
        if tracks:
            self._waiting += self._picker.update(np.concatenate(tracks))
        self._scores.clear()
        if is_end:
            self._waiting += self._picker.flush()
        ready = [peak for peak in self._waiting if is_end or self._bounds(peak)[1] <= self._n_samples]
        self._waiting = [peak for peak in self._waiting if peak not in ready]
        finds = [self._find(peak) for peak in ready]
        self._forget()
        return finds, [self._moved(event) for event in wanted]

    def _bounds(self, peak: Peak) -> tuple[int, int]:
        end_s, context_s = peak.end_s(self._spec.step_s), self._settings.context_s
        start, end = end_s - BEFORE_S - context_s, end_s + AFTER_S + context_s
        return max(0, round(start * SAMPLE_RATE_HZ)), round(end * SAMPLE_RATE_HZ)

    def _find(self, peak: Peak) -> Find:
        start, end = self._bounds(peak)
        samples = self._audio[start - self._kept_from : end - self._kept_from].copy()
        keyword, end_s = self._spec.keywords[peak.column], peak.end_s(self._spec.step_s)
        near_s = BEFORE_S + AFTER_S
        is_event = any(e.keyword == keyword and abs(e.time_s - end_s) <= near_s for e in self._events)
        word_end_s = max(0.0, end_s - self._spec.delay_s) - start / SAMPLE_RATE_HZ
        region_s = max(0.0, word_end_s - _WORD_S), min(word_end_s, len(samples) / SAMPLE_RATE_HZ)
        return Find(keyword, peak.score, is_event, (self._origin + start) / SAMPLE_RATE_HZ, samples, region_s)

    def _forget(self) -> None:
        """Let go of audio and events that no peak can reach any more."""
        first_step = min([self._picker.first_open_step, *(peak.step for peak in self._waiting)])
        reach_s = BEFORE_S + AFTER_S + self._settings.context_s
        keep_s = first_step * self._spec.step_s - reach_s
        keep = min(max(self._kept_from, round(keep_s * SAMPLE_RATE_HZ)), self._n_samples)
        self._audio = self._audio[keep - self._kept_from :]
        self._kept_from = keep
        self._events = [event for event in self._events if event.time_s >= keep_s]

    def _moved(self, event: Event) -> Event:
        return Event(event.keyword, event.time_s + self._origin / SAMPLE_RATE_HZ, event.score, event.channel)
