"""Text for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from kws.config import SAMPLE_RATE_HZ
from kws.runtime.detector import Event
from kws.runtime.sinks.base import Sink, Status, Summary
from kws.spec import ModelSpec


class ConsoleSink(Sink):
    """Say what is listened for, each detection, and at the end how many there were.

    Parameters
    ----------
    stream : text stream
    specs : sequence of ModelSpec
        The models at work.
    source : str
        Name of the source.
    """

    def __init__(self, stream: TextIO, specs: Sequence[ModelSpec], source: str) -> None:
        self._stream = stream
        self._show_model = len(specs) > 1
        self._n_events = 0
        words = [
            f'"{keyword}" (threshold {spec.decision_of(keyword).threshold:g})'
            for spec in specs
            for keyword in spec.keywords
        ]
        self._title: str | None = f"Listening to {source} for {', '.join(words)}"

    def status(self, status: Status) -> None:
        """Say what is listened for, once it is."""
        self._begin()

    def _begin(self) -> None:
        if self._title is not None:
            title, self._title = self._title, None
            self._write(title)

    def event(self, event: Event, model: str) -> None:
        """Show a detection."""
        self._begin()
        self._n_events += 1
        parts = [clock(event.time_s), event.keyword, f"score {event.score:.2f}"]
        if event.channel:
            parts.append(f"channel {event.channel}")
        if self._show_model:
            parts.append(f"model {model}")
        self._write("  ".join(parts))

    def end(self, summary: Summary) -> None:
        """Show how much was heard."""
        self._begin()
        lost = f", {summary.lost_samples} samples lost" if summary.lost_samples else ""
        plural = "" if self._n_events == 1 else "s"
        # By the same clock as the detections: what was lost took its time too.
        end_s = summary.audio_s + summary.lost_samples / SAMPLE_RATE_HZ
        self._write(f"{clock(end_s)}  end: {self._n_events} detection{plural}{lost}")

    def notice(self, text: str) -> None:
        """Show what a person should know."""
        self._begin()
        self._write(f"({text})")

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def clock(time_s: float) -> str:
    """Return a time as minutes, seconds and hundredths, with hours where there are any."""
    hundredths = round(time_s * 100)
    minutes, rest = divmod(hundredths, 6000)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02d}:{rest // 100:02d}.{rest % 100:02d}"
    return f"{hours}:{text}" if hours else text
