"""Turn trained layers into operations of the one graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor, nn

from kws.graph import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Array,
    Conv1d,
    Conv2d,
    Dense,
    Graph,
    Gru,
    MeanOverBands,
    Operation,
)
from kws.models.bands import StreamingConv2d, SubSpectralNorm
from kws.models.streaming import StreamingConv1d, StreamingGru


class GraphBuilder:
    """Collects operations while a model walks its layers; each method returns the name of its result.

    A BatchNorm is no operation: one that follows a convolution is folded into it, one that precedes a linear
    layer is passed to that layer as `before`. A norm of each band by itself cannot be folded into a kernel that is
    the same for all bands.

    A builder whose operations hold something else than numpy arrays overrides :meth:`values`, :meth:`affine` and
    :meth:`no_bias`.
    """

    def __init__(self) -> None:
        self.source = "features"
        self._operations: list[Operation] = []
        self._n_states = 0

    def values(self, tensor: object) -> Any:
        """Return a parameter as operations hold it: a copy in numpy."""
        return to_numpy(tensor)

    def affine(self, norm: nn.BatchNorm1d) -> tuple[Any, Any]:
        """Return the scale and shift of a norm, as :func:`affine` does."""
        return affine(norm)

    def no_bias(self, weight: Any) -> Any:
        """Return a bias that adds nothing to the outputs of some weights."""
        return np.zeros(len(weight), np.float32)

    def conv(self, source: str, layer: StreamingConv1d, after: nn.BatchNorm1d | None = None) -> str:
        """Add a convolution, and the BatchNorm after it."""
        weight, bias = self.values(layer.conv.weight), self.values(layer.conv.bias)
        if after is not None:
            scale, shift = self.affine(after)
            weight, bias = weight * scale[:, None, None], bias * scale + shift
        state = self._state("conv") if layer.context_frames else ""
        stride, dilation = layer.conv.stride[0], layer.conv.dilation[0]
        return self._add(Conv1d(source, self._name(), weight, bias, stride, dilation, layer.conv.groups, state))

    def conv2d(self, source: str, layer: StreamingConv2d, after: nn.BatchNorm1d | None = None) -> str:
        """Add a convolution over bands and time, and the BatchNorm of its channels after it."""
        # Bands before time, as the graph has them.
        weight = self.values(layer.conv.weight).swapaxes(2, 3)
        bias = self.no_bias(weight)
        if after is not None:
            scale, bias = self.affine(after)
            weight = weight * scale[:, None, None, None]
        state = self._state("conv") if layer.context_frames else ""
        (stride, band_stride), padding = layer.conv.stride, int(layer.conv.padding[1])
        sizes = layer.n_bands, band_stride, padding, stride, layer.conv.groups
        return self._add(Conv2d(source, self._name(), weight, bias, *sizes, state))

    def sub_spectral_norm(self, source: str, norm: SubSpectralNorm) -> str:
        """Add a norm of each band of each channel."""
        # The layer has the channels of a band side by side, the graph the bands of a channel.
        scale, shift = (values.reshape(norm.n_bands, -1).T.ravel() for values in self.affine(norm.norm))
        return self._add(Affine(source, self._name(), scale, shift))

    def mean_over_bands(self, source: str, n_bands: int) -> str:
        """Add the mean of each channel's bands."""
        return self._add(MeanOverBands(source, self._name(), n_bands))

    def add_to_bands(self, left: str, right: str, n_bands: int) -> str:
        """Add a residual connection in which `right` is the same for all bands of `left`."""
        return self._add(AddToBands(left, right, self._name(), n_bands))

    def gru(self, source: str, layer: StreamingGru, before: nn.BatchNorm1d | None = None) -> str:
        """Add a GRU layer, and the BatchNorm before it."""
        gru = layer.gru
        weight, bias = self._fold_before(gru.weight_ih_l0, gru.bias_ih_l0, before)
        hidden = self.values(gru.weight_hh_l0), bias, self.values(gru.bias_hh_l0)
        return self._add(Gru(source, self._name(), weight, *hidden, self._state("gru")))

    def dense(self, source: str, layer: nn.Linear, before: nn.BatchNorm1d | None = None) -> str:
        """Add a linear layer, and the BatchNorm before it."""
        weight, bias = self._fold_before(layer.weight, layer.bias, before)
        return self._add(Dense(source, self._name(), weight, bias))

    def activation(self, source: str, kind: str) -> str:
        """Add a ``relu`` or ``sigmoid``."""
        return self._add(Activation(source, self._name(), kind))

    def add(self, left: str, right: str) -> str:
        """Add a residual connection."""
        return self._add(Add(left, right, self._name()))

    def graph(self, target: str, n_features: int, n_keywords: int, step_frames: int) -> Graph:
        """Return the finished graph, which ends at the value `target`."""
        return Graph(tuple(self._operations), self.source, target, n_features, n_keywords, step_frames)

    def _fold_before(self, layer_weight: object, layer_bias: object, norm: nn.BatchNorm1d | None) -> tuple[Any, Any]:
        weight, bias = self.values(layer_weight), self.values(layer_bias)
        if norm is None:
            return weight, bias
        scale, shift = self.affine(norm)
        return weight * scale, bias + weight @ shift

    def _add(self, operation: Operation) -> str:
        self._operations.append(operation)
        return operation.target

    def _name(self) -> str:
        return f"value_{len(self._operations)}"

    def _state(self, kind: str) -> str:
        self._n_states += 1
        return f"state_{self._n_states - 1}_{kind}"


def affine(norm: nn.BatchNorm1d) -> tuple[Array, Array]:
    """Return the scale and shift that a BatchNorm applies in evaluation mode, computed in float64."""
    mean, variance = _double(norm.running_mean), _double(norm.running_var)
    scale = _double(norm.weight) / np.sqrt(variance + norm.eps)
    shift = _double(norm.bias) - mean * scale
    return scale.astype(np.float32), shift.astype(np.float32)


def to_numpy(tensor: object) -> Array:
    """Return a float32 copy of a parameter or buffer."""
    assert isinstance(tensor, Tensor)
    array: Array = tensor.detach().cpu().numpy().astype(np.float32)
    return array


def _double(tensor: object) -> np.ndarray:
    return to_numpy(tensor).astype(np.float64)
