"""Where detections go: JSON lines, text for people, a copy of the audio with chimes."""

from kws.runtime.sinks.base import Sink, Status, Summary
from kws.runtime.sinks.chimed import ChimedSink, chime
from kws.runtime.sinks.console import ConsoleSink
from kws.runtime.sinks.jsonl import JsonlSink

__all__ = ["ChimedSink", "ConsoleSink", "JsonlSink", "Sink", "Status", "Summary", "chime"]
