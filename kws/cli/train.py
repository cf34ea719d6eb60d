"""``kws train``: a recipe in, a self-describing ONNX model out."""

from __future__ import annotations

import dataclasses
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kws.errors import ConfigError, KwsError

if TYPE_CHECKING:
    from rich.console import Console

    from kws.train.loop import StepReport, Trainer
    from kws.train.observers import Observers
    from kws.train.processes import Processes
    from kws.train.recipe import Recipe
    from kws.train.session import MakeStreams, Session

_MIN_WORDS = 20
_MIN_HOURS = 0.2


@dataclass(frozen=True)
class _Options:
    recipe: Path
    out: Path
    data: Path | None
    resume: bool
    overwrite: bool
    workers: int | None
    cpu: bool
    profile: str | None
    tensorboard: bool
    live: bool
    qat: Path | None


def train(
    recipe: Annotated[Path, typer.Argument(help="TOML recipe: folders, network, training.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, curves and the model.")],
    data: Annotated[Path | None, typer.Option(help="Folder of the audio, instead of the recipe's data.root.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew; the run in --out is moved to its subfolder 'old'.")
    ] = False,
    workers: Annotated[int | None, typer.Option(help="Processes that make batches.")] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Train on the CPU even where there is a GPU.")] = False,
    profile: Annotated[
        str | None, typer.Option(help="Gear: 'low' for 2 cores and 2 GiB, 'high' for many cores or a GPU.")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Log to OUT/tensorboard as well.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Show loss and misses in a window, or in OUT/live.png.")] = False,
    qat: Annotated[
        Path | None, typer.Option(help="Fine-tune this checkpoint (best.pt) for int8: an eighth of the steps.")
    ] = None,
) -> None:
    """Train the network that a recipe describes and export it.

    It is saved every minute and when you stop it (Ctrl-C); --resume goes on as if it had never stopped.

    Examples:

        kws train recipes/computer.toml --out runs/computer

        kws train recipes/computer.toml --out runs/computer --resume

        kws train my-word.toml --data ~/recordings --out runs/my-word

        kws train recipes/computer.toml --qat runs/computer/best.pt --out runs/computer-int8

        accelerate launch --multi_gpu --num_processes 2 train.py recipes/computer.toml --out runs/computer
    """
    from rich.console import Console

    from kws.cli.streams import make_streams_of
    from kws.train.processes import Processes
    from kws.train.run_folder import RunFolder

    options = _Options(recipe, out, data, resume, overwrite, workers, cpu, profile, tensorboard, live, qat)
    with _told_once():
        settings = _load(options)
        make_streams = make_streams_of(settings)
        processes = Processes(settings.training, cpu)
    console = Console(stderr=True, quiet=not processes.is_main)
    if processes.warning:
        _say(console, "careful: ", processes.warning)
    folder = RunFolder(out, settings.name)
    if processes.is_main and resume:
        folder.require_run()
    elif processes.is_main and not overwrite:
        folder.require_free()
    with folder.claimed() if processes.is_main else nullcontext():
        # In a function of its own, so that nothing holds on to the network when the processes part.
        _run(options, settings, make_streams, processes, console)
    processes.close()


def _run(options: _Options, recipe: Recipe, make_streams: MakeStreams, processes: Processes, console: Console) -> None:
    with _observers(options, recipe, console) if processes.is_main else nullcontext() as observers:
        session = _open(options, recipe, make_streams, processes, console)
        _train(session, options, console, observers)
    if processes.is_main:
        _export(session, console)


@contextmanager
def _told_once() -> Iterator[None]:
    """Leave it to the first process of a machine to say what is wrong with what all of them read."""
    from kws.cli import EXIT_BAD_INPUT

    try:
        yield
    except KwsError:
        if int(os.environ.get("LOCAL_RANK", "0")) > 0:
            raise typer.Exit(EXIT_BAD_INPUT) from None
        raise


def _load(options: _Options) -> Recipe:
    from kws.train.checkpoint import load_checkpoint
    from kws.train.fake_quant import apply_qat
    from kws.train.profiles import apply_profile
    from kws.train.recipe import load_recipe

    if options.resume and options.overwrite:
        raise ConfigError("--resume and --overwrite were given; accepted is one of them")
    recipe = apply_profile(load_recipe(options.recipe, options.data), options.profile)
    if options.qat is not None:
        # Refused here if it is none, not after minutes of loading.
        load_checkpoint(options.qat)
        recipe = apply_qat(recipe, options.qat)
    if options.workers is not None:
        recipe = dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, workers=options.workers))
    return recipe


