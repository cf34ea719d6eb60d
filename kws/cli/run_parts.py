"""From the options of ``kws run`` to sinks."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from kws.audio import read_audio
from kws.cli.models import DEFAULT_MODEL, Rules, parse_rules
from kws.errors import ConfigError, KwsError

if TYPE_CHECKING:
    from kws.audio import FloatArray
    from kws.runtime import Detector
    from kws.runtime.listen import ListenOptions
    from kws.runtime.sinks import Sink
    from kws.runtime.sources import Source, SourceOptions
    from kws.spec import ModelSpec


@dataclass(frozen=True)
class Actions:
    """What happens with audio, scores and detections: the options of that name."""

    chime: str
    waits: bool
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


@dataclass(frozen=True)
class Setup:
    """All that the options of ``kws run`` say, checked as far as it can be without opening anything."""

    models: list[Path]
    rules: Rules
    actions: Actions
    listening: ListenOptions
    source: SourceOptions


def prepare(
    *,
    model: list[Path] | None,
    threshold: list[str] | None,
    patience: list[str] | None,
    refractory: list[str] | None,
    source: str | None,
    rate: int,
    channels: str,
    gate: bool,
    max_seconds: float | None,
    device: str,
    backend: str,
    wait: bool,
    max_age: float,
    chime: str,
    command: list[str] | None,
    mqtt: str | None,
    webhook: str | None,
    chimed: Path | None,
    jsonl: bool,
    view: bool,
    plot: bool,
) -> Setup:
    """Check the options of ``kws run``, which have these names.

    Raises
    ------
    ConfigError
        If a value is not accepted, or two do not go together.
    """
    from kws.runtime.channels import ChannelPlan
    from kws.runtime.listen import ListenOptions
    from kws.runtime.sources import SourceOptions

    models = model or [DEFAULT_MODEL]
    rules = parse_rules(threshold or [], patience or [], refractory or [], len(models))
    plan = ChannelPlan.parse(channels)
    actions = Actions(chime, wait, tuple(command or ()), mqtt, webhook, chimed, jsonl, view, plot)
    listening = ListenOptions(plan, gate, has_levels=view, max_age_s=max_age, max_s=max_seconds)
    n_channels = plan.min_channels if plan.names_channels else None
    options = SourceOptions(raw_rate_hz=rate, device=device, backend=backend, n_channels=n_channels, waits=wait)
    if source is not None and device:
        raise ConfigError("--device and --source were given; accepted is one of them")
    _check_overwrite(chimed, source)
    return Setup(models, rules, actions, listening, options)


def _check_overwrite(chimed: Path | None, source: str | None) -> None:
    if chimed is not None and source is not None and chimed.exists() and chimed.resolve() == Path(source).resolve():
        raise ConfigError(f"--chimed {chimed} is the source itself; accepted is another file")


def open_window(actions: Actions, detectors: Sequence[Detector]) -> list[Sink]:
    """Open the window of ``--plot``, if it is wanted."""
    if not actions.plot:
        return []
    from kws.runtime.sinks.plot import PlotSink

    specs = [detector.spec for detector in detectors]
    return [PlotSink(specs, f"Listening for {', '.join(word for spec in specs for word in spec.keywords)}")]


def open_sinks(
    actions: Actions, detectors: Sequence[Detector], source: Source, opened: Sequence[Sink] = ()
) -> list[Sink]:
    """Make the sinks, those already `opened` among them; all are aborted if one fails."""
    sinks: list[Sink] = list(opened)
    with ExitStack() as stack:
        for sink in opened:
            stack.callback(sink.abort)
        for make in _makers(actions, [detector.spec for detector in detectors], source):
            made = make()
            if made is not None:
                stack.callback(made.abort)
                sinks.append(made)
        stack.pop_all()
    if actions.view or actions.plot:
        for detector in detectors:
            _pass_scores(detector, sinks)
    return sinks


def _makers(actions: Actions, specs: Sequence[ModelSpec], source: Source) -> list[Callable[[], Sink | None]]:
    from kws.runtime import sinks
    from kws.service.notify import ServiceSink

    # The chimed file first: the end is told when it is in its place. Then what shows, then what acts.
    makers: list[Callable[[], Sink | None]] = []
    chimed = actions.chimed
    if chimed is not None:
        makers.append(lambda: sinks.ChimedSink(chimed))
    makers.append(lambda: _display(actions, specs, source))
    if actions.chime != "none":
        makers.append(lambda: _chime(actions.chime, actions.waits, source))
    return [*makers, *_message_makers(actions), ServiceSink.from_environment]


def _message_makers(actions: Actions) -> list[Callable[[], Sink]]:
    """Return what makes the sinks that tell other programs and machines."""
    from kws.runtime import sinks

    makers: list[Callable[[], Sink]] = [partial(sinks.CommandSink, command) for command in actions.commands]
    if actions.mqtt is not None:
        makers.append(partial(sinks.MqttSink, actions.mqtt))
    if actions.webhook is not None:
        makers.append(partial(sinks.WebhookSink, actions.webhook))
    return makers


def check_actions(actions: Actions) -> None:
    """Raise what making the actions would raise, as far as that needs no sound device."""
    for make in _message_makers(actions):
        make().abort()
    if actions.chime not in ("auto", "bell", "none"):
        read_audio(actions.chime)


def _display(actions: Actions, specs: Sequence[ModelSpec], source: Source) -> Sink:
    from kws.runtime import sinks

    if actions.view:
        from kws.runtime.sinks.view import ViewSink

        return ViewSink(specs, source.name)
    return sinks.JsonlSink(sys.stdout) if actions.jsonl else sinks.ConsoleSink(sys.stdout, specs, source.name)


def _chime(wanted: str, waits: bool, source: Source) -> Sink | None:
    from kws.runtime.devices import open_backend
    from kws.runtime.sinks import ChimeSink
    from kws.runtime.sources.microphone import MicrophoneSource

    is_live = isinstance(source, MicrophoneSource)
    if wanted == "auto" and not is_live:
        return None
    wav = None if wanted in ("auto", "bell") else Path(wanted)
    try:
        return ChimeSink(source.backend if isinstance(source, MicrophoneSource) else open_backend(), wav, waits)
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


def show_logs(is_verbose: bool, actions: Actions, sinks: Sequence[Sink]) -> None:
    """Show warnings, or everything, on stderr, or within the live display where there is one."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if actions.view:
        from kws.runtime.sinks.view import NoticeHandler, ViewSink

        handlers = [NoticeHandler(sink) for sink in sinks if isinstance(sink, ViewSink)]
    level = logging.DEBUG if is_verbose else logging.WARNING
    logging.basicConfig(level=level, format="%(levelname)s: %(message)s", handlers=handlers)
