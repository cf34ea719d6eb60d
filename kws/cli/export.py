"""``kws export``: a trained network in, self-describing files for devices out."""

from __future__ import annotations

import enum
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.errors import ConfigError, ParityError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console
    from rich.table import Table

    from export import ParityReport, Trained
    from kws.audio import FloatArray

ALL = "all"
SNR_DB = 10.0


class FrontEndPlace(str, enum.Enum):
    """Where samples become features."""

    INSIDE = "inside"
    OUTSIDE = "outside"


_TAKES = {FrontEndPlace.INSIDE: "samples", FrontEndPlace.OUTSIDE: "features"}


def export(
    checkpoint: Annotated[
        Path, typer.Argument(help="Checkpoint of `kws train`, such as runs/computer/best.pt, or graph file (.kws).")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder of the files, which are named after the model; with one --to also a file.")
    ],
    to: Annotated[
        list[str] | None,
        typer.Option(
            help="Target; may be given several times. `all` is every one, and --list says which there are. By default "
            "what the suffix of --out says, or onnx."
        ),
    ] = None,
    front_end: Annotated[
        FrontEndPlace | None,
        typer.Option(
            help="Inside: the file takes 16 kHz samples. Outside: it takes features. By default what the target does "
            "best."
        ),
    ] = None,
    audio: Annotated[
        list[Path] | None,
        typer.Option(
            help="Recording, or folder of recordings, with the word and without: for the parity gate and for the "
            "ranges of int8. May be given several times; by default the bundled recording."
        ),
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="Judge int8 files by what they miss, on the validation side of this recipe.")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the recipe's audio, instead of its own.")] = None,
    _list: Annotated[
        bool, typer.Option("--list", is_eager=True, callback=lambda wanted: _list_targets(wanted), help="List targets.")
    ] = False,
) -> None:
    """Write a trained network as files for devices, each once it computes the same as the network in its own runtime.

    A file that does not is not written, what stood in its place is untouched, and the exit code is 2.

    Examples:

        kws export runs/computer/best.pt --out exported --to all

        kws export runs/computer/best.pt --out computer.onnx --audio demo.wav

        kws export runs/computer/best.pt --to onnx --out computer.onnx --front-end outside

        kws export runs/computer/best.pt --to onnx-int8 --to tflite-int8 --out exported --recipe recipes/computer.toml
    """
    from export import export_each, export_model, open_trained

    targets, takes = _targets(to, out), _TAKES[front_end] if front_end else None
    if takes and ALL not in (to or ()):
        _require_input(targets, takes)
    if recipe is not None or data is not None:
        _require_judgeable(targets, recipe, data)
    trained = open_trained(checkpoint)
    recordings = load_recordings(audio)
    files, passed, failed = {}, {}, []
    if out.suffix:
        files[targets[0]], passed[out] = out, export_model(trained, out, targets[0], recordings, takes)
    else:
        for target, path, outcome in export_each(trained, out, targets, recordings, takes):
            if isinstance(outcome, ParityError):
                failed.append(str(outcome))
            else:
                files[target], passed[path] = path, outcome
    _show(trained, passed)
    if recipe is not None:
        _judge(trained, files, recordings, recipe, data)
    if failed:
        raise ParityError("; ".join(failed))


def load_recordings(paths: list[Path] | None) -> list[FloatArray]:
    """Read recordings and folders of them; the bundled one if there are none."""
    from kws.audio import read_audio
    from kws.cli.models import DEMO_RECORDING
    from kws.evaluate.recordings import find_recordings

    found = [find_recordings(path) if path.is_dir() else [path] for path in paths or [DEMO_RECORDING]]
    return [read_audio(path) for inside in found for path in inside]


def _judge(
    trained: Trained, files: Mapping[str, Path], recordings: list[FloatArray], recipe: Path, data: Path | None
) -> None:
    """Say what each int8 file misses beside the float one, and the range of every tensor."""
    from rich.console import Console

    from export.judged import judge_quantised
    from kws.cli.eval_material import Sources
    from kws.evaluate.trials import TrialSettings, make_trials

    console = Console()
    with console.status("making trials") as status:
        kinds = ("noise", "speech")
        material = Sources(recipe, data, kinds=kinds).load("val", trained.spec.keywords, status.update)
        trials = make_trials(material, TrialSettings((SNR_DB,), (SNR_DB,)))
    for path, report in judge_quantised(trained, files, trials, recordings):
        lines = [f"\n{path.name}, beside the float network on the validation side of {recipe}:", *report.lines()]
        if not report.is_within_bound:
            lines.append("Fine-tune for int8: kws train RECIPE --qat CHECKPOINT --out DIR")
        for line in lines:
            console.print(line, highlight=False, soft_wrap=True, markup=False)


