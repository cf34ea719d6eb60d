"""``kws classify``: a detector as a classifier of clips: accuracy, confusion, and each keyword in streams."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws import __version__
from kws.errors import ConfigError
from kws.files import write_text

if TYPE_CHECKING:
    from rich.console import Console

    from kws.evaluate.class_report import ClassReport, SilenceLevel
    from kws.evaluate.classification import LabelledClip
    from kws.runtime import Runner

_DATA, _OUTPUT = "Labelled clips", "Output"
_PLAIN_LEVEL = 0.5


class Side(str, enum.Enum):
    """Which clips of a recipe."""

    TEST = "test"
    VALIDATION = "validation"


def classify(
    model: Annotated[Path, typer.Argument(help="Model file.")],
    clips: Annotated[list[Path] | None, typer.Argument(help="Recordings whose class is wanted.")] = None,
    recipe: Annotated[
        Path | None, typer.Option(help="The model's recipe: its clips are classified.", rich_help_panel=_DATA)
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the audio, instead of the recipe's.", rich_help_panel=_DATA)
    ] = None,
    side: Annotated[Side, typer.Option(help="Which clips of the recipe.", rich_help_panel=_DATA)] = Side.TEST,
    test_set: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Clips in one folder a class instead, such as the published test sets.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    silence_below: Annotated[
        float | None,
        typer.Option(
            min=0.0, max=1.0, help="Peak score below which nothing was said. By default chosen on validation clips."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of what is drawn: silence, other words, the streams.")] = 1,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Figures; - is stdout.", rich_help_panel=_OUTPUT)
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Confusion matrix: PNG, SVG or PDF.", rich_help_panel=_OUTPUT)
    ] = None,
) -> None:
    """Tell the class of recordings, or how often a model tells it right.

    Examples:

        kws classify speech-commands.onnx yes.wav no.wav

        kws classify runs/sc/speech-commands.onnx --recipe recipes/speech-commands.toml --data speech_commands_v0.02

        kws classify runs/sc/speech-commands.onnx --test-set speech_commands_test_set_v0.02 --json figures.json
    """
    from kws.runtime import open_runner

    if bool(clips) == bool(recipe or test_set):
        raise ConfigError("give recordings whose class is wanted, or labelled ones by --recipe or --test-set")
    runner = open_runner(model)
    if clips:
        _tell(runner, clips, _PLAIN_LEVEL if silence_below is None else silence_below)
        return
    report = _measure(runner, recipe, data, side.value, test_set, silence_below, seed)
    _write(report, json_file, picture)


def _tell(runner: Runner, paths: list[Path], silence_below: float) -> None:
    from kws.audio import read_audio
    from kws.evaluate.classification import LabelledClip, peak_scores
    from kws.evaluate.classification import classify as tell

    labelled = [LabelledClip(str(path), "", read_audio(path)) for path in paths]
    peaks = peak_scores(runner, labelled)
    told = tell(peaks, runner.spec.keywords, silence_below)
    for path, name, row in zip(paths, told, peaks, strict=True):
        scores = ", ".join(f"{k} {s:.3f}" for k, s in zip(runner.spec.keywords, row.tolist(), strict=True))
        typer.echo(f"{path}: {name} ({scores})")


def _measure(
    runner: Runner,
    recipe: Path | None,
    data: Path | None,
    side: str,
    test_set: Path | None,
    silence_below: float | None,
    seed: int,
) -> ClassReport:
    import numpy as np
    from rich.console import Console

    from kws.evaluate.class_report import ClassReport, confusion_of, keyword_counts
    from kws.evaluate.classification import classes_of
    from kws.evaluate.word_streams import count_words, word_streams
    from kws.runtime import Detector
    from kws.train.class_clips import clips_of_folders

    console = Console(stderr=True)
    level, balanced, heard = _recipe_clips(runner, recipe, data, side, silence_below, seed, console)
    clips_from = side
    if test_set is not None:
        balanced = heard = clips_of_folders(test_set, classes_of(runner.spec.keywords))
        clips_from = test_set.name
    with console.status(f"classifying {len(balanced)} clips"):
        confusion = confusion_of(runner, balanced, level.value)
    streams = word_streams(heard, np.random.default_rng([seed, 2]))
    with console.status(f"listening to {sum(stream.audio_s for stream in streams) / 3600:.2f} h of single words"):
        counts = count_words(Detector(runner), streams)
    return ClassReport(runner.spec, clips_from, level, confusion, keyword_counts(counts))


def _recipe_clips(
    runner: Runner,
    recipe: Path | None,
    data: Path | None,
    side: str,
    silence_below: float | None,
    seed: int,
    console: Console,
) -> tuple[SilenceLevel, list[LabelledClip], list[LabelledClip]]:
    """Return the level of silence, and the clips of a side: in the published balance, and with all other words."""
    import numpy as np

    from kws.evaluate.class_report import SilenceLevel, find_silence_level
    from kws.train.class_clips import labelled_clips
    from kws.train.corpus import load_corpus
    from kws.train.recipe import load_recipe

    given = SilenceLevel(_PLAIN_LEVEL if silence_below is None else silence_below, "given")
    if recipe is None:
        return given, [], []
    settings = load_recipe(recipe, data)
    if settings.keywords != runner.spec.keywords:
        raise ConfigError(
            f"{recipe}: has the outputs {', '.join(settings.keywords)}, but {runner.spec.name} has "
            f"{', '.join(runner.spec.keywords)}; accepted is the recipe that the model was trained with"
        )
    with console.status("reading the clips"):
        corpus = load_corpus(settings.data, sides=("validation", side))
    level = given
    if silence_below is None:
        validation = labelled_clips(corpus.validation, np.random.default_rng([seed, 0]))
        with console.status(f"choosing the level of silence on {len(validation)} clips"):
            level = find_silence_level(runner, validation, "validation")
    split = corpus.test if side == "test" else corpus.validation
    balanced = labelled_clips(split, np.random.default_rng([seed, 1]))
    return level, balanced, labelled_clips(split, np.random.default_rng([seed, 1]), every_unknown=True)


def _write(report: ClassReport, json_file: Path | None, picture: Path | None) -> None:
    if picture is not None:
        from kws.evaluate.report.confusion import draw_confusion

        draw_confusion(picture, report.confusion, f"{report.spec.name}, {report.clips_from}")
    text = json.dumps({"toolkit": __version__, **report.to_dict()}, indent=1, allow_nan=False)
    if json_file == Path("-"):
        typer.echo(text)
        return
    if json_file is not None:
        write_text(json_file, text + "\n")
    typer.echo(report.to_text())
