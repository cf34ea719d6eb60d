"""The one interface of sinks: what happens with audio, scores and detections."""

from __future__ import annotations

from dataclasses import dataclass

from kws.audio import FloatArray
from kws.runtime.detector import Event


@dataclass(frozen=True)
class Status:
    """How the listening goes, told after every block.

    Parameters
    ----------
    audio_s : float
        Audio heard so far.
    state : {"listening", "asleep", "muted", "waiting"}
        Asleep: the gate is closed. Muted: the own chime is playing. Waiting: the device delivers nothing.
    levels_db, floors_db : tuple of float
        Level of the last block and noise floor of each channel, in dB of full scale; empty where not measured.
    load : float
        Share of real time that the detectors took lately, 0 to 1 and beyond.
    age_s : float
        How old the newest audio was when it was decided; 0 for recordings.
    lost_samples, stale_events, stalls : int
        Counted from the start; as in :class:`Summary`.
    """

    audio_s: float = 0.0
    state: str = "listening"
    levels_db: tuple[float, ...] = ()
    floors_db: tuple[float, ...] = ()
    load: float = 0.0
    age_s: float = 0.0
    lost_samples: int = 0
    stale_events: int = 0
    stalls: int = 0


@dataclass(frozen=True)
class Summary:
    """What was listened to, told at the end.

    Parameters
    ----------
    audio_s : float
        Audio heard in seconds, without what was lost.
    lost_samples : int
        Samples (16 kHz) that never arrived, or came too late to be kept.
    stale_events : int
        Detections that were not told because their audio was too old.
    stalls : int
        Times at which the device stopped delivering.
    is_interrupted : bool
        Whether somebody waits for the program to end.
    """

    audio_s: float
    lost_samples: int
    stale_events: int = 0
    stalls: int = 0
    is_interrupted: bool = False


class Sink:
    """Told of everything in order; each method does nothing unless a sink has a use for it.

    For each block: `audio`, then `scores` and `event` for what was found in it, then `status`. At last `end` or
    `abort`, not both. No method may block: what takes time belongs into a thread of the sink's own.
    """

    mute_s: float = 0.0
    """How long the microphone hears this sink after an event; live audio is ignored for so long."""

    def audio(self, samples: FloatArray) -> None:
        """Take the next samples ``(C, N)`` of the source, 16 kHz."""

    def scores(self, scores: FloatArray, model: str) -> None:
        """Take the raw scores ``(C, T, K)`` that the model of that name gave."""

    def event(self, event: Event, model: str) -> None:
        """Take a detection by the model of that name."""

    def status(self, status: Status) -> None:
        """Take how it goes."""

    def notice(self, text: str) -> None:
        """Take one line that a person should know, such as that the microphone is gone."""

    def end(self, summary: Summary) -> None:
        """Finish: the audio is over."""

    def abort(self) -> None:
        """Leave nothing half-done behind: something failed."""
