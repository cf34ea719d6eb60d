"""Which models are at work, and by which rules: options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import kws
from kws.config import DecisionConfig, require_one_of, shown
from kws.errors import ConfigError

if TYPE_CHECKING:
    from kws.runtime import Detector
    from kws.spec import ModelSpec

ASSETS = Path(kws.__file__).parent / "assets"
DEFAULT_MODEL = ASSETS / "computer.onnx"
DEMO_RECORDING = ASSETS / "demo.flac"

_PANEL = "Model"
ModelOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE", help='Model; may be given several times. By default "computer".', rich_help_panel=_PANEL
    ),
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[WORD=]0..1",
        help="Instead of the models' own: for all, once a model in order, or for one keyword.",
        rich_help_panel=_PANEL,
    ),
]
PatienceOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[WORD=]STEPS", help="Steps in a row that the score must be reached.", rich_help_panel=_PANEL),
]
RefractoryOption = Annotated[
    list[str] | None,
    typer.Option(metavar="[WORD=]SECONDS", help="Least time between two detections of a word.", rich_help_panel=_PANEL),
]


@dataclass
class Rules:
    """What the user wants of the decision rule: for all keywords, by model, and by keyword.

    Parameters
    ----------
    thresholds : list of float or None
        One a model.
    for_all, for_word : mapping
        Fields of :class:`DecisionConfig` by name; those for a word under that word.
    """

    thresholds: list[float | None]
    for_all: dict[str, float] = field(default_factory=dict)
    for_word: dict[str, dict[str, float]] = field(default_factory=dict)

    def check_words(self, known: Sequence[str]) -> None:
        """Raise :class:`ConfigError` unless each rule is for a word that is known."""
        for word in self.for_word:
            require_one_of("keyword", word, known)

    def applied(self, spec: ModelSpec, index: int) -> ModelSpec:
        """Return the spec of model number `index` with these rules."""
        threshold = self.thresholds[index]
        if threshold is not None:
            spec = spec.with_rule(threshold=threshold)
        spec = spec.with_rule(**self.for_all)
        for word, changes in self.for_word.items():
            if word in spec.keywords:
                spec = spec.with_rule(word, **changes)
        return spec


def parse_rules(thresholds: Sequence[str], patience: Sequence[str], refractory: Sequence[str], n_models: int) -> Rules:
    """Read the options ``--threshold``, ``--patience`` and ``--refractory``.

    Raises
    ------
    ConfigError
        If a value is no number, out of range, or given too often.
    """
    rules = Rules([None] * n_models)
    plain = [_number("threshold", text, float) for text in thresholds if "=" not in text]
    if len(plain) not in (0, 1, n_models):
        raise ConfigError(
            f"--threshold was given {len(plain)} times for {n_models} models; accepted is 1 or {n_models}"
        )
    for value in plain:
        DecisionConfig(threshold=value)
    if plain:
        rules.thresholds = list(plain) if len(plain) == n_models else [plain[0]] * n_models
    _read(rules, "threshold", "threshold", [text for text in thresholds if "=" in text], float)
    _read(rules, "patience", "patience_steps", patience, int)
    _read(rules, "refractory", "refractory_s", refractory, float)
    return rules


def _read(rules: Rules, option: str, name: str, texts: Sequence[str], kind: Callable[[str], float]) -> None:
    for text in texts:
        word, _, number = text.rpartition("=")
        value = _number(option, number, kind)
        DecisionConfig(**{name: value})  # type: ignore[arg-type]
        changes = rules.for_word.setdefault(word, {}) if word else rules.for_all
        if name in changes:
            raise ConfigError(f"--{option} was given twice for {word or 'all keywords'}; accepted is once")
        changes[name] = value


def _number(option: str, text: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise ConfigError(f"--{option} {shown(text)} is not {what}; accepted is VALUE or WORD=VALUE") from None


def open_detectors(models: Sequence[Path], rules: Rules, fusion: str) -> list[Detector]:
    """Load the models.

    Raises
    ------
    KwsError
        If one cannot be run, or a rule names a keyword that none has.
    """
    from kws.runtime import Detector, open_runner

    runners = [open_runner(path) for path in models]
    names = [runner.spec.name for runner in runners]
    if len(set(names)) != len(names):
        raise ConfigError(f"models are named {', '.join(names)}; accepted are models of different names")
    rules.check_words([word for runner in runners for word in runner.spec.keywords])
    return [
        Detector(runner, fusion=fusion, spec=rules.applied(runner.spec, index)) for index, runner in enumerate(runners)
    ]
