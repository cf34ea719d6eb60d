"""Make training batches: streams from the synthesiser, augmented, as features with their targets."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from kws.audio import FloatArray
from kws.errors import ConfigError
from kws.spec import ModelSpec
from kws.train.augment import AugmentationChain
from kws.train.network import network_inputs
from kws.train.recipe import LossConfig, TrainingConfig
from kws.train.targets import StreamSource, frame_labels, windows

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """One training batch.

    Parameters
    ----------
    inputs : Tensor, shape (B, T, F)
        What the network takes: features, or band energies for PCEN.
    windows : Tensor of int8, shape (B, steps, K)
    labels : Tensor of float32, shape (B, steps, K)
    """

    inputs: Tensor
    windows: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Examples:
    """Streams as the network takes them, before what is drawn anew at each use.

    Parameters
    ----------
    inputs : array of float32, shape (B, T, F)
    windows : array of int8, shape (B, steps, K)
    labels : array of float32, shape (B, steps, K)
    """

    inputs: FloatArray
    windows: npt.NDArray[np.int8]
    labels: FloatArray


class ExampleMaker:
    """Makes streams and what the network needs of them.

    Parameters
    ----------
    source : StreamSource
        Makes streams of one fixed length.
    chain : AugmentationChain
        Its members for streams are applied here; those for clips belong to the source.
    spec : ModelSpec
    loss : LossConfig
        Its windows and labels.
    """

    def __init__(self, source: StreamSource, chain: AugmentationChain, spec: ModelSpec, loss: LossConfig) -> None:
        self._source, self._chain, self._spec, self._loss = source, chain, spec, loss

    def make(self, n_streams: int, rng: np.random.Generator) -> Examples:
        """Return examples that depend on the generator alone."""
        streams = [self._source.stream(rng) for _ in range(n_streams)]
        samples = np.stack([self._chain.apply("stream", stream.samples, rng) for stream in streams])
        n_steps = samples.shape[1] // self._spec.step_samples
        grid = self._spec.keywords, n_steps, self._spec.step_samples
        marks = [windows(stream.segments, *grid, self._loss) for stream in streams]
        labels = [frame_labels(stream.segments, *grid, self._loss.label_s) for stream in streams]
        inputs = network_inputs(samples[:, : n_steps * self._spec.step_samples], self._spec.front_end)
        return Examples(inputs, np.stack(marks), np.stack(labels))


@dataclass(frozen=True)
class Share:
    """The batches of a run that one process takes.

    A step of the optimiser has ``accumulate_batches * n_processes`` batches, which share its streams evenly. All
    batches of a run are numbered in one row, and processes take turns: whatever the number of processes, each
    number is made once.

    Parameters
    ----------
    training : TrainingConfig
    first_step : int
        Number of the first step that is still to come.
    process, n_processes : int
        Which of how many processes this is, from 0.

    Raises
    ------
    ConfigError
        If the streams of a step cannot be shared evenly.
    """

    training: TrainingConfig
    first_step: int = 0
    process: int = 0
    n_processes: int = 1

    def __post_init__(self) -> None:
        if self.training.batch_size % self._batches_a_step:
            raise ConfigError(
                f"training.batch_size is {self.training.batch_size}; accepted with {self.n_processes} processes and "
                f"training.accumulate_batches {self.training.accumulate_batches} are multiples of "
                f"{self._batches_a_step}"
            )

    def __len__(self) -> int:
        return (self.training.steps - self.first_step) * self.training.accumulate_batches

    @property
    def n_streams(self) -> int:
        """Streams of one batch."""
        return self.training.batch_size // self._batches_a_step

    def number(self, index: int) -> int:
        """Return the number in the run of this process's next batch but `index`."""
        return self.first_step * self._batches_a_step + index * self.n_processes + self.process

    @property
    def _batches_a_step(self) -> int:
        return self.training.accumulate_batches * self.n_processes


class BatchMaker(Dataset[Batch]):
    """Makes each batch afresh, from the seed and its number alone.

    So any number of workers, and a resumed run, see the same batches.

    Parameters
    ----------
    source : StreamSource
        Makes streams of one fixed length.
    chain : AugmentationChain
    spec : ModelSpec
    training : TrainingConfig
    seed : int
    first : int
        Number of the first step that is still to come.
    process, n_processes : int
        Which of how many processes this is, from 0.
    """

    def __init__(
        self,
        source: StreamSource,
        chain: AugmentationChain,
        spec: ModelSpec,
        training: TrainingConfig,
        seed: int,
        first: int = 0,
        process: int = 0,
        n_processes: int = 1,
    ) -> None:
        self._examples = ExampleMaker(source, chain, spec, training.loss)
        self._share = Share(training, first, process, n_processes)
        self._chain, self._seed = chain, seed

    def __len__(self) -> int:
        return len(self._share)

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([self._seed, self._share.number(index)])
        return to_batch(self._examples.make(self._share.n_streams, rng), self._chain, rng)


def to_batch(examples: Examples, chain: AugmentationChain, rng: np.random.Generator) -> Batch:
    """Return a batch of the examples with the augmentations of features, drawn anew."""
    inputs = np.stack([chain.apply("features", item, rng) for item in examples.inputs])
    return Batch(torch.from_numpy(inputs), torch.from_numpy(examples.windows), torch.from_numpy(examples.labels))


def batches(maker: Dataset[Item], workers: int) -> Iterator[Item]:
    """Yield what a maker makes in order, made ahead by `workers` processes.

    A maker whose attribute ``needs_workers`` is false is quick enough without them.
    """
    workers = workers if getattr(maker, "needs_workers", True) else 0
    loader: DataLoader[Item] = DataLoader(
        maker,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_begin_worker,
        prefetch_factor=4 if workers else None,
        # Its own generator: by default the loader draws from the global one, and a resumed run would draw twice.
        generator=torch.Generator(),
    )
    return iter(loader)


ClipHook = Callable[[FloatArray, str, np.random.Generator], FloatArray]
"""``(clip, label, rng) -> clip``: what is done to a clip before it is placed in a stream."""


def clip_hook(chain: AugmentationChain) -> ClipHook:
    """Return the synthesiser's hook that augments each clip before it is placed."""
    return functools.partial(_transform, chain)


def _transform(chain: AugmentationChain, clip: FloatArray, label: str, rng: np.random.Generator) -> FloatArray:
    return chain.apply("clip", clip, rng)


def _begin_worker(worker: int) -> None:
    torch.set_num_threads(1)
    # Out of the group that Ctrl-C and a launcher's signals go to: whoever takes the batches decides when it ends.
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    # What goes wrong with a batch travels to whoever takes it. All that is left to print are the threads that hand
    # batches over, when the taker has gone.
    sys.excepthook = lambda *_: None
