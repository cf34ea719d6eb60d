"""The one interface of sinks: what happens with audio and detections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from kws.audio import FloatArray
from kws.runtime.detector import Event


@dataclass(frozen=True)
class Summary:
    """What was listened to, told at the end.

    Parameters
    ----------
    audio_s : float
        Audio heard in seconds, without what was lost.
    lost_samples : int
        Samples (16 kHz) that never arrived.
    """

    audio_s: float
    lost_samples: int


class Sink(Protocol):
    """Told of everything in order: audio, then the events found in it; at last `end` or `abort`, not both."""

    def audio(self, samples: FloatArray) -> None:
        """Take the next samples, ``(N,)`` or ``(C, N)``, 16 kHz."""
        ...

    def event(self, event: Event, model: str) -> None:
        """Take a detection by the model of that name."""
        ...

    def end(self, summary: Summary) -> None:
        """Finish: the audio is over."""
        ...

    def abort(self) -> None:
        """Leave nothing half-done behind: something failed."""
        ...
