"""What ``kws eval`` does between its options and its tables."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kws.cli.eval_material import Sources, require_disjoint
from kws.cli.models import Rules
from kws.config import require
from kws.errors import ConfigError
from kws.spec import UNKNOWN

if TYPE_CHECKING:
    from rich.progress import Progress

    from kws.evaluate.compare import Comparison
    from kws.evaluate.evaluation import Evaluation
    from kws.evaluate.results import Trial
    from kws.evaluate.trials import Material, TrialSettings
    from kws.spec import ModelSpec

_SNR_DB = (20.0, 10.0, 5.0, 0.0)
_SPEECH_SNR_DB = (10.0,)
_N_ROOMS = 12


@dataclass(frozen=True)
class Choice:
    """How a threshold is to be chosen: for which rate, and on what."""

    fa_per_h: float | None = None
    split: str | None = None
    folders: tuple[Path, ...] = ()
    is_cross_fitted: bool = False

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is chosen on other material than is reported."""
        return self.split is not None or bool(self.folders)

    def check(self, report_on: str | None, has_threshold: bool) -> None:
        """Raise :class:`ConfigError` where options contradict each other."""
        if self.fa_per_h is not None and has_threshold:
            raise ConfigError("--threshold and --fa-per-h were given; accepted is one of them")
        if self.fa_per_h is None and (self.is_elsewhere or self.is_cross_fitted):
            raise ConfigError("to choose a threshold, say for which rate of false accepts: --fa-per-h")
        if self.is_elsewhere + self.is_cross_fitted + (self.split is not None and bool(self.folders)) > 1:
            raise ConfigError("accepted is one of --choose-on, --choose-on-folder and --cross-fit")
        if self.split is not None and self.split == report_on:
            raise ConfigError(f"--choose-on and --report-on are both {report_on!r}; accepted are two splits")


@dataclass(frozen=True)
class Asked:
    """Which trials the user asked for; None for what there is material for."""

    snr_db: Sequence[float] | None
    speech_snr_db: Sequence[float] | None
    rooms: int | None
    mixes: int | None
    seed: int

    def settings(self, material: Material, has_rooms: bool) -> TrialSettings:
        """Return settings that fit the material."""
        from kws.evaluate.trials import TrialSettings

        snr_db = tuple(self.snr_db or (_SNR_DB if material.noise else ()))
        speech_snr_db = tuple(self.speech_snr_db or (_SPEECH_SNR_DB if material.talkers else ()))
        rooms = self.rooms
        if rooms is None:
            rooms = _N_ROOMS if has_rooms and importlib.util.find_spec("pyroomacoustics") else 0
        return TrialSettings(snr_db, speech_snr_db, rooms, self.mixes, self.seed)


@dataclass(frozen=True, eq=False)
class Found:
    """All that an evaluation came to.

    Parameters
    ----------
    evaluations : list of Evaluation
        Keyword by keyword for the first model, then for the next.
    comparisons : list of Comparison
        Of each further model with the first, keyword by keyword.
    material, chosen_on : Material
    settings : TrialSettings
    notes : list of str
        What must be said about the figures.
    audio_hours, elapsed_s : float
        Length of what was played to each model, and the time that everything took.
    """

    evaluations: list[Evaluation]
    comparisons: list[Comparison]
    material: Material
    chosen_on: Material | None
    settings: TrialSettings
    notes: list[str] = field(default_factory=list)
    audio_hours: float = 0.0
    elapsed_s: float = 0.0