def _targets(names: list[str] | None, out: Path) -> list[str]:
    from export import EXPORTERS
    from kws.config import require_one_of

    by_suffix = [name for name, exporter in EXPORTERS.items() if exporter.suffix == out.suffix]
    for name in names or ():
        require_one_of("target", name, (*EXPORTERS, ALL))
    chosen = list(EXPORTERS) if ALL in (names or ()) else list(dict.fromkeys(names or by_suffix or ["onnx"]))
    accepted = "." + EXPORTERS[chosen[0]].suffix.rpartition(".")[2]
    if out.suffix and (len(chosen) > 1 or out.suffix != accepted):
        what = "a folder, without a suffix" if len(chosen) > 1 else f"a folder, or a file that ends in {accepted}"
        raise ConfigError(f"--out is {out}; accepted for {', '.join(chosen)} is {what}")
    return chosen


def _require_input(targets: list[str], takes: str) -> None:
    from export import EXPORTERS

    places = {takes: place.value for place, takes in _TAKES.items()}
    for target in targets:
        accepted = EXPORTERS[target].inputs
        if takes not in accepted:
            words = " and ".join(places[name] for name in accepted)
            raise ConfigError(f"--front-end is {places[takes]}; accepted for {target} is {words}")


def _require_judgeable(targets: list[str], recipe: Path | None, data: Path | None) -> None:
    """Raise before anything is written if there will be nothing to judge, or nothing to judge by."""
    from export import EXPORTERS
    from kws.train.recipe import load_recipe

    if recipe is None:
        raise ConfigError(f"--data is {data}, without --recipe: it is the folder of the recipe's audio")
    load_recipe(recipe, data)
    judged = [name for name, exporter in EXPORTERS.items() if exporter.is_quantised and exporter.is_for_detectors]
    if not set(targets) & set(judged):
        raise ConfigError(f"--recipe judges int8 files; accepted are --to {', '.join(judged)}")


def _list_targets(is_wanted: bool) -> None:
    if not is_wanted:
        return
    from rich.console import Console
    from rich.table import Table

    from export import EXPORTERS

    table = Table("--to", "file", "what it is", "proven in")
    for name, exporter in EXPORTERS.items():
        table.add_row(name, f"NAME{exporter.suffix}", exporter.title, ", ".join(exporter.runtimes))
    Console().print(table)
    raise typer.Exit


def parity_table(title: str) -> Table:
    """Return an empty table for :func:`parity_row`, narrow enough for a terminal of 80 columns."""
    from rich import box
    from rich.table import Column, Table

    names = ("file", "takes", "KiB", "runtime", "error", "state", "events", "us")
    columns = [Column(name, no_wrap=True, min_width=len("9999")) for name in names]
    table = Table(*columns, title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.padding = (0, 1, 0, 0)
    return table


def parity_row(path: Path, runtime: str, report: ParityReport) -> tuple[str, ...]:
    """Return what the gate measured as cells."""
    state = "-" if math.isnan(report.max_state_error) else f"{report.max_state_error:.0e}"
    events = f"{report.n_events}{'' if report.events_equal else ' differ'}"
    size, step = f"{report.size_bytes / 1024:.0f}", "-" if math.isnan(report.step_us) else f"{report.step_us:.0f}"
    return path.name, report.model_input, size, runtime, f"{report.max_score_error:.0e}", state, events, step


def _show(trained: Trained, files: Mapping[Path, Mapping[str, ParityReport]]) -> None:
    from rich.console import Console

    reports = [report for by_runtime in files.values() for report in by_runtime.values()]
    if not reports:
        return
    step_ms, state_bytes = 1000 * trained.spec.step_s, max(report.state_bytes for report in reports)
    table = parity_table(f"Computes what {trained.spec.name} does on {reports[0].audio_s:.1f} s of audio")
    for path, by_runtime in files.items():
        for runtime, report in by_runtime.items():
            table.add_row(*parity_row(path, runtime, report))
    console = Console()
    console.print(table)
    console.print(
        f"us: microseconds a step, which is {step_ms:g} ms of audio and {trained.graph.macs_per_step:,} "
        f"multiply-accumulates without the front-end; states take {state_bytes:,} bytes a channel."
    )
    _show_unproven(console, files)


def _show_unproven(console: Console, files: Mapping[Path, Mapping[str, ParityReport]]) -> None:
    """Say in which runtimes of devices nothing was proven, because they are not installed."""
    from export import EXPORTERS
    from export.runtimes import MissingRuntimeError, python_of

    wanted = {
        name
        for exporter in EXPORTERS.values()
        for path, reports in files.items()
        for name in exporter.further
        if path.name.endswith(exporter.suffix) and name not in reports
    }
    for runtime in sorted(wanted):
        try:
            python_of(runtime)
        except MissingRuntimeError as error:
            console.print(f"Not proven there: {error}", highlight=False, markup=False, soft_wrap=True)
