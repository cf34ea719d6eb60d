"""Batches from a pool of ready streams on disk: training without synthesis."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from kws import __version__
from kws.config import to_dict
from kws.spec import ModelSpec
from kws.train.augment import AugmentationChain
from kws.train.batches import Batch, BatchMaker, ExampleMaker, Share, to_batch
from kws.train.feature_pool import FORMAT, FeaturePool, OnProgress, PoolMaker
from kws.train.recipe import CacheConfig, LossConfig, Recipe
from kws.train.targets import StreamSource

FOLDER = "feature-cache"
# Of the loss, what windows and labels depend on; its weights may change on the same pool.
_WINDOW_SETTINGS = ("label_s", "before_s", "after_s", "ignore_s")


class CachedBatches(Dataset[Batch]):
    """Draws each batch from a pool, by the seed and the batch's number alone; its features are augmented anew.

    Parameters
    ----------
    pool : FeaturePool
    chain : AugmentationChain
        Its members for features are applied here; the others are in the pool.
    share : Share
    seed : int
    """

    needs_workers = False

    def __init__(self, pool: FeaturePool, chain: AugmentationChain, share: Share, seed: int) -> None:
        self._pool, self._chain, self._share, self._seed = pool, chain, share, seed

    def __len__(self) -> int:
        return len(self._share)

    def __getitem__(self, index: int) -> Batch:
        rng = np.random.default_rng([self._seed, self._share.number(index)])
        # In the order of the file, which a slow disk likes better; the order in a batch carries no meaning.
        chosen = np.sort(rng.choice(len(self._pool), self._share.n_streams, replace=False))
        return to_batch(self._pool.read(chosen), self._chain, rng)


def open_batches(
    source: StreamSource,
    chain: AugmentationChain,
    spec: ModelSpec,
    recipe: Recipe,
    out: Path,
    first: int = 0,
    process: int = 0,
    n_processes: int = 1,
    on_progress: OnProgress | None = None,
) -> Dataset[Batch]:
    """Return the batches of a run, as its recipe wants them: made afresh, or from a pool.

    Parameters
    ----------
    source : StreamSource
    chain : AugmentationChain
    spec : ModelSpec
    recipe : Recipe
    out : Path
        Folder of the run.
    first : int
        Number of the first step that is still to come.
    process, n_processes : int
        Which of how many processes this is, from 0.
    on_progress : callable, optional
        Called while a pool is made, with the streams that are there and their total.

    Raises
    ------
    ConfigError
        If the streams of a step cannot be shared evenly.
    DataError
        If the pool cannot be written.
    """
    training, cache = recipe.training, recipe.training.cache
    if cache.streams == 0:
        return BatchMaker(source, chain, spec, training, recipe.seed, first, process, n_processes)
    share = Share(training, first, process, n_processes)
    is_energy = spec.front_end.compression == "pcen"
    examples = ExampleMaker(source, chain, spec, training.loss)
    maker = PoolMaker(examples, is_energy, recipe.seed, cache.streams, training.workers)
    place = cache_folder(cache, out) / pool_name(source, chain, spec, recipe)
    return CachedBatches(maker.open(place, on_progress), chain, share, recipe.seed)


def cache_folder(cache: CacheConfig, out: Path) -> Path:
    """Return where the pools of a run lie."""
    return out.parent / FOLDER if cache.folder is None else Path(cache.folder).expanduser()


def pool_name(source: StreamSource, chain: AugmentationChain, spec: ModelSpec, recipe: Recipe) -> str:
    """Return the name of a pool: the model's, and a digest of everything that its streams depend on.

    Those are the clips, their synthesis and augmentation, the front-end but for what is trained of it, the windows
    and labels, and the seed. The network and the weights of the loss are none of it.
    """
    front_end = to_dict(spec.front_end)
    front_end.pop("pcen")
    values = {
        "format": FORMAT,
        "toolkit": __version__,
        "source": source.fingerprint(),
        "augment": [[type(m).__name__, to_dict(m)] for m in chain.members if m.stage != "features"],
        "rirs": _digest(chain),
        "front_end": front_end,
        "keywords": spec.keywords,
        "step_samples": spec.step_samples,
        "windows": _window_settings(recipe.training.loss),
        "streams": recipe.training.cache.streams,
        "seed": recipe.seed,
    }
    text = json.dumps(values, sort_keys=True)
    return f"{recipe.name}-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def _window_settings(loss: LossConfig) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(loss).items() if name in _WINDOW_SETTINGS}


def _digest(chain: AugmentationChain) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for rir in chain.rirs:
        digest.update(f"{len(rir)} ".encode())
        digest.update(np.ascontiguousarray(rir).view(np.uint8).data)
    return digest.hexdigest()
