"""Gears: the same recipe on a weak and on a strong computer."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kws.config import require_one_of
from kws.cores import usable_cores
from kws.train.recipe import CacheConfig, Recipe, TrainingConfig

LOW_POOL_STREAMS = 16_384
"""Streams of the low gear's pool: 0.5 GiB for streams of 4 s."""

# Smaller parts save little memory and cost a recurrent network much time: docs/gears.md.
_LOW_PART_STREAMS = 32
_LOW_EPOCH_STEPS = 250
_LOW_WORKERS = 2
_HIGH_BATCH_FACTOR = 4
_MOST_WORKERS = 64
_MOST_STREAMS = 65_536
_MOST_RATE = 1.0


@dataclass(frozen=True)
class Profile:
    """A gear: what it changes in the training settings, and the observers that come with it."""

    change: Callable[[TrainingConfig], dict[str, Any]]
    observers: tuple[str, ...] = ()


def _low(training: TrainingConfig) -> dict[str, Any]:
    cache = training.cache
    return {
        "cache": cache if cache.streams else CacheConfig(max(LOW_POOL_STREAMS, training.batch_size), cache.folder),
        "accumulate_batches": max(training.accumulate_batches, _parts(training.batch_size, _LOW_PART_STREAMS)),
        "validate_every": min(training.validate_every, _LOW_EPOCH_STEPS),
        "workers": min(training.workers, _LOW_WORKERS),
    }


def _high(training: TrainingConfig) -> dict[str, Any]:
    batch_size = min(_HIGH_BATCH_FACTOR * training.batch_size, _MOST_STREAMS)
    # With AdamW the rate goes with the square root of the batch, not with the batch itself as it does with SGD.
    rate = training.learning_rate * (batch_size / training.batch_size) ** 0.5
    return {
        "cache": CacheConfig(0, training.cache.folder),
        "accumulate_batches": 1,
        "batch_size": batch_size,
        "learning_rate": min(rate, _MOST_RATE),
        "workers": min(max(1, cores_of_a_process() - 1), _MOST_WORKERS),
    }


PROFILES: dict[str, Profile] = {"low": Profile(_low), "high": Profile(_high, ("tensorboard", "live"))}


def apply_profile(recipe: Recipe, profile: str | None) -> Recipe:
    """Return the recipe as a profile runs it.

    A profile is asked for after the recipe was written: where both speak of the same setting, the profile decides.
    But the low gear keeps what is lower still: a pool of the recipe's own, more parts, shorter epochs, fewer workers.

    Parameters
    ----------
    recipe : Recipe
    profile : {"low", "high"}, optional
        None leaves the recipe as it is.

    Raises
    ------
    ConfigError
        If there is no such profile.

    References
    ----------
    Malladi et al., "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms", NeurIPS 2022: the rate of Adam
    goes with the square root of the batch.
    """
    if profile is None:
        return recipe
    require_one_of("profile", profile, PROFILES)
    changes = PROFILES[profile].change(recipe.training)
    return dataclasses.replace(recipe, training=dataclasses.replace(recipe.training, **changes))


def profile_observers(profile: str | None) -> tuple[str, ...]:
    """Return the names of the observers that come with a profile where they can be had."""
    return () if profile is None else PROFILES[profile].observers


def cores_of_a_process() -> int:
    """Return how many CPU cores each training process on this computer has for itself."""
    # Set by `accelerate launch` and torchrun.
    return max(1, usable_cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))


def _parts(batch_size: int, most_streams: int) -> int:
    """Return the smallest number of equal parts of at most so many streams."""
    return next(n for n in range(1, batch_size + 1) if batch_size % n == 0 and batch_size // n <= most_streams)
