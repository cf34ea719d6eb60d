"""From the options of ``kws run`` to sinks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kws.errors import ConfigError, KwsError

if TYPE_CHECKING:
    from kws.audio import FloatArray
    from kws.runtime import Detector
    from kws.runtime.sinks import Sink
    from kws.runtime.sources import Source
    from kws.spec import ModelSpec


@dataclass(frozen=True)
class Actions:
    """What happens with audio, scores and detections: the options of that name."""

    chime: str
    commands: tuple[str, ...]
    mqtt: str | None
    webhook: str | None
    chimed: Path | None
    jsonl: bool
    view: bool
    plot: bool

    def __post_init__(self) -> None:
        if self.jsonl and self.view:
            raise ConfigError("--jsonl and --view were given; accepted is one of them")


def open_sinks(actions: Actions, detectors: Sequence[Detector], source: Source) -> list[Sink]:
    """Make the sinks; what was opened is aborted if a later one fails."""
    from kws.service.notify import ServiceSink

    specs = [detector.spec for detector in detectors]
    sinks: list[Sink] = []
    with ExitStack() as stack:
        # Called in turn, and each closed again if the next fails.
        for make in _makers(actions, specs, source):
            sink = make()
            if sink is not None:
                stack.callback(sink.abort)
                sinks.append(sink)
        service = ServiceSink.from_environment()
        if service is not None:
            sinks.append(service)
        stack.pop_all()
    if actions.view or actions.plot:
        for detector in detectors:
            _pass_scores(detector, sinks)
    return sinks


def _makers(actions: Actions, specs: Sequence[ModelSpec], source: Source) -> list[Callable[[], Sink | None]]:
    from kws.runtime import sinks

    # The chimed file first: the end is told when it is in its place. Then what shows, then what acts.
    makers: list[Callable[[], Sink | None]] = []
    chimed, mqtt, webhook = actions.chimed, actions.mqtt, actions.webhook
    if chimed is not None:
        makers.append(lambda: sinks.ChimedSink(chimed))
    makers.append(lambda: _display(actions, specs, source))
    if actions.plot:
        makers.append(lambda: _plot(specs, source))
    if actions.chime != "none":
        makers.append(lambda: _chime(actions.chime, source))
    for command in actions.commands:
        makers.append(lambda command=command: sinks.CommandSink(command))  # type: ignore[misc]
    if mqtt is not None:
        makers.append(lambda: sinks.MqttSink(mqtt))
    if webhook is not None:
        makers.append(lambda: sinks.WebhookSink(webhook))
    return makers


def _display(actions: Actions, specs: Sequence[ModelSpec], source: Source) -> Sink:
    from kws.runtime import sinks

    if actions.view:
        from kws.runtime.sinks.view import ViewSink

        return ViewSink(specs, source.name)
    return sinks.JsonlSink(sys.stdout) if actions.jsonl else sinks.ConsoleSink(sys.stdout, specs, source.name)


def _plot(specs: Sequence[ModelSpec], source: Source) -> Sink:
    from kws.runtime.sinks.plot import PlotSink

    return PlotSink(specs, source.name)


def _chime(wanted: str, source: Source) -> Sink | None:
    from kws.runtime.devices import open_backend
    from kws.runtime.sinks import ChimeSink
    from kws.runtime.sources.microphone import MicrophoneSource

    is_live = isinstance(source, MicrophoneSource)
    if wanted == "auto" and not is_live:
        return None
    wav = None if wanted in ("auto", "bell") else Path(wanted)
    try:
        return ChimeSink(source.backend if isinstance(source, MicrophoneSource) else open_backend(), wav)
    except KwsError:
        # Unasked, a machine without a loudspeaker is none the worse for it.
        if wanted != "auto":
            raise
        return None


def _pass_scores(detector: Detector, sinks: Sequence[Sink]) -> None:
    name = detector.spec.name

    def tell(scores: FloatArray) -> None:
        for sink in sinks:
            sink.scores(scores, name)

    detector.on_scores = tell


def log_to_stderr(is_verbose: bool) -> None:
    """Show warnings, or everything, as lines on stderr."""
    logging.basicConfig(level=logging.DEBUG if is_verbose else logging.WARNING, format="%(levelname)s: %(message)s")
