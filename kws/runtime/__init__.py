"""Live detection: a source of audio, a `Detector`, and sinks for its events. Never imports torch."""

from kws.runtime.detector import Detector, Event
from kws.runtime.runner import RUNNERS, Runner, open_runner
from kws.runtime.scorer import Scorer

__all__ = ["RUNNERS", "Detector", "Event", "Runner", "Scorer", "open_runner"]
