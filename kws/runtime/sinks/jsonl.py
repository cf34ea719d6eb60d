"""JSON Lines: one object a detection and one at the end, for programs that read along."""

from __future__ import annotations

import json
from typing import Any, TextIO

from kws.runtime.detector import Event
from kws.runtime.sinks.base import Sink, Summary
from kws.runtime.sinks.template import TIME_DECIMALS, plain_values


class JsonlSink(Sink):
    """Write each record as one line, at once. Without an end record the stream is not whole.

    Parameters
    ----------
    stream : text stream
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def event(self, event: Event, model: str) -> None:
        """Write a detection."""
        live = {} if event.unix_s is None else {"unix_s": round(event.unix_s, 3)}
        self._write(
            event="detection",
            **plain_values(event, model),
            **live,
        )

    def end(self, summary: Summary) -> None:
        """Write the end record."""
        self._write(
            event="end",
            audio_s=round(summary.audio_s, TIME_DECIMALS),
            lost_samples=int(summary.lost_samples),
            stale_events=summary.stale_events,
            stalls=summary.stalls,
        )

    def notice(self, text: str) -> None:
        """Write what a person should know."""
        self._write(event="notice", text=text)

    def _write(self, **record: Any) -> None:
        self._stream.write(json.dumps(record) + "\n")
        self._stream.flush()
