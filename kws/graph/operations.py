"""Operations of the one graph, and what can be said of a graph without running it.

Every value is ``(B, T, F)``. Where F is channels times bands, the bands of a channel stand side by side: feature
``c * n_bands + band``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.spec import StateSpec

Array = npt.NDArray[np.float32]
"""Weights, and the values that pass from operation to operation."""


@dataclass(frozen=True, eq=False)
class Conv1d:
    """Causal convolution over time whose left context is a state.

    Parameters
    ----------
    source, target : str
        Names of the input and output values.
    weight : array, shape (F_out, F_in / groups, K)
    bias : array, shape (F_out,)
    stride, dilation, groups : int
    state : str
        Name of the state, shape ``(F_in, dilation * (K - 1) - (stride - 1))``; empty if that is zero frames.
    """

    source: str
    target: str
    weight: Array
    bias: Array
    stride: int
    dilation: int
    groups: int
    state: str

    @property
    def context_frames(self) -> int:
        """Frames of the past that the state holds."""
        return self.dilation * (self.weight.shape[2] - 1) - (self.stride - 1)


@dataclass(frozen=True, eq=False)
class Conv2d:
    """Convolution over bands and causally over time: of features (one channel) or of what another one made.

    Parameters
    ----------
    source, target : str
        Names of the input value, ``C_in * n_bands`` features, and of the output, ``C_out * n_bands_out``.
    weight : array, shape (C_out, C_in / groups, bands, K)
    bias : array, shape (C_out,)
    n_bands : int
        Bands of the input.
    band_stride, band_padding : int
        Stride over bands, and bands of zeros on either side.
    stride, groups : int
        Stride over time; groups of channels.
    state : str
        Name of the state, shape ``(C_in * n_bands, K - stride)``; empty if that is zero frames.
    """

    source: str
    target: str
    weight: Array
    bias: Array
    n_bands: int
    band_stride: int
    band_padding: int
    stride: int
    groups: int
    state: str

    @property
    def context_frames(self) -> int:
        """Frames of the past that the state holds."""
        return self.weight.shape[3] - self.stride

    @property
    def n_bands_out(self) -> int:
        """Bands of the output."""
        return (self.n_bands + 2 * self.band_padding - self.weight.shape[2]) // self.band_stride + 1


@dataclass(frozen=True, eq=False)
class Affine:
    """``y = weight * x + bias``, one of each a feature, both ``(F,)``: a norm that no convolution can take in."""

    source: str
    target: str
    weight: Array
    bias: Array


@dataclass(frozen=True)
class MeanOverBands:
    """Mean of each channel's bands: ``C * n_bands`` features to C."""

    source: str
    target: str
    n_bands: int


@dataclass(frozen=True, eq=False)
class Dense:
    """``y = W x + b`` at each step; `weight` is ``(F_out, F_in)``."""

    source: str
    target: str
    weight: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class Gru:
    """One GRU layer in PyTorch's formula and gate order (reset, update, new).

    `weight_input` is ``(3H, F_in)``, `weight_hidden` ``(3H, H)``, the biases ``(3H,)``; `state` is ``(H,)``.
    """

    source: str
    target: str
    weight_input: Array
    weight_hidden: Array
    bias_input: Array
    bias_hidden: Array
    state: str


@dataclass(frozen=True)
class Activation:
    """Element-wise ``relu`` or ``sigmoid``."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True)
class Add:
    """Sum of two values of one shape (a residual connection)."""

    left: str
    right: str
    target: str


@dataclass(frozen=True)
class AddToBands:
    """Sum in which each of the C features of `right` is added to all bands of its channel in `left`."""

    left: str
    right: str
    target: str
    n_bands: int


Operation = Conv1d | Conv2d | Affine | MeanOverBands | Dense | Gru | Activation | Add | AddToBands
"""What a graph is a list of."""


@dataclass(frozen=True, eq=False)
class Graph:
    """Operations in the order they run, from feature frames to probabilities.

    Parameters
    ----------
    operations : tuple of Operation
    source, target : str
        Names of the input ``(B, T, F)`` and of the output ``(B, T / step_frames, K)``, probabilities.
    n_features, n_keywords : int
    step_frames : int
        Frames that one output step takes.
    """

    operations: tuple[Operation, ...]
    source: str
    target: str
    n_features: int
    n_keywords: int
    step_frames: int

    @property
    def states(self) -> tuple[StateSpec, ...]:
        """All states, in the order of the operations that own them."""
        found = []
        for operation in self.operations:
            if isinstance(operation, (Conv1d, Conv2d)) and operation.state:
                n_inputs = operation.weight.shape[1] * operation.groups
                n_bands = operation.n_bands if isinstance(operation, Conv2d) else 1
                found.append(StateSpec(operation.state, (n_inputs * n_bands, operation.context_frames)))
            elif isinstance(operation, Gru):
                found.append(StateSpec(operation.state, (operation.weight_hidden.shape[1],)))
        return tuple(found)

    @property
    def macs_per_step(self) -> int:
        """Multiply-accumulates of one output step, front-end excluded."""
        total, frames = 0, self.step_frames
        for operation in self.operations:
            if isinstance(operation, (Conv1d, Conv2d)):
                frames //= operation.stride
                n_bands = operation.n_bands_out if isinstance(operation, Conv2d) else 1
                total += frames * n_bands * operation.weight.size
            elif isinstance(operation, (Dense, Affine)):
                total += frames * operation.weight.size
            elif isinstance(operation, Gru):
                total += frames * (operation.weight_input.size + operation.weight_hidden.size)
        return total

    @property
    def receptive_field_frames(self) -> float:
        """Newest frames that a score depends on, infinite if it depends on all that was heard."""
        # Frames that one step of a value sees, and frames from one step to the next.
        seen: dict[str, tuple[float, int]] = {self.source: (1, 1)}
        for operation in self.operations:
            if isinstance(operation, (Add, AddToBands)):
                (left, hop), (right, _) = seen[operation.left], seen[operation.right]
                seen[operation.target] = max(left, right), hop
                continue
            frames, hop = seen[operation.source]
            if isinstance(operation, (Conv1d, Conv2d)):
                frames += (operation.context_frames + operation.stride - 1) * hop
                hop *= operation.stride
            elif isinstance(operation, Gru):
                frames = math.inf
            seen[operation.target] = frames, hop
        return seen[self.target][0]
