"""``kws run``: listen, and say when a keyword was heard."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import kws
from kws.cli import VersionOption
from kws.errors import ConfigError, MissingPackageError, SourceError

if TYPE_CHECKING:
    from kws.runtime import Detector
    from kws.runtime.sinks import Sink
    from kws.runtime.sources import Source, SourceOptions

ASSETS = Path(kws.__file__).parent / "assets"
DEFAULT_MODEL = ASSETS / "computer.onnx"
DEMO_RECORDING = ASSETS / "demo.flac"


def run(
    model: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help='Model; may be given several times. By default "computer".'),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-", help="Recording, or - for raw 16-bit mono PCM or WAV on stdin. By default the microphone."
        ),
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Write one JSON object a line.")] = False,
    threshold: Annotated[
        list[float] | None,
        typer.Option(metavar="0..1", help="Instead of the models' own: once for all, or once a model, in order."),
    ] = None,
    chimed: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the audio with a chime laid over each detection.")
    ] = None,
    demo_if_no_microphone: Annotated[
        bool, typer.Option("--demo-if-no-microphone", help="Without a microphone listen to the bundled recording.")
    ] = False,
    channels: Annotated[str, typer.Option(metavar="mono|all", help="Mix the channels, or hear each one.")] = "mono",
    rate: Annotated[int, typer.Option(metavar="HZ", help="Sample rate of raw PCM on stdin.")] = 16_000,
    version: VersionOption = False,
) -> None:
    """Listen to the microphone, a recording or a pipe, and say when a keyword was heard.

    Examples:

        python run.py

        python run.py --source meeting.flac --chimed meeting-chimed.wav

        python run.py --model computer.onnx --model stop.onnx --threshold 0.6 --threshold 0.8 --source talk.wav

        arecord -q -f S16_LE -r 16000 -c 1 | python run.py --source - --jsonl
    """
    from kws.runtime.listen import listen
    from kws.runtime.sources import SourceOptions

    # Cheap checks first: what is wrong is said before anything is loaded.
    models = model or [DEFAULT_MODEL]
    thresholds = _thresholds(threshold or [], len(models))
    options = SourceOptions(channels=channels, raw_rate_hz=rate)
    _check_overwrite(chimed, source)
    detectors = _open_detectors(models, thresholds)
    with ExitStack() as stack:
        opened = stack.enter_context(_open_source(source, options, demo_if_no_microphone))
        listen(opened, detectors, _open_sinks(detectors, opened, jsonl, chimed))


def _thresholds(given: Sequence[float], n_models: int) -> list[float | None]:
    from kws.config import require

    for value in given:
        require("threshold", value, 0.0, 1.0)
    if len(given) not in (0, 1, n_models):
        raise ConfigError(
            f"--threshold was given {len(given)} times for {n_models} models; accepted is 1 or {n_models}"
        )
    return list(given) if len(given) == n_models else [given[0] if given else None] * n_models


def _check_overwrite(chimed: Path | None, source: str | None) -> None:
    if chimed is not None and source is not None and chimed.exists() and chimed.resolve() == Path(source).resolve():
        raise ConfigError(f"--chimed {chimed} is the source itself; accepted is another file")


def _open_detectors(models: Sequence[Path], thresholds: Sequence[float | None]) -> list[Detector]:
    from kws.runtime import Detector

    return [Detector.open(path, threshold) for path, threshold in zip(models, thresholds, strict=True)]


def _open_source(address: str | None, options: SourceOptions, use_demo: bool) -> Source:
    from kws.runtime.sources import open_source

    try:
        return open_source(address, options)
    except (SourceError, MissingPackageError) as error:
        if address is not None or not use_demo:
            raise
        typer.echo(f"No microphone ({error}). Listening to the bundled recording instead.", err=True)
        return open_source(str(DEMO_RECORDING), options)


def _open_sinks(detectors: Sequence[Detector], source: Source, jsonl: bool, chimed: Path | None) -> list[Sink]:
    from kws.runtime.sinks import ChimedSink, ConsoleSink, JsonlSink

    # The file first: the end is told when it is in its place.
    sinks: list[Sink] = [] if chimed is None else [ChimedSink(chimed)]
    specs = [detector.spec for detector in detectors]
    sinks.append(JsonlSink(sys.stdout) if jsonl else ConsoleSink(sys.stdout, specs, source.name))
    return sinks
