"""The typed training recipe: which folders are what, which network, how it is trained. Read from TOML."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kws.config import ConfigError, DecisionConfig, FrontEndConfig, ModelConfig, from_dict, require, require_one_of
from kws.models import PRESETS, build_model
from kws.spec import UNKNOWN
from kws.train.data_config import DataConfig, with_spoken
from kws.train.distillation import DistillationConfig
from kws.train.material_config import MaterialConfig
from kws.train.recipe_file import read_recipe

NEVER = DecisionConfig(threshold=1.0, patience_steps=1000)
"""A rule that no score fulfils: an output that is scored and not told, in every runtime."""


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
        Weight of the hardest region of each stream against the mean over all regions, 0 to 1.
    batch_hardest_weight, batch_hardest_share : float
        Weight of the hardest regions of the whole batch, and the share of all regions that these are: most streams
        have no region that is hard at all, a few have several.
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
    batch_hardest_weight: float = 0.0
    batch_hardest_share: float = 0.01
    negative_weight: float = 3.0

    def __post_init__(self) -> None:
        for name in ("warm_up_share", "hardest_weight", "batch_hardest_weight", "batch_hardest_share"):
            require(f"training.loss.{name}", getattr(self, name), 0.0, 1.0)
        if self.hardest_weight + self.batch_hardest_weight > 1.0:
            raise ConfigError(
                f"training.loss.hardest_weight {self.hardest_weight} and batch_hardest_weight "
                f"{self.batch_hardest_weight} are more than 1 together; accepted are shares of the negative part"
            )
        for name in ("label_s", "before_s", "after_s", "ignore_s", "region_s"):
            require(f"training.loss.{name}", getattr(self, name), 0.0, 10.0)
        require("training.loss.negative_weight", self.negative_weight, 0.0, 100.0)


@dataclass(frozen=True)
class CacheConfig:
    """A pool of ready streams on disk, drawn from again and again, instead of making each stream afresh.

    Parameters
    ----------
    streams : int
        Size of the pool; 0 makes streams afresh. A stream of 4 s takes 32 KiB with 40 bands.
    folder : str, optional
        Where pools lie; without it, ``feature-cache`` beside the folder of the run. Runs that ask for the same
        streams share a pool.
    """

    streams: int = 0
    folder: str | None = None

    def __post_init__(self) -> None:
        require("training.cache.streams", self.streams, 0, 10_000_000)


@dataclass(frozen=True)
class QuantisationConfig:
    """A fine-tune with the rounding of int8.

    Parameters
    ----------
    start : str
        Checkpoint (``best.pt``) to start from, relative to the recipe file; without one, training is as usual.
        ``kws train --qat`` sets it, with fewer steps and a lower rate.
    """

    start: str = ""


PRECISIONS = ("no", "bf16", "fp16")
COMM_HOOKS = (*PRECISIONS, "power_sgd", "batched_power_sgd")


@dataclass(frozen=True)
class TrainingConfig:
    """The training loop.

    Parameters
    ----------
    steps : int
        Optimiser steps in all.
    batch_size : int
        Streams a step, over all processes.
    accumulate_batches : int
        Parts in which the streams of a step are computed, one after the other; a divisor of `batch_size`. More parts
        take less memory, and each is a batch of its own for batch norm and for the loss's hardest regions.
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
    save_every : int
        Steps from one save of the run's state to the next; 0 saves by time alone. Validations save as well.
    save_every_s : float
        Seconds from one save to the next; 0 saves by steps alone.
    mixed_precision : {"no", "bf16", "fp16"}, optional
        Precision of the network's arithmetic in training; by default what ``accelerate launch`` says, else ``no``.
    comm_hook, comm_wrapper : {"no", "fp16", "bf16"}; the hook also {"power_sgd", "batched_power_sgd"}
        How gradients travel between several processes: in half precision, or as matrices of low rank (PowerSGD), these
        in half precision as well by the wrapper.
    power_sgd_rank : int
        Rank of those matrices.
    power_sgd_start_step : int
        Steps with plain gradients before PowerSGD takes over, at the start and after each resume.
    """

    steps: int = 6000
    batch_size: int = 64
    accumulate_batches: int = 1
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warm_up_steps: int = 200
    ema_decay: float = 0.998
    keep_state: float = 0.8
    gradient_clip: float = 5.0
    validate_every: int = 500
    target_fa_per_h: float = 1.0
    workers: int = 2
    save_every: int = 0
    save_every_s: float = 60.0
    mixed_precision: str | None = None
    comm_hook: str = "no"
    comm_wrapper: str = "no"
    power_sgd_rank: int = 1
    power_sgd_start_step: int = 1000
    loss: LossConfig = field(default_factory=LossConfig)
    cache: CacheConfig = field(default_factory=CacheConfig)
    distillation: DistillationConfig = field(default_factory=DistillationConfig)
    quantisation: QuantisationConfig = field(default_factory=QuantisationConfig)

    def __post_init__(self) -> None:
        require("training.steps", self.steps, 1, 10_000_000)
        require("training.batch_size", self.batch_size, 2, 65_536)
        require("training.accumulate_batches", self.accumulate_batches, 1, self.batch_size)
        if self.batch_size % self.accumulate_batches:
            raise ConfigError(
                f"training.accumulate_batches is {self.accumulate_batches}; accepted are divisors of "
                f"training.batch_size, {self.batch_size}"
            )
        n_streams = self.batch_size // self.accumulate_batches
        if 0 < self.cache.streams < n_streams:
            raise ConfigError(
                f"training.cache.streams is {self.cache.streams}; accepted are 0 and at least {n_streams}, the streams "
                "of a batch"
            )
        require("training.learning_rate", self.learning_rate, 1e-7, 1.0)
        require("training.weight_decay", self.weight_decay, 0.0, 10.0)
        require("training.warm_up_steps", self.warm_up_steps, 0, 1_000_000)
        require("training.ema_decay", self.ema_decay, 0.0, 0.99999)
        require("training.keep_state", self.keep_state, 0.0, 1.0)
        require("training.gradient_clip", self.gradient_clip, 1e-3, 1e6)
        require("training.validate_every", self.validate_every, 1, 1_000_000)
        require("training.target_fa_per_h", self.target_fa_per_h, 0.0, 1000.0)
        require("training.workers", self.workers, 0, 64)
        require("training.save_every", self.save_every, 0, 10_000_000)
        require("training.save_every_s", self.save_every_s, 0.0, 86_400.0)
        require("training.power_sgd_rank", self.power_sgd_rank, 1, 1024)
        # PyTorch rebuilds the groups of gradients after the first step.
        require("training.power_sgd_start_step", self.power_sgd_start_step, 2, 10_000_000)
        if self.mixed_precision is not None:
            require_one_of("training.mixed_precision", self.mixed_precision, PRECISIONS)
        require_one_of("training.comm_hook", self.comm_hook, COMM_HOOKS)
        require_one_of("training.comm_wrapper", self.comm_wrapper, PRECISIONS)


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
    material : MaterialConfig
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
    material: MaterialConfig = field(default_factory=MaterialConfig)
    synthesis: dict[str, Any] = field(default_factory=dict)
    augment: dict[str, dict[str, Any]] = field(default_factory=dict)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decision: DecisionConfig = field(default_factory=DecisionConfig)
    seed: int = 1
    licence: str = ""

    def __post_init__(self) -> None:
        require("seed", self.seed, 0, 2**32 - 1)
        # A wrong size is found here, not after minutes of loading.
        build_model(self.model.resolve(), self.front_end.n_bands, len(self.keywords))

    @property
    def keywords(self) -> tuple[str, ...]:
        """Names of the model's outputs in their order: the keywords, then ``_unknown_`` if there are other words."""
        return (*self.data.keywords, *([UNKNOWN] if self.data.unknown else []))

    @property
    def rules(self) -> dict[str, DecisionConfig]:
        """The rule of each output before thresholds are chosen. That of ``_unknown_`` never fires."""
        return {k: NEVER if k == UNKNOWN else self.decision for k in self.keywords}


def load_recipe(path: str | Path, data_root: str | Path | None = None) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    path : path
        TOML file; it may extend another (:func:`kws.train.recipe_file.read_recipe`).
    data_root : path, optional
        Replaces ``data.root``.

    Raises
    ------
    ConfigError
        If the file is missing or no TOML, has an unknown key (the nearest right one is named), or a value is
        out of range.
    """
    place = Path(path)
    values = read_recipe(place)
    try:
        recipe = from_dict(Recipe, values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None
    root = Path(data_root) if data_root is not None else place.parent / recipe.data.root
    distillation = recipe.training.distillation
    teachers = tuple(str(place.parent / teacher) for teacher in distillation.teachers)
    start = recipe.training.quantisation.start
    training = dataclasses.replace(
        recipe.training,
        distillation=dataclasses.replace(distillation, teachers=teachers),
        quantisation=QuantisationConfig(str(place.parent / start) if start else ""),
    )
    data = with_spoken(dataclasses.replace(recipe.data, root=str(root)), place.parent)
    return dataclasses.replace(recipe, data=data, training=training)
