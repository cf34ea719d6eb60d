"""``kws verify``: the parity gate for a model file that is there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kws.errors import ParityError


def verify(
    model: Annotated[Path, typer.Argument(help="Model file, such as computer.tflite.")],
    against: Annotated[
        Path, typer.Option(help="What it must compute: the checkpoint it was made from, or a model file of any format.")
    ],
    audio: Annotated[
        list[Path] | None,
        typer.Option(
            help="Recording, or folder of recordings; may be given several times. By default the bundled one."
        ),
    ] = None,
    max_error: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=1.0,
            help="Largest accepted error of a score. By default that of float32: 0.0001, with the front-end inside "
            "0.005. int8 needs more, such as 0.3.",
        ),
    ] = None,
) -> None:
    """Compare a model file with what it was made from, on real audio, in every runtime for its format.

    Events must be the same, and scores within the bound; otherwise the exit code is 2. Nothing is written.

    Examples:

        kws verify computer.tflite --against runs/computer/best.pt

        kws verify computer.onnx --against computer.tflite --audio recordings

        kws verify computer-int8.tflite --against computer.kws --max-error 0.3
    """
    from rich.console import Console

    from export.parity import judge
    from export.verify import verify as compare
    from kws.cli.export import load_recordings, parity_row, parity_table

    reports, tolerance = compare(model, against, load_recordings(audio), max_error)
    audio_s = next(iter(reports.values())).audio_s
    table = parity_table(f"{model} against {against}: {audio_s:.1f} s of audio compared")
    failed = []
    for runtime, report in reports.items():
        table.add_row(*parity_row(model, runtime, report))
        try:
            judge(report, tolerance)
        except ParityError as error:
            failed.append(f"{runtime}: {error}")
    Console().print(table)
    if failed:
        hint = "" if max_error is not None else " (a file with int8 inside needs --max-error 0.3)"
        raise ParityError(f"{model}: {'; '.join(failed)}{hint}")
