"""``kws eval``: what a model misses and what it fires at by mistake, with intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from kws.cli.eval_material import KINDS, Sources
from kws.cli.eval_output import STDOUT, show
from kws.cli.eval_parts import Asked, Choice, as_model_files, evaluate_all
from kws.cli.models import DEFAULT_MODEL, PatienceOption, RefractoryOption, ThresholdOption, parse_rules
from kws.config import require_one_of
from kws.files import require_place

_DATA, _TRIALS, _THRESHOLD, _OUTPUT = "Recordings", "Trials", "Threshold", "Output"


def _folders(help_text: str, panel: str = _DATA) -> Any:
    return typer.Option(metavar="DIR", help=help_text, rich_help_panel=panel)


def eval(
    models: Annotated[
        list[Path] | None,
        typer.Argument(help='Models (.onnx, .tflite, .kws) or checkpoints (.pt). By default "computer".'),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="A training recipe: its validation side.", rich_help_panel=_DATA)
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Instead of the recipe's data.root.", rich_help_panel=_DATA)] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(metavar="[WORD=]DIR", help="Recordings of the word, one each.", rich_help_panel=_DATA),
    ] = None,
    negatives: Annotated[list[Path] | None, _folders("Recordings without the word; a set each.")] = None,
    noise: Annotated[list[Path] | None, _folders("Noise to lay under words.")] = None,
    speech: Annotated[list[Path] | None, _folders("Speech to lay under words; by default of the negatives.")] = None,
    rirs: Annotated[list[Path] | None, _folders("Impulse responses of rooms.")] = None,
    report_on: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Split that is reported.", rich_help_panel=_DATA)
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="KIND", help=f"Only these: {', '.join(KINDS)}.", rich_help_panel=_TRIALS),
    ] = None,
    snr: Annotated[
        list[float] | None,
        typer.Option(metavar="DB", help="Word over noise; by default 20, 10, 5, 0.", rich_help_panel=_TRIALS),
    ] = None,
    speech_snr: Annotated[
        list[float] | None,
        typer.Option(metavar="DB", help="Word over other speech; by default 10.", rich_help_panel=_TRIALS),
    ] = None,
    rooms: Annotated[
        int | None,
        typer.Option(help="Rooms to simulate; by default 12, if pyroomacoustics is there.", rich_help_panel=_TRIALS),
    ] = None,
    mixes: Annotated[
        int | None,
        typer.Option(help="Trials of a recording and condition; by default 250 in all.", rich_help_panel=_TRIALS),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of all that is drawn.", rich_help_panel=_TRIALS)] = 1,
    threshold: ThresholdOption = None,
    patience: PatienceOption = None,
    refractory: RefractoryOption = None,
    fa_per_h: Annotated[
        float | None,
        typer.Option(help="Choose the lowest threshold with at most this rate.", rich_help_panel=_THRESHOLD),
    ] = None,
    choose_on: Annotated[
        str | None, typer.Option(metavar="SPLIT", help="Choose it on this split.", rich_help_panel=_THRESHOLD)
    ] = None,
    choose_on_folder: Annotated[list[Path] | None, _folders("Choose it on this, without the word.", _THRESHOLD)] = None,
    cross_fit: Annotated[
        bool,
        typer.Option(
            "--cross-fit", help="Choose it on half of the speakers for the other half.", rich_help_panel=_THRESHOLD
        ),
    ] = False,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Misses by speaker, rir, distance_m, gender, ...", rich_help_panel=_OUTPUT),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="All figures; - is stdout.", rich_help_panel=_OUTPUT)
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Plots and clips as one HTML file.", rich_help_panel=_OUTPUT)
    ] = None,
    processes: Annotated[int | None, typer.Option(help="Processes that listen; by default one a core.")] = None,
) -> None:
    """Count what a model misses and what it fires at by mistake.

    Examples:

        kws eval my-word.onnx --words said --negatives radio --noise kitchen --report my-word.html

        kws eval --recipe recipes/computer.toml --data recordings --negatives wuw2 --fa-per-h 0.5 --cross-fit

        kws eval old.onnx new.onnx --words said --negatives radio --json figures.json
    """
    paths = models or [DEFAULT_MODEL]
    rules = parse_rules(threshold or (), patience or (), refractory or (), len(paths))
    for kind in kinds or ():
        require_one_of("--with", kind, KINDS)
    sources = Sources(
        recipe,
        data,
        tuple(words or ()),
        tuple(negatives or ()),
        tuple(noise or ()),
        tuple(speech or ()),
        tuple(rirs or ()),
        tuple(kinds or KINDS),
    )
    choice = Choice(fa_per_h, choose_on, tuple(choose_on_folder or ()), cross_fit)
    choice.check(report_on, bool(rules.for_word or any(t is not None for t in rules.thresholds)))
    asked = Asked(snr, speech_snr, rooms, mixes, seed)
    for place in (json_file, report):
        if place is not None and place != STDOUT:
            require_place(place)
    with as_model_files(paths) as files:
        found = evaluate_all(paths, files, rules, sources, report_on, choice, asked, processes)
        show(found, tuple(by or ()), json_file, report)
