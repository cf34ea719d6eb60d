"""Network families behind one streaming contract. A new family is one file and one line in ``MODELS``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kws.config import ModelConfig, from_dict, require_one_of, to_dict
from kws.models.bc_resnet import TEACHER, BcResNet, BcResNetSettings
from kws.models.conv_gru import CLASSIC, ConvGru, ConvGruSettings
from kws.models.crnn import Crnn, CrnnSettings
from kws.models.ds_tcn import DsTcn, DsTcnSettings
from kws.models.streaming import StreamingModel, TimeDistributed

__all__ = ["MODELS", "PRESETS", "StreamingModel", "TimeDistributed", "build_model"]


@dataclass(frozen=True)
class Family:
    """A registered family: its network class and its settings class."""

    network: type[Any]
    settings: type[Any]


MODELS: dict[str, Family] = {
    "conv_gru": Family(ConvGru, ConvGruSettings),
    "crnn": Family(Crnn, CrnnSettings),
    "ds_tcn": Family(DsTcn, DsTcnSettings),
    "bc_resnet": Family(BcResNet, BcResNetSettings),
}
"""Families by name."""

PRESETS: dict[str, ModelConfig] = {
    "small": ModelConfig("conv_gru", to_dict(ConvGruSettings())),
    "classic": ModelConfig("conv_gru", to_dict(CLASSIC)),
    "tcn": ModelConfig("ds_tcn", to_dict(DsTcnSettings())),
    # One size for every family, so that they compare: at most 80 000 parameters with 40 bands and one keyword.
    "compact": ModelConfig("conv_gru", to_dict(ConvGruSettings(n_filters=52))),
    "crnn": ModelConfig("crnn", to_dict(CrnnSettings())),
    "compact_tcn": ModelConfig("ds_tcn", to_dict(DsTcnSettings(stem_kernel_frames=11))),
    "bc": ModelConfig("bc_resnet", to_dict(BcResNetSettings())),
    "bc_teacher": ModelConfig("bc_resnet", to_dict(TEACHER)),
}
"""Settings under a name, for ``preset`` in a recipe."""


def build_model(config: ModelConfig, n_features: int, n_keywords: int) -> StreamingModel:
    """Make an untrained network.

    Parameters
    ----------
    config : ModelConfig
        Registered family and its settings.
    n_features : int
        Bands F of the front-end.
    n_keywords : int
        Logits K a step.

    Raises
    ------
    ConfigError
        If the family is not registered or a setting is unknown or out of range.
    """
    require_one_of("model.family", config.family, MODELS)
    family = MODELS[config.family]
    network: StreamingModel = family.network(
        n_features, n_keywords, from_dict(family.settings, config.settings, "model.settings")
    )
    return network
