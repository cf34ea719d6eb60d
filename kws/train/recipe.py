"""The typed training recipe: which folders are what, which network, how it is trained. Read from TOML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kws.config import ConfigError, DecisionConfig, FrontEndConfig, ModelConfig, from_dict, require, require_one_of
from kws.models import PRESETS, build_model


@dataclass(frozen=True)
class DataConfig:
    """Folders of clips, each searched through all its subfolders.

    Parameters
    ----------
    root : str
        Folder that the others are relative to, itself relative to the recipe file.
    keywords : dict of str to tuple of str
        Folders of recordings of each keyword.
    negatives : tuple of str
        Folders of speech without any keyword.
    noise : tuple of str
        Folders of background noise.
    rirs : tuple of str
        Folders of room impulse responses.
    weights : dict of str to float
        How much more often than others the clips of a folder of negatives are drawn, by the folder's name; 1 if
        it is not named. Running speech deserves more than a pile of the same few words.
    manifest : str, optional
        CSV file with the columns ``path``, ``speaker`` and ``split``; ``path`` is relative to the root.
    validation_splits : tuple of str
        Values of ``split`` that are kept for validation.
    validation_share : float
        Share of the clips without a split that is kept for validation, chosen by a hash of the speaker, or of
        the path where no speaker is known.
    """

    root: str
    keywords: dict[str, tuple[str, ...]]
    negatives: tuple[str, ...]
    noise: tuple[str, ...]
    rirs: tuple[str, ...] = ()
    weights: dict[str, float] = field(default_factory=dict)
    manifest: str | None = None
    validation_splits: tuple[str, ...] = ("val", "validation", "dev")
    validation_share: float = 0.15

    def __post_init__(self) -> None:
        require("data.validation_share", self.validation_share, 0.01, 0.9)
        for name in ("keywords", "negatives", "noise"):
            if not getattr(self, name):
                raise ConfigError(f"data.{name} is empty; accepted is at least one folder")
        for folder, weight in self.weights.items():
            if folder not in self.negatives:
                raise ConfigError(
                    f"data.weights names {folder!r}; accepted are folders of data.negatives, or no weights"
                )
            require(f"data.weights.{folder}", weight, 0.0, 1000.0)


@dataclass(frozen=True)
class LossConfig:
    """What the network is asked for, in seconds around the end of the word.

    Parameters
    ----------
    warm_up_share : float
        Share of the steps that train on classic frame labels (ones for `label_s` after the word's end) before
        max-pooling takes over.
    label_s : float
        Length of the frame label.
    before_s, after_s : float
        The score must peak somewhere in this window around the word's end.
    ignore_s : float
        Time after that window in which the score is free.
    region_s : float
        Length of the regions whose maxima are pushed down where there is no word.
    hardest_weight : float
        Weight of the hardest region of a stream against the mean over all regions, 0 to 1.
    negative_weight : float
        Weight of the negative part against the positive part. With less than about 3 a hard negative counts less
        than a hard word, and false accepts keep their scores.
    """

    warm_up_share: float = 0.08
    label_s: float = 0.3
    before_s: float = 0.24
    after_s: float = 0.32
    ignore_s: float = 0.4
    region_s: float = 0.6
    hardest_weight: float = 0.8
    negative_weight: float = 3.0

    def __post_init__(self) -> None:
        for name in ("warm_up_share", "hardest_weight"):
            require(f"training.loss.{name}", getattr(self, name), 0.0, 1.0)
        for name in ("label_s", "before_s", "after_s", "ignore_s", "region_s"):
            require(f"training.loss.{name}", getattr(self, name), 0.0, 10.0)
        require("training.loss.negative_weight", self.negative_weight, 0.0, 100.0)


@dataclass(frozen=True)
class TrainingConfig:
    """The training loop.

    Parameters
    ----------
    steps : int
        Optimiser steps in all.
    batch_size : int
        Streams a step.
    learning_rate, weight_decay : float
        AdamW; the rate warms up over `warm_up_steps` and falls to zero on a cosine.
    ema_decay : float
        Decay of the averaged weights that are validated and exported.
    keep_state : float
        Share of streams that start from the state another stream ended with; the rest start from silence.
    validate_every : int
        Steps from one validation (and checkpoint) to the next: an epoch.
    target_fa_per_h : float
        False accepts per hour at which the threshold is chosen and epochs are compared.
    workers : int
        Processes that make batches; 0 makes them in the training process.
    """

    steps: int = 6000
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up_steps: int = 200
    ema_decay: float = 0.998
    keep_state: float = 0.8
    gradient_clip: float = 5.0
    validate_every: int = 500
    target_fa_per_h: float = 1.0
    workers: int = 2
    loss: LossConfig = field(default_factory=LossConfig)

    def __post_init__(self) -> None:
        require("training.steps", self.steps, 1, 10_000_000)
        require("training.batch_size", self.batch_size, 2, 65_536)
        require("training.learning_rate", self.learning_rate, 1e-7, 1.0)
        require("training.weight_decay", self.weight_decay, 0.0, 10.0)
        require("training.warm_up_steps", self.warm_up_steps, 0, 1_000_000)
        require("training.ema_decay", self.ema_decay, 0.0, 0.99999)
        require("training.keep_state", self.keep_state, 0.0, 1.0)
        require("training.gradient_clip", self.gradient_clip, 1e-3, 1e6)
        require("training.validate_every", self.validate_every, 1, 1_000_000)
        require("training.target_fa_per_h", self.target_fa_per_h, 0.0, 1000.0)
        require("training.workers", self.workers, 0, 64)


@dataclass(frozen=True)
class NetworkConfig:
    """The network: a preset, or a family with settings of its own (which override the preset's)."""

    preset: str | None = None
    family: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def resolve(self) -> ModelConfig:
        """Return family and full settings."""
        if self.family is not None and self.preset is None:
            return ModelConfig(self.family, dict(self.settings))
        preset = self.preset or "small"
        require_one_of("model.preset", preset, PRESETS)
        base = PRESETS[preset]
        if self.family not in (None, base.family):
            raise ConfigError(f"model.family is {self.family!r} but preset {preset!r} is {base.family!r}; give one")
        return ModelConfig(base.family, {**base.settings, **self.settings})


@dataclass(frozen=True)
class Recipe:
    """A whole training run. The same recipe, data and seed give the same model.

    Parameters
    ----------
    name : str
        Name of the model.
    data : DataConfig
    front_end : FrontEndConfig
    model : NetworkConfig
    synthesis : dict
        Settings of the stream synthesiser (``data_tools.synthesize.SynthesisConfig``).
    augment : dict
        Settings of each augmentation by its registered name; those not named are off.
    training : TrainingConfig
    decision : DecisionConfig
        The rule of the finished model; its threshold is chosen at the end of training.
    seed : int
    licence : str
        Licence of the finished model, carried in its file.
    """

    name: str
    data: DataConfig
    front_end: FrontEndConfig = field(default_factory=FrontEndConfig)
    model: NetworkConfig = field(default_factory=NetworkConfig)
    synthesis: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, dict[str, Any]] = field(default_factory=dict)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    seed: int = 1
    licence: str = ""

    def __post_init__(self) -> None:
        require("seed", self.seed, 0, 2**32 - 1)
        # A wrong size is found here, not after minutes of loading.
        build_model(self.model.resolve(), self.front_end.n_bands, len(self.data.keywords))

    @property
    def keywords(self) -> tuple[str, ...]:
        """Keywords in the order of the model's outputs."""
        return tuple(self.data.keywords)


def load_recipe(path: str | Path, data_root: str | Path | None = None) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : path
        TOML file.
    data_root : path, optional
        Replaces ``data.root``.

    Raises
    ------
    ConfigError
        If the file is missing or no TOML, has an unknown key (the nearest right one is named), or a value is
        out of range.
    """
    import tomllib

    place = Path(path)
    try:
        values = tomllib.loads(place.read_text(encoding="utf8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); accepted is a TOML recipe") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML ({error})") from None
    try:
        recipe = from_dict(Recipe, values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    root = Path(data_root) if data_root is not None else place.parent / recipe.data.root
    return dataclasses.replace(recipe, data=dataclasses.replace(recipe.data, root=str(root)))
