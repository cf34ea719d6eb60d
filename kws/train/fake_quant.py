"""Quantisation-aware fine-tuning: training goes on with values and weights rounded as int8 on a device rounds them.

The rounding has the gradient of the identity within its range and none outside (straight-through estimator), so that
the weights move to where rounding does little. What is trained, averaged and saved are the network's own weights in
float: a checkpoint like any other.

References
----------
Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR
2018; Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons", 2013.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from kws.audio import FloatArray
from kws.errors import ConfigError
from kws.features import clip_features
from kws.graph import Ranges, calibrate
from kws.models import StreamingModel
from kws.spec import ModelSpec
from kws.train.network import Network, load_network
from kws.train.recipe import QuantisationConfig, Recipe
from kws.train.tensor_graph import TensorBuilder, run_tensors

_STEPS_SHARE = 8
_RATE_SHARE = 10
_EPOCHS = 4
# Beyond it a sigmoid is 0 or 1 to its last step of 8 bits, and a tanh long before.
_SATURATED_SUM = 8.0


class Int8Arithmetic:
    """Runs a streaming model as whole numbers of 8 bits would: see :attr:`kws.train.network.Network.arithmetic`.

    Values are rounded over their range from calibration, zero being exact. Weights are symmetric about zero: those of a
    convolution have a scale an output, those of a dense layer and of each gate of a GRU one in all.

    Parameters
    ----------
    ranges : Ranges
        From :func:`kws.graph.calibrate`.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = ranges

    def __call__(self, model: StreamingModel, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T // step_frames, K)`` and the new states."""
        # In half precision everything would be rounded twice.
        with torch.autocast(x.device.type, enabled=False):
            return run_tensors(model.to_graph(TensorBuilder()), x.float(), state, self)

    def value(self, name: str, x: Tensor) -> Tensor:
        """Round a value over its range."""
        low, high = self._ranges[name]
        if name.endswith("_sum"):
            low, high = max(low, -_SATURATED_SUM), min(high, _SATURATED_SUM)
        scale = (max(high, 0.0) - min(low, 0.0)) / 255.0 or 1.0
        return _rounded(x, scale, round(-128.0 - min(low, 0.0) / scale))

    def unit(self, x: Tensor) -> Tensor:
        """Round a value between -1 and 1."""
        return _rounded(x, 1 / 128, 0)

    def gate(self, x: Tensor) -> Tensor:
        """Round a value between 0 and 1."""
        return _rounded(x, 1 / 256, -128)

    def weight(self, weight: Tensor, output_axis: int | None) -> Tensor:
        """Round weights to -127 … 127 times their scale."""
        rows = weight.detach().movedim(output_axis, 0) if output_axis is not None else weight.detach()[None]
        scale = (rows.flatten(1).abs().amax(dim=1) / 127.0).clamp(min=1e-12)
        if output_axis is None:
            return torch.fake_quantize_per_tensor_affine(weight, scale[0], _zero(scale[0]), -127, 127)
        return torch.fake_quantize_per_channel_affine(weight, scale, _zero(scale), output_axis, -127, 127)


def _rounded(x: Tensor, scale: float, zero_point: int) -> Tensor:
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, -128, 127)


def _zero(scale: Tensor) -> Tensor:
    return torch.zeros_like(scale, dtype=torch.int32)


@dataclass(frozen=True)
class Start:
    """A trained network to fine-tune, and the arithmetic it is to get used to."""

    network: Network
    spec: ModelSpec
    arithmetic: Int8Arithmetic


def open_start(config: QuantisationConfig, spec: ModelSpec, audio: Sequence[FloatArray]) -> Start:
    """Read the checkpoint that fine-tuning starts from, and observe its ranges.

    Parameters
    ----------
    config : QuantisationConfig
    spec : ModelSpec
        Of the recipe.
    audio : sequence of array, each (N,)
        Real audio at 16 kHz: the validation streams.

    Raises
    ------
    CheckpointError
        If the file is missing or no checkpoint.
    ConfigError
        If it holds another network than the recipe describes.
    """
    network, found = load_network(Path(config.start), spec, "checkpoint")
    if found.model != spec.model:
        raise ConfigError(f"checkpoint {config.start} has the network {found.model}; the recipe asks for {spec.model}")
    tracks = [clip_features(samples, found.front_end) for samples in audio]
    return Start(network, found, Int8Arithmetic(calibrate(network.model.eval().to_graph(), tracks)))


def apply_qat(recipe: Recipe, checkpoint: Path) -> Recipe:
    """Return the recipe of a short fine-tune: an eighth of the steps at a tenth of the rate, and the last loss alone.

    Parameters
    ----------
    recipe : Recipe
        That the checkpoint was trained by.
    checkpoint : Path
    """
    training = recipe.training
    steps = max(1, training.steps // _STEPS_SHARE)
    changed = dataclasses.replace(
        training,
        quantisation=QuantisationConfig(str(checkpoint)),
        steps=steps,
        learning_rate=max(training.learning_rate / _RATE_SHARE, 1e-7),
        warm_up_steps=min(training.warm_up_steps, steps // 10),
        validate_every=min(training.validate_every, max(1, steps // _EPOCHS)),
        # Labels of frames are for a network that knows nothing yet.
        loss=dataclasses.replace(training.loss, warm_up_share=0.0),
    )
    return dataclasses.replace(recipe, training=changed)
