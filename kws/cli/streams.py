"""The synthesiser of a recipe, for the commands that train and that look at a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_tools.synthesize import StreamSynthesizer
    from kws.train.batches import ClipHook
    from kws.train.material import Material
    from kws.train.recipe import Recipe
    from kws.train.session import MakeStreams


def make_streams_of(recipe: Recipe) -> MakeStreams:
    """Return what makes the synthesiser of a recipe; every setting of it is checked before anything is loaded."""
    from data_tools.synthesize import StreamSynthesizer, SynthesisConfig
    from kws.config import from_dict
    from kws.train.augment import AugmentationChain

    config = from_dict(SynthesisConfig, recipe.synthesis, "synthesis")
    AugmentationChain.from_dict(recipe.augment)

    def make(material: Material, hook: ClipHook) -> StreamSynthesizer:
        sounds = material.keywords, material.negatives, material.noise, material.talkers
        return StreamSynthesizer(*sounds, config, clip_transform=hook)

    return make
