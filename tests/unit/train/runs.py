"""A run of a tiny network on made-up batches, for tests of the loop: a step takes milliseconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kws.config import FrontEndConfig
from kws.evaluate.counting import Counts
from kws.models import build_model
from kws.spec import ModelSpec
from kws.train.batches import Batch, Share
from kws.train.data_config import DataConfig
from kws.train.loop import Trainer
from kws.train.network import Network
from kws.train.processes import Processes
from kws.train.recipe import NetworkConfig, Recipe, TrainingConfig
from kws.train.validation import Outcome

N_BANDS, N_FRAMES, SEED = 6, 24, 3


def make_recipe(compression: str = "log", dropout: float = 0.3, **training: Any) -> Recipe:
    """Return a recipe of 12 steps, validated after every fourth, the first half on frame labels."""
    recipe = Recipe(
        "word",
        DataConfig("audio", {"word": ("word",)}, ("other",), ("noise",)),
        FrontEndConfig(compression=compression, n_bands=N_BANDS),
        NetworkConfig(
            family="conv_gru",
            settings=dict(n_filters=4, kernel_frames=3, stride=2, n_hidden=4, n_layers=1, dropout=dropout),
        ),
        seed=SEED,
    )
    settings = dict(steps=12, batch_size=8, validate_every=4, warm_up_steps=2, save_every_s=0.0, workers=0) | training
    loss = dataclasses.replace(TrainingConfig().loss, warm_up_share=0.5)
    return dataclasses.replace(recipe, training=TrainingConfig(loss=loss, **settings))


def make_spec(recipe: Recipe) -> ModelSpec:
    network = build_model(recipe.model.resolve(), N_BANDS, 1)
    return ModelSpec(
        name="word",
        keywords=("word",),
        front_end=recipe.front_end,
        model=recipe.model.resolve(),
        step_frames=network.step_frames,
        delay_s=0.0,
        decision=recipe.rules,
        training={"train": {"clips": 3}},
    )


def make_batch(number: int, n_streams: int) -> Batch:
    """Return the batch of a number: a louder stretch ends where the word does."""
    rng = np.random.default_rng([SEED, number])
    inputs = np.abs(rng.standard_normal((n_streams, N_FRAMES, N_BANDS))).astype(np.float32)
    windows = np.zeros((n_streams, N_FRAMES // 2, 1), np.int8)
    windows[::2, 5:8] = 1
    inputs[::2, 8:14] += 2.0
    labels = (windows == 1).astype(np.float32)
    return Batch(torch.from_numpy(inputs), torch.from_numpy(windows), torch.from_numpy(labels))


def make_batches(recipe: Recipe, step: int = 0, process: int = 0, n_processes: int = 1) -> Iterator[Batch]:
    """Yield a process's batches from a step on."""
    share = Share(recipe.training, step, process, n_processes)
    for index in range(len(share)):
        yield make_batch(share.number(index), share.n_streams)


class WeightJudge:
    """Stands in for the validator: what it finds depends on each bit of the averaged network."""

    def __init__(self) -> None:
        self.n_judged = 0

    def judge(self, network: Network) -> Outcome:
        self.n_judged += 1
        cost = float(sum(p.double().abs().sum() for p in network.parameters()))
        return Outcome({"word": 0.5}, {"clean": Counts(n_hits=3, n_misses=1)}, Counts(), cost)


def make_trainer(
    out: Path, recipe: Recipe, judge: Any = None, on_notice: Callable[[str], None] = lambda line: None
) -> Trainer:
    out.mkdir(exist_ok=True)
    processes = Processes(recipe.training, cpu=True)
    return Trainer(recipe, make_spec(recipe), out, judge or WeightJudge(), processes, on_notice)
