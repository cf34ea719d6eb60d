"""``kws record``: takes of a word, the sound of a room, or a long recording cut into takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kws.cli.microphone_options import MICROPHONE, BackendOption, DeviceOption
from kws.cli.record_parts import Order, cut_file, record_live


def record(
    word: Annotated[str, typer.Argument(metavar="[WORD]", help="What is said; not with --background.")] = "",
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the recordings and manifest.csv; it may exist.")
    ] = Path("recordings"),
    takes: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Stop when there are so many, earlier ones included.")
    ] = None,
    speaker: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who speaks; asked for where it is not given.")
    ] = None,
    room: Annotated[str, typer.Option(metavar="NOTE", help="Where: kitchen, car, 2 m away.")] = "",
    background: Annotated[bool, typer.Option("--background", help="Record the room, without words.")] = False,
    seconds: Annotated[float, typer.Option(metavar="S", help="How long to record the room.")] = 60.0,
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Cut this recording into takes, hours of it.")
    ] = None,
    device: DeviceOption = "",
    backend: BackendOption = "pyaudio",
    channels: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Channels to open; by default as many as it has.", min=1, rich_help_panel=MICROPHONE
        ),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", "-v", help="Show what the sound drivers write.", rich_help_panel=MICROPHONE),
    ] = False,
) -> None:
    """Record a word over and over: each take begins and ends by itself, is judged, and is written at once.

    Keys: p plays the last take, r records it again, u takes it back, space pauses, q stops. Where no terminal is typed
    at, lines with these letters or names do. Run it again, and it goes on counting.

    Examples:

        kws record computer

        kws record "hey marvin" --out recordings --speaker anna --room kitchen --takes 50

        kws record --background --seconds 120 --room kitchen

        kws record computer --from memo.flac --speaker anna
    """
    order = Order(word, out, takes, speaker, room, background, seconds, from_file, device, backend, channels, verbose)
    if from_file is not None:
        cut_file(order)
    else:
        record_live(order)
