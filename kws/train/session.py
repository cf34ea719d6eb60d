"""A training run from a recipe: load, arrange, train. The parts that other packages bring are passed in."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from kws import __version__
from kws.audio import FloatArray, to_float32
from kws.models import build_model
from kws.spec import ModelSpec
from kws.train.augment import AugmentationChain
from kws.train.batches import Batch, ClipHook, batches, clip_hook
from kws.train.corpus import Corpus, sources_of
from kws.train.fake_quant import Start, open_start
from kws.train.feature_cache import open_batches
from kws.train.feature_pool import OnProgress
from kws.train.loop import StepReport, Trainer
from kws.train.material import Material, prepare_material
from kws.train.processes import Processes
from kws.train.recipe import Recipe
from kws.train.run_folder import RunFolder
from kws.train.targets import StreamSource
from kws.train.validation import Validator
from kws.train.validation_streams import ValidationStream, validation_streams

MakeStreams = Callable[[Material, ClipHook], StreamSource]
"""Makes the synthesiser from what streams are made of and the hook that augments each clip."""

_PARITY_AUDIO_S = 20


@dataclass(frozen=True)
class Run:
    """A run that is ready for its next step."""

    trainer: Trainer
    maker: Dataset[Batch]
    folder: RunFolder
    processes: Processes

    def train(self, workers: int, on_progress: Callable[[StepReport], None]) -> None:
        """Train to the end of the recipe, with batches made by `workers` processes.

        A run that is to be overwritten is moved aside first: by now nothing is known that could keep this one from
        starting.

        Raises
        ------
        DataError
            If the folder has no room for the run, or cannot be written.
        """
        if self.processes.device.type == "cpu":
            # More threads make small networks slower, and batches are made by other processes meanwhile.
            torch.set_num_threads(1)
        n_bytes = self.trainer.checkpoint_bytes
        if self.processes.is_main:
            self.folder.require_room(n_bytes)
            if self.trainer.step == 0:
                self.folder.move_aside()
        self.trainer.run(batches(self.maker, workers), on_progress)


@dataclass(frozen=True)
class Session:
    """Everything of a run that does not change while it trains.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    make_streams : callable
    out : Path
        Existing folder of the run.
    overwrite : bool
        Whether a run that is there already may be moved aside.
    processes : Processes, optional
        By default those that Accelerate finds.
    on_notice : callable
        Told in one line what a user should know.
    """

    recipe: Recipe
    corpus: Corpus
    make_streams: MakeStreams
    out: Path
    overwrite: bool = False
    processes: Processes | None = None
    on_notice: Callable[[str], None] = logging.getLogger(__name__).warning

    def prepare(self, resume: bool, on_pool: OnProgress | None = None) -> Run:
        """Arrange the data and make the network.

        Parameters
        ----------
        resume : bool
            Go on from the folder's last checkpoint.
        on_pool : callable, optional
            Called while a pool of streams is made, with the streams that are there and their total.

        Raises
        ------
        CheckpointError
            If there is none to go on from, or it was made with another recipe; or if there is none to fine-tune.
        ConfigError
            If the one to fine-tune holds another network.
        DataError
            If a run is in the folder that may not be overwritten, or a pool of streams cannot be written.
        """
        recipe, spec = self.recipe, make_spec(self.recipe, self.corpus)
        processes = self.processes or Processes(recipe.training)
        folder = RunFolder(self.out, recipe.name)
        if processes.is_main and not (resume or self.overwrite):
            folder.require_free()
        start = self._start(spec)
        if start is not None:
            spec = dataclasses.replace(spec, front_end=start.spec.front_end)
        validator = None
        if processes.is_main:
            validator = Validator(self.validation_streams(), spec, recipe.training.target_fa_per_h)
        trainer = Trainer(recipe, spec, self.out, validator, processes, self.on_notice, start)
        if resume:
            trainer.resume()
        return Run(trainer, self._batches(spec, trainer.step, processes, on_pool), folder, processes)

    def _start(self, spec: ModelSpec) -> Start | None:
        config = self.recipe.training.quantisation
        if not config.start:
            return None
        return open_start(config, spec, [stream.samples for stream in self.validation_streams()])

    def _batches(self, spec: ModelSpec, first: int, processes: Processes, on_pool: OnProgress | None) -> Dataset[Batch]:
        recipe = self.recipe
        chain = AugmentationChain.from_dict(recipe.augment, [to_float32(c.samples) for c in self.corpus.rirs])
        rng = np.random.default_rng(recipe.seed)
        material = prepare_material(self.corpus.train, rng, recipe.material, recipe.data.spoken_share)
        source = self.make_streams(material, clip_hook(chain))
        share = first, processes.index, processes.count
        return open_batches(source, chain, spec, recipe, self.out, *share, on_pool)

    def validation_streams(self) -> list[ValidationStream]:
        """Return the streams on which epochs are compared; the same for the same recipe."""
        return validation_streams(self.corpus.validation, np.random.default_rng(self.recipe.seed))

    def parity_audio(self) -> list[FloatArray]:
        """Return real audio for the parity gate: some of each validation condition."""
        first = {stream.condition: stream.samples for stream in reversed(self.validation_streams())}
        return [samples[: _PARITY_AUDIO_S * 16_000] for samples in first.values()]


def make_spec(recipe: Recipe, corpus: Corpus) -> ModelSpec:
    """Return what the model of a recipe says about itself before it is trained."""
    config = recipe.model.resolve()
    network = build_model(config, recipe.front_end.n_bands, len(recipe.keywords))
    return ModelSpec(
        name=recipe.name,
        keywords=recipe.keywords,
        front_end=recipe.front_end,
        model=config,
        step_frames=network.step_frames,
        delay_s=network.delay_s,
        decision=recipe.rules,
        training={
            "toolkit": __version__,
            "recipe": recipe.name,
            "seed": recipe.seed,
            "steps": recipe.training.steps,
            "parameters": network.n_parameters,
            "licence": recipe.licence,
            "train": corpus.train.summary,
            "sources": sources_of(corpus.trained_on),
        },
    )