@contextlib.contextmanager
def as_model_files(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Give a model file for each path; a checkpoint is exported for as long as this lasts."""
    with tempfile.TemporaryDirectory(prefix="kws-eval-") as folder:
        files = []
        for index, path in enumerate(paths):
            if path.suffix.lower() != ".pt":
                files.append(path)
                continue
            from export import export_model, open_trained

            files.append(Path(folder) / f"{index}.onnx")
            export_model(open_trained(path), files[-1])
        yield files


def evaluate_all(
    paths: Sequence[Path],
    files: Sequence[Path],
    rules: Rules,
    sources: Sources,
    report_on: str | None,
    choice: Choice,
    asked: Asked,
    processes: int | None,
) -> Found:
    """Load, make trials, and play them to each model.

    Raises
    ------
    KwsError
        If something that was given cannot be used.
    """
    from kws.evaluate.evaluation import evaluate

    require("--processes", 1 if processes is None else processes, 1, 1024)
    specs = _open_specs(files, rules)
    started_s = time.monotonic()
    with _progress() as bar:
        # An output for all other words has no words of its own.
        keywords = [keyword for keyword in specs[0].keywords if keyword != UNKNOWN]
        material, chosen_on = _load(sources, report_on, choice, keywords, bar)
        notes = [] if chosen_on is None else require_disjoint(chosen_on, material)
        settings = asked.settings(material, "rooms" in sources.kinds)
        trials, chosen_trials = _make_trials(material, chosen_on, settings, bar)
        evaluations: list[Evaluation] = []
        for name, file, spec in zip(_names(paths), files, specs, strict=True):
            task = bar.add_task(f"{name} listens", total=1.0)
            evaluations += evaluate(
                file,
                trials,
                spec=spec,
                fa_per_h=choice.fa_per_h,
                choose_on=chosen_trials,
                choose_on_name=_where(choice),
                is_cross_fitted=choice.is_cross_fitted,
                processes=processes or 0,
                on_progress=lambda done, total, task=task: bar.update(task, completed=done, total=total),  # type: ignore[misc]
                name=name,
            )
    comparisons = _compare(evaluations, len(keywords), settings.seed)
    notes += _notes(sources, report_on, choice, settings)
    hours = sum(trial.audio_s for trial in trials) / 3600
    return Found(evaluations, comparisons, material, chosen_on, settings, notes, hours, time.monotonic() - started_s)


def _open_specs(files: Sequence[Path], rules: Rules) -> list[ModelSpec]:
    from kws.runtime import open_runner

    specs = [rules.applied(open_runner(file).spec, index) for index, file in enumerate(files)]
    rules.check_words(specs[0].keywords)
    for spec in specs[1:]:
        if spec.keywords != specs[0].keywords:
            raise ConfigError(
                f"the models have the keywords {', '.join(specs[0].keywords)} and {', '.join(spec.keywords)}; "
                "accepted are models of the same"
            )
    return specs


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the ends of the paths that tell them apart: often the file's name alone."""
    n_parts = 1
    while n_parts < max(len(path.parts) for path in paths):
        if len({path.parts[-n_parts:] for path in paths}) == len(set(paths)):
            break
        n_parts += 1
    return [os.path.join(*path.parts[-n_parts:]) for path in paths]


def _load(
    sources: Sources, report_on: str | None, choice: Choice, keywords: Sequence[str], bar: Progress
) -> tuple[Material, Material | None]:
    from kws.evaluate.recordings import read_folder
    from kws.evaluate.trials import Material

    task = bar.add_task("reading", total=None)

    def tell(what: str) -> None:
        bar.update(task, description=f"reading {what}")

    material = sources.load(report_on, keywords, tell)
    chosen_on = None
    if choice.split is not None:
        chosen_on = sources.load(choice.split, keywords, tell)
    elif choice.folders:
        chosen_on = Material({}, {folder.name: read_folder(folder) for folder in choice.folders})
    bar.update(task, description="reading", total=1, completed=1)
    return material, chosen_on


def _make_trials(
    material: Material, chosen_on: Material | None, settings: TrialSettings, bar: Progress
) -> tuple[list[Trial], list[Trial] | None]:
    from kws.evaluate.trials import Material, TrialSettings, make_trials

    task = bar.add_task("mixing", total=None)
    trials = make_trials(material, settings, lambda done, total: bar.update(task, completed=done, total=total))
    bar.update(task, total=1, completed=1)
    if chosen_on is None:
        return trials, None
    # A threshold needs the negatives; the words, as recorded, are for the calibration of scores.
    plain = Material(chosen_on.words, chosen_on.negatives)
    return trials, make_trials(plain, TrialSettings((), (), 0, 1, settings.seed))


def _where(choice: Choice) -> str:
    if choice.split is not None:
        return f"the split {choice.split!r}"
    return ", ".join(folder.name for folder in choice.folders)


def _compare(evaluations: Sequence[Evaluation], n_keywords: int, seed: int) -> list[Comparison]:
    import numpy as np

    from kws.evaluate.compare import compare

    rng = np.random.default_rng([seed, 3])
    first, others = evaluations[:n_keywords], evaluations[n_keywords:]
    return [compare(first[i % n_keywords].subject, other.subject, rng) for i, other in enumerate(others)]


def _notes(sources: Sources, report_on: str | None, choice: Choice, settings: TrialSettings) -> list[str]:
    notes = []
    if sources.recipe is not None and report_on in (None, "val", "validation"):
        notes.append(
            "A model that was trained by this recipe had its epoch chosen on these words and this speech, and its own "
            "threshold as well: figures on them flatter. Sets that training never saw do not."
        )
    if sources.recipe is not None and not sources.rirs and "far" in sources.kinds:
        notes.append("The rooms of 'far' are those that the recipe trains with; simulated ones are new to the model.")
    if not settings.rooms and "rooms" in sources.kinds:
        notes.append("No rooms were simulated: pip install pyroomacoustics, or --rirs DIR with recorded ones.")
    return notes


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    # Where nobody looks, a bar would be noise in a log.
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
