"""A training run from a recipe: load, arrange, train. The parts that other packages bring are passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from kws import __version__
from kws.audio import FloatArray, to_float32
from kws.errors import DataError
from kws.models import build_model
from kws.spec import ModelSpec
from kws.train.augment import AugmentationChain
from kws.train.batches import BatchMaker, ClipHook, batches, clip_hook
from kws.train.corpus import Corpus
from kws.train.loop import LAST, StepReport, Trainer
from kws.train.material import Material, prepare_material
from kws.train.recipe import Recipe
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
    maker: BatchMaker

    def train(self, workers: int, on_progress: Callable[[StepReport], None]) -> None:
        """Train to the end of the recipe, with batches made by `workers` processes."""
        # More threads make small networks slower, and batches are made by other processes meanwhile.
        torch.set_num_threads(1)
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
        Folder of the run.
    """

    recipe: Recipe
    corpus: Corpus
    make_streams: MakeStreams
    out: Path

    def prepare(self, resume: bool) -> Run:
        """Arrange the data and make the network.

        Parameters
        ----------
        resume : bool
            Go on from the folder's last checkpoint.

        Raises
        ------
        CheckpointError
            If there is none to go on from, or it was made with another recipe.
        """
        recipe, spec = self.recipe, make_spec(self.recipe, self.corpus)
        validator = Validator(self.validation_streams(), spec, recipe.training.target_fa_per_h)
        trainer = Trainer(recipe, spec, self.out, validator)
        if resume:
            trainer.resume()
        chain = AugmentationChain.from_dict(recipe.augment, [to_float32(c.samples) for c in self.corpus.rirs])
        material = prepare_material(self.corpus.train, np.random.default_rng(recipe.seed))
        source = self.make_streams(material, clip_hook(chain))
        return Run(trainer, BatchMaker(source, chain, spec, recipe.training, recipe.seed, trainer.step))

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
        },
    )


def prepare_folder(out: Path, resume: bool) -> None:
    """Make the folder of a run; an earlier run in it is never overwritten.

    Raises
    ------
    DataError
        If there is a run in it and `resume` is false, or it cannot be written.
    """
    if not resume and (out / LAST).exists():
        raise DataError(f"{out}: holds a run already; go on with it by --resume, or choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / ".write-test"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise DataError(f"{out}: cannot be written ({error.strerror})") from None