@contextmanager
def _observers(options: _Options, recipe: Recipe, console: Console) -> Iterator[Observers]:
    from kws.cli.train_progress import told_as_notices
    from kws.train.observers import open_observers
    from kws.train.profiles import profile_observers

    asked = [name for name in ("tensorboard", "live") if getattr(options, name)]
    with told_as_notices("kws.train.observers", partial(_say, console, "careful: ")):
        observers = open_observers(asked, options.out, recipe, profile_observers(options.profile))
        try:
            yield observers
        finally:
            observers.close()


def _open(
    options: _Options, recipe: Recipe, make_streams: MakeStreams, processes: Processes, console: Console
) -> Session:
    from kws.cli.copies import without_copies
    from kws.train.corpus import load_corpus
    from kws.train.session import Session

    notice = partial(_say, console, "careful: ")
    with _told_once():
        corpus = load_corpus(recipe.data)
        if not recipe.data.keep_copies:
            corpus = without_copies(corpus, Path(recipe.data.root), notice)
    return Session(recipe, corpus, make_streams, options.out, options.overwrite, processes, notice)


def _say(console: Console, start: str, text: str) -> None:
    # Whole lines: a command that is broken into two cannot be copied.
    console.print(start + text, soft_wrap=True, markup=False, highlight=False)


def _train(session: Session, options: _Options, console: Console, observers: Observers | None) -> None:
    from kws.cli.train_progress import PoolDisplay, open_display

    with console.status("arranging the data") as status:
        run = session.prepare(options.resume, PoolDisplay(console, status.update).update)
    _say(console, "", _headline(session, run.trainer))
    if observers is not None:
        observers.begin(lambda: run.maker[0])
    display = open_display(console, session.recipe.training.steps, run.trainer.step)

    def on_progress(report: StepReport) -> None:
        display.update(report)
        if report.outcome is not None:
            _say(console, "", _epoch_line(report))
        if observers is not None:
            observers.step(report)

    try:
        run.train(session.recipe.training.workers, on_progress)
    except BaseException as error:
        display.close()
        if run.trainer.step or isinstance(error, KeyboardInterrupt):
            _say(console, "", _stop_line(run.trainer, options, run.processes))
        raise
    display.close()


def _stop_line(trainer: Trainer, options: _Options, processes: Processes) -> str:
    step, safe = trainer.step, trainer.safe_step
    if safe is None:
        return f"stopped at step {step}; nothing was saved"
    saved = "saved" if safe == step else f"step {safe} is on disk"
    return f"stopped at step {step}, {saved}; go on with: {_resume_command(options, processes)}"


def _resume_command(options: _Options, processes: Processes) -> str:
    program = Path(sys.argv[0])
    words = ["python", str(program)] if program.suffix == ".py" else ["kws", "train"]
    if processes.count > 1:
        # So even where they are CPUs: it is what makes `accelerate launch` start several.
        words = ["accelerate", "launch", "--multi_gpu", "--num_processes", str(processes.count), str(program)]
        words += [] if program.suffix == ".py" else ["train"]
    words += [str(options.recipe), "--out", str(options.out)]
    words += ["--data", str(options.data)] if options.data is not None else []
    words += ["--workers", str(options.workers)] if options.workers is not None else []
    words += ["--qat", str(options.qat)] if options.qat is not None else []
    words += ["--profile", options.profile] if options.profile is not None else []
    words += [f"--{name}" for name in ("cpu", "tensorboard", "live") if getattr(options, name)]
    return shlex.join([*words, "--resume"])


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
    from export import export_model, open_trained
    from kws.train.run_folder import BEST

    trained = open_trained(session.out / BEST)
    spec = trained.spec
    path = session.out / f"{spec.name}.onnx"
    (report,) = export_model(trained, path, audio=session.parity_audio()).values()
    for warning in _warnings(spec.training, session.corpus.validation.has_people):
        _say(console, "careful: ", warning)
    thresholds = ", ".join(f"{k} {spec.decision_of(k).threshold:.4f}" for k in spec.keywords)
    size = f"{report.size_bytes / 1024:.0f} KiB"
    _say(console, "", f"{path}: {size}, threshold {thresholds}, parity {report.max_score_error:.1e}")
    _say(console, "", f"try it: python run.py --model {path} --source FILE")


def _warnings(training: dict[str, Any], has_people: bool) -> list[str]:
    """Return what makes the figures of a run unreliable, or the model useless."""
    found = training["validation"]
    words, missed, hours = found["words"].get("clean", 0), found["missed"].get("clean", 0), found["negative_hours"]
    result = []
    if not has_people:
        result.append("a computer spoke all validation words: the figures predict no person; record some (kws record)")
    if missed > words / 2:
        result.append(f"{missed} of {words} validation words were missed: it needs more recordings or more steps")
    if words < _MIN_WORDS:
        result.append(f"only {words} validation words: the share of missed words means little")
    if hours < _MIN_HOURS:
        result.append(f"only {hours:.2f} h without the word: the threshold means little; add other speech")
    return result
