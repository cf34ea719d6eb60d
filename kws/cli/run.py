"""``kws run``: listen, and say when a keyword was heard."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli import VersionOption
from kws.cli.microphone_options import MICROPHONE, BackendOption, DeviceOption
from kws.cli.models import ModelOption, PatienceOption, RefractoryOption, ThresholdOption
from kws.errors import MissingPackageError, SourceError

if TYPE_CHECKING:
    from kws.runtime.sources import Source, SourceOptions

_ACTIONS = "When a keyword is heard"
_DISPLAY = "Display"


def run(
    model: ModelOption = None,
    threshold: ThresholdOption = None,
    patience: PatienceOption = None,
    refractory: RefractoryOption = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-", help="Recording, or - for raw 16-bit mono PCM or WAV on stdin. By default the microphone."
        ),
    ] = None,
    rate: Annotated[int, typer.Option(metavar="HZ", help="Sample rate of raw PCM on stdin.")] = 16_000,
    channels: Annotated[
        str,
        typer.Option(
            metavar="auto|all|0,2|vote|max|mean|best|beam",
            help="What to do with several; also 0-3, max:0,2.",
        ),
    ] = "auto",
    gate: Annotated[bool, typer.Option("--gate", help="Let the model sleep in silence.")] = False,
    max_seconds: Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop after that long.")] = None,
    device: DeviceOption = "",
    backend: BackendOption = "pyaudio",
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for it if it is not there yet.", rich_help_panel=MICROPHONE)
    ] = False,
    max_age: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Tell nothing heard longer ago than this.", rich_help_panel=MICROPHONE),
    ] = 1.0,
    demo_if_no_microphone: Annotated[
        bool,
        typer.Option(
            "--demo-if-no-microphone",
            help="Without a microphone listen to the bundled recording.",
            rich_help_panel=MICROPHONE,
        ),
    ] = False,
    chime: Annotated[
        str,
        typer.Option(
            metavar="auto|bell|none|FILE",
            help="Sound to play. Auto: a bell, if the microphone is listened to and there is a loudspeaker.",
            rich_help_panel=_ACTIONS,
        ),
    ] = "auto",
    command: Annotated[
        list[str] | None,
        typer.Option(
            "--exec",
            metavar="COMMAND",
            help="Program to start (no shell); {keyword}, {score}, {time}, {time_s}, {channel}, {model} are filled in.",
            rich_help_panel=_ACTIONS,
        ),
    ] = None,
    mqtt: Annotated[
        str | None,
        typer.Option(metavar="mqtt://HOST/TOPIC", help="Broker to publish to.", rich_help_panel=_ACTIONS),
    ] = None,
    webhook: Annotated[
        str | None, typer.Option(metavar="URL", help="Address to POST JSON to.", rich_help_panel=_ACTIONS)
    ] = None,
    chimed: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the audio with a chime laid over each detection.", rich_help_panel=_ACTIONS
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Write one JSON object a line.", rich_help_panel=_DISPLAY)
    ] = False,
    view: Annotated[
        bool, typer.Option("--view", help="Show levels, scores and detections live.", rich_help_panel=_DISPLAY)
    ] = False,
    plot: Annotated[
        bool,
        typer.Option("--plot", help="Open a window with a scrolling spectrogram and scores.", rich_help_panel=_DISPLAY),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show what the sound drivers write.", rich_help_panel=_DISPLAY)
    ] = False,
    version: VersionOption = False,
) -> None:
    """Listen to the microphone, a recording or a pipe, and say when a keyword was heard.

    Examples:

        python run.py

        python run.py --view --device usb --channels 0,1

        python run.py --exec 'notify-send {keyword} {score}' --mqtt mqtt://broker.local/home/wake

        python run.py --source meeting.flac --chimed meeting-chimed.wav

        python run.py --model computer.onnx --model stop.onnx --threshold 0.6 --threshold stop=0.8 --source talk.wav

        arecord -q -f S16_LE -r 16000 -c 1 | python run.py --source - --jsonl
    """
    from kws.cli.models import open_detectors
    from kws.cli.run_parts import open_sinks, open_window, prepare, show_logs
    from kws.runtime.devices.quiet import quiet_drivers
    from kws.runtime.listen import listen

    # Cheap checks first: what is wrong is said before anything is loaded.
    setup = prepare(
        model=model,
        threshold=threshold,
        patience=patience,
        refractory=refractory,
        source=source,
        rate=rate,
        channels=channels,
        gate=gate,
        max_seconds=max_seconds,
        device=device,
        backend=backend,
        wait=wait,
        max_age=max_age,
        chime=chime,
        command=command,
        mqtt=mqtt,
        webhook=webhook,
        chimed=chimed,
        jsonl=jsonl,
        view=view,
        plot=plot,
    )
    detectors = open_detectors(setup.models, setup.rules, setup.listening.plan.fusion)
    with ExitStack() as stack:
        stack.enter_context(quiet_drivers(not verbose))
        # The window takes a second to open: before the microphone listens.
        window = open_window(setup.actions, detectors)
        opened = stack.enter_context(_open_source(source, setup.source, demo_if_no_microphone, is_watched=view or plot))
        sinks = open_sinks(setup.actions, detectors, opened, window)
        show_logs(verbose, setup.actions, sinks)
        listen(opened, detectors, sinks, setup.listening)


def _open_source(address: str | None, options: SourceOptions, use_demo: bool, is_watched: bool) -> Source:
    from kws.cli.models import DEMO_RECORDING
    from kws.runtime.sources import PacedSource, open_source

    try:
        opened = open_source(address, options)
    except (SourceError, MissingPackageError) as error:
        if address is not None or options.device or not use_demo:
            raise
        typer.echo(f"No microphone ({error}). Listening to the bundled recording instead.", err=True)
        address = str(DEMO_RECORDING)
        opened = open_source(address, options)
    is_recording = address is not None and address != "-"
    return PacedSource(opened) if is_recording and is_watched else opened
