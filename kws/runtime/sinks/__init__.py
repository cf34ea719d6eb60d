"""Where detections go: to people, to files, to the loudspeaker, to other programs and machines."""

from kws.runtime.sinks.base import Sink, Status, Summary
from kws.runtime.sinks.callback import CallbackSink
from kws.runtime.sinks.chimed import ChimedSink, chime
from kws.runtime.sinks.command import CommandSink
from kws.runtime.sinks.console import ConsoleSink
from kws.runtime.sinks.jsonl import JsonlSink
from kws.runtime.sinks.mqtt import MqttSink
from kws.runtime.sinks.player import ChimeSink
from kws.runtime.sinks.webhook import WebhookSink

__all__ = [
    "CallbackSink",
    "ChimeSink",
    "ChimedSink",
    "CommandSink",
    "ConsoleSink",
    "JsonlSink",
    "MqttSink",
    "Sink",
    "Status",
    "Summary",
    "WebhookSink",
    "chime",
]
