"""Make training batches: streams from the synthesiser, augmented, as features with their targets."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from kws.audio import FloatArray
from kws.spec import ModelSpec
from kws.train.augment import AugmentationChain
from kws.train.network import network_inputs
from kws.train.recipe import TrainingConfig
from kws.train.targets import StreamSource, frame_labels, windows


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


class BatchMaker(Dataset[Batch]):
    """Batch number `i` of a run, made from the seed and `i` alone.

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
        Number of the first batch that is still to come.
    """

    def __init__(
        self,
        source: StreamSource,
        chain: AugmentationChain,
        spec: ModelSpec,
        training: TrainingConfig,
        seed: int,
        first: int = 0,
    ) -> None:
        self._source, self._chain, self._spec = source, chain, spec
        self._training, self._seed, self._first = training, seed, first

    def __len__(self) -> int:
        return self._training.steps - self._first

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([self._seed, self._first + index])
        streams = [self._source.stream(rng) for _ in range(self._training.batch_size)]
        samples = np.stack([self._chain.apply("stream", stream.samples, rng) for stream in streams])
        n_steps = samples.shape[1] // self._spec.step_samples
        samples = samples[:, : n_steps * self._spec.step_samples]
        grid = self._spec.keywords, n_steps, self._spec.step_samples
        loss = self._training.loss
        marks = [windows(stream.segments, *grid, loss) for stream in streams]
        labels = [frame_labels(stream.segments, *grid, loss.label_s) for stream in streams]
        return Batch(
            torch.from_numpy(self._inputs(samples, rng)),
            torch.from_numpy(np.stack(marks)),
            torch.from_numpy(np.stack(labels)),
        )

    def _inputs(self, samples: FloatArray, rng: np.random.Generator) -> FloatArray:
        inputs = network_inputs(samples, self._spec.front_end)
        return np.stack([self._chain.apply("features", item, rng) for item in inputs])


def batches(maker: BatchMaker, workers: int) -> Iterator[Batch]:
    """Yield the batches of a maker in order, made ahead by `workers` processes."""
    loader: DataLoader[Batch] = DataLoader(
        maker,
        batch_size=None,
        num_workers=workers,
        worker_init_fn=_one_thread,
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


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
