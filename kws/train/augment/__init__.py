"""Augmentations. A new one is one file and one line in ``AUGMENTATIONS``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kws.audio import FloatArray
from kws.config import from_dict, require_one_of
from kws.train.augment.band_warp import BandWarp
from kws.train.augment.base import Augmentation
from kws.train.augment.elastic import Elastic
from kws.train.augment.equalise import Equalise
from kws.train.augment.gain import Gain, MicrophoneNoise, TimeShift
from kws.train.augment.pass_band import PassBand
from kws.train.augment.reverb import Reverb
from kws.train.augment.spec_augment import SpecAugment
from kws.train.augment.speed import Speed
from kws.train.augment.telephone import Telephone
from kws.train.augment.tempo import Tempo

__all__ = ["AUGMENTATIONS", "Augmentation", "AugmentationChain"]

# In the order in which they are applied within a stage. Noise and background speech are no augmentation of
# ready streams: the synthesiser mixes them at a drawn ratio to the words.
AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "speed": Speed,
    "tempo": Tempo,
    "reverb": Reverb,
    "equalise": Equalise,
    "pass_band": PassBand,
    "time_shift": TimeShift,
    "gain": Gain,
    "microphone_noise": MicrophoneNoise,
    "telephone": Telephone,
    "band_warp": BandWarp,
    "elastic": Elastic,
    "spec_augment": SpecAugment,
}
"""Augmentations by name, which is that of their table in a recipe."""


@dataclass(frozen=True)
class AugmentationChain:
    """The augmentations of a recipe, and the impulse responses that they may use."""

    members: tuple[Augmentation, ...]
    rirs: Sequence[FloatArray] = ()

    @classmethod
    def from_dict(cls, settings: Mapping[str, Mapping[str, Any]], rirs: Sequence[FloatArray] = ()) -> AugmentationChain:
        """Make the chain from settings by registered name.

        Raises
        ------
        ConfigError
            If a name is not registered or a setting is unknown or out of range.
        """
        for name in settings:
            require_one_of("augment", name, AUGMENTATIONS)
        members = [
            from_dict(kind, settings[name], f"augment.{name}")
            for name, kind in AUGMENTATIONS.items()
            if name in settings
        ]
        return cls(tuple(members), rirs)

    def apply(self, stage: str, x: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Apply the members of one stage, in the registered order."""
        for member in self.members:
            if member.stage == stage:
                x = member(x, rng, self.rirs)
        return x
