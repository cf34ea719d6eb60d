"""``kws export``: a checkpoint in, a self-describing model for a device out."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from export import ParityReport


class FrontEndPlace(str, enum.Enum):
    """Where samples become features."""

    INSIDE = "inside"
    OUTSIDE = "outside"


def export(
    checkpoint: Annotated[Path, typer.Argument(help="Checkpoint of `kws train`, such as runs/computer/best.pt.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    to: Annotated[str, typer.Option(help="Target format.")] = "onnx",
    front_end: Annotated[
        FrontEndPlace,
        typer.Option(help="Inside (the faster form): the file takes 16 kHz samples. Outside: it takes features."),
    ] = FrontEndPlace.INSIDE,
    audio: Annotated[
        list[Path] | None, typer.Option(help="Recording for the parity gate; may be given several times.")
    ] = None,
) -> None:
    """Write a trained network as one file, once it computes the same as the network in its own runtime.

    Examples:

        kws export runs/computer/best.pt --out computer.onnx --audio demo.wav

        kws export runs/computer/best.pt --to onnx --out computer.onnx --front-end outside
    """
    from export import export_model, load_trained
    from kws.audio import read_audio

    spec, model = load_trained(checkpoint)
    takes = {FrontEndPlace.INSIDE: "samples", FrontEndPlace.OUTSIDE: "features"}[front_end]
    recordings = [read_audio(path) for path in audio or []]
    report = export_model(spec, model, out, to, recordings, takes)
    _show(out, takes, report)


def _show(out: Path, takes: str, report: ParityReport) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("figure", "value", title=str(out))
    table.add_row("input", takes)
    table.add_row("size", f"{report.size_bytes / 1024:.0f} KiB")
    table.add_row("audio compared", f"{report.audio_s:.1f} s")
    table.add_row("largest score error", f"{report.max_score_error:.1e}")
    table.add_row("largest state error", f"{report.max_state_error:.1e}")
    table.add_row("events, all at the same steps", str(report.n_events))
    Console().print(table)
