"""``kws train``: a recipe in, a self-describing ONNX model out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from kws.train.loop import StepReport, Trainer
    from kws.train.recipe import Recipe
    from kws.train.session import MakeStreams, Session

_MIN_WORDS = 20
_MIN_HOURS = 0.2


def train(
    recipe: Annotated[Path, typer.Argument(help="TOML recipe: folders, network, training.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, curves and the model.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the audio, instead of the recipe's data.root.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes that make batches.")] = None,
) -> None:
    """Train the network that a recipe describes and export it.

    Examples:

        kws train recipes/computer.toml --out runs/computer

        kws train recipes/computer.toml --out runs/computer --resume

        kws train my-word.toml --data ~/recordings --out runs/my-word
    """
    from rich.console import Console

    console = Console(stderr=True)
    session = _open(recipe, data, out, resume, workers, console)
    _train(session, resume, console)
    _export(session, console)


def _open(path: Path, data: Path | None, out: Path, resume: bool, workers: int | None, console: Console) -> Session:
    import dataclasses

    from kws.train.corpus import load_corpus
    from kws.train.recipe import load_recipe
    from kws.train.session import Session, prepare_folder

    recipe = load_recipe(path, data)
    if workers is not None:
        recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, workers=workers))
    make_streams = _make_streams(recipe)
    prepare_folder(out, resume)
    return Session(recipe, load_corpus(recipe.data), make_streams, out)


def _make_streams(recipe: Recipe) -> MakeStreams:
    from data_tools.synthesize import StreamSynthesizer, SynthesisConfig
    from kws.config import from_dict
    from kws.train.augment import AugmentationChain

    # Every setting is checked before anything is loaded.
    config = from_dict(SynthesisConfig, recipe.synthesis, "synthesis")
    AugmentationChain.from_dict(recipe.augment)

    def make(material: Any, hook: Any) -> StreamSynthesizer:
        return StreamSynthesizer(
            material.keywords, material.negatives, material.noise, material.talkers, config, clip_transform=hook
        )

    return make


def _train(session: Session, resume: bool, console: Console) -> None:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with console.status("arranging the data"):
        run = session.prepare(resume)
    console.print(_headline(session, run.trainer))
    columns = [
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    ]
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("first batch", total=session.recipe.training.steps, completed=run.trainer.step)

        def on_progress(progress: StepReport) -> None:
            bar.update(task, completed=progress.step, description=f"loss {progress.loss:.3f}")
            if progress.outcome is not None:
                console.print(_epoch_line(progress))

        try:
            run.train(session.recipe.training.workers, on_progress)
        except KeyboardInterrupt:
            bar.stop()
            console.print(f"stopped and saved; go on with: kws train RECIPE --out {session.out} --resume")
            raise


def _headline(session: Session, trainer: Trainer) -> str:
    counts = session.corpus.train.summary
    words = ", ".join(f"{c['clips']} clips of {k!r}" for k, c in counts["keywords"].items())  # type: ignore[attr-defined]
    negatives = counts["negatives"]["hours"]  # type: ignore[index]
    return f"{words}, {negatives:.2f} h of other speech; {trainer.n_parameters:,} parameters"


def _epoch_line(progress: StepReport) -> str:
    outcome = progress.outcome
    assert outcome is not None
    parts = [f"{name} {c.n_misses}/{c.n_words} missed" for name, c in outcome.misses.items()]
    negatives = outcome.negatives
    return (
        f"step {progress.step}: {', '.join(parts)}; {negatives.n_false_accepts} false accepts in "
        f"{negatives.hours:.2f} h (cost {outcome.cost:.4f})"
    )


def _export(session: Session, console: Console) -> None:
    from export import export_model, load_trained
    from kws.train.loop import BEST

    spec, model = load_trained(session.out / BEST)
    path = session.out / f"{spec.name}.onnx"
    report = export_model(spec, model, path, "onnx", session.parity_audio())
    for warning in _warnings(spec.training):
        console.print(f"[bold]careful:[/bold] {warning}")
    thresholds = ", ".join(f"{k} {spec.decision_of(k).threshold:.4f}" for k in spec.keywords)
    console.print(
        f"{path}: {report.size_bytes / 1024:.0f} KiB, threshold {thresholds}, parity {report.max_score_error:.1e}"
    )
    console.print(f"try it: python run.py --model {path} --source FILE")


def _warnings(training: dict[str, Any]) -> list[str]:
    """Return what makes the figures of a run unreliable, or the model useless."""
    found = training["validation"]
    words, missed, hours = found["words"].get("clean", 0), found["missed"].get("clean", 0), found["negative_hours"]
    result = []
    if missed > words / 2:
        result.append(f"{missed} of {words} validation words were missed: it needs more recordings or more steps")
    if words < _MIN_WORDS:
        result.append(f"only {words} validation words: the share of missed words means little")
    if hours < _MIN_HOURS:
        result.append(f"only {hours:.2f} h without the word: the threshold means little; add other speech")
    return result
