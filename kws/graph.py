"""The one graph: what a trained network computes, as a short list of operations with numpy weights.

A model hands this over with BatchNorm folded; every writer (ONNX now, others later) reads it, and the
numpy executor here is the reference that they are held against. Every value is ``(B, T, F)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.spec import StateSpec

Array = npt.NDArray[np.float32]


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


Operation = Conv1d | Dense | Gru | Activation | Add


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
            if isinstance(operation, Conv1d) and operation.state:
                channels = operation.weight.shape[1] * operation.groups
                found.append(StateSpec(operation.state, (channels, operation.context_frames)))
            elif isinstance(operation, Gru):
                found.append(StateSpec(operation.state, (operation.weight_hidden.shape[1],)))
        return tuple(found)

    @property
    def macs_per_step(self) -> int:
        """Multiply-accumulates of one output step, front-end excluded."""
        total, frames = 0, self.step_frames
        for operation in self.operations:
            if isinstance(operation, Conv1d):
                frames //= operation.stride
                total += frames * operation.weight.size
            elif isinstance(operation, Dense):
                total += frames * operation.weight.size
            elif isinstance(operation, Gru):
                total += frames * (operation.weight_input.size + operation.weight_hidden.size)
        return total


def zero_states(graph: Graph, batch: int = 1) -> list[Array]:
    """Return the states of silence, each ``(B, *shape)``."""
    return [np.zeros((batch, *state.shape), np.float32) for state in graph.states]


def run_graph(graph: Graph, features: Array, states: Sequence[Array]) -> tuple[Array, list[Array]]:
    """Execute a graph in numpy: the reference for every writer.

    Parameters
    ----------
    graph : Graph
    features : array, shape (B, T, F)
        T a multiple of ``graph.step_frames``.
    states : sequence of array
        One a state of the graph, ``(B, *shape)``.

    Returns
    -------
    scores : array, shape (B, T / step_frames, K)
    new_states : list of array
    """
    old = {spec.name: state for spec, state in zip(graph.states, states, strict=True)}
    new: dict[str, Array] = {}
    values = {graph.source: features}
    for operation in graph.operations:
        if isinstance(operation, Conv1d):
            values[operation.target] = _conv1d(operation, values[operation.source], old, new)
        elif isinstance(operation, Dense):
            values[operation.target] = values[operation.source] @ operation.weight.T + operation.bias
        elif isinstance(operation, Gru):
            values[operation.target], new[operation.state] = _gru(
                operation, values[operation.source], old[operation.state]
            )
        elif isinstance(operation, Activation):
            values[operation.target] = _ACTIVATIONS[operation.kind](values[operation.source])
        else:
            values[operation.target] = values[operation.left] + values[operation.right]
    return values[graph.target], [new[spec.name] for spec in graph.states]


def _conv1d(op: Conv1d, x: Array, old: dict[str, Array], new: dict[str, Array]) -> Array:
    frames = x.transpose(0, 2, 1)
    if op.state:
        frames = np.concatenate([old[op.state], frames], axis=2)
        new[op.state] = frames[:, :, frames.shape[2] - op.context_frames :]
    f_out, f_in_group, kernel = op.weight.shape
    span = op.dilation * (kernel - 1) + 1
    # (B, F_in, T_out, K): every output step's view of its own frames.
    windows = np.lib.stride_tricks.sliding_window_view(frames, span, axis=2)[:, :, :: op.stride, :: op.dilation]
    batch, _, steps, _ = windows.shape
    grouped = windows.reshape(batch, op.groups, f_in_group, steps, kernel)
    weight = op.weight.reshape(op.groups, f_out // op.groups, f_in_group, kernel)
    y = np.einsum("bgitk,goik->btgo", grouped, weight, optimize=True)
    return y.reshape(batch, steps, f_out).astype(np.float32) + op.bias


def _gru(op: Gru, x: Array, h: Array) -> tuple[Array, Array]:
    outputs = np.empty((*x.shape[:2], op.weight_hidden.shape[1]), np.float32)
    projected = x @ op.weight_input.T + op.bias_input
    for step in range(x.shape[1]):
        reset_x, update_x, new_x = np.split(projected[:, step], 3, axis=1)
        reset_h, update_h, new_h = np.split(h @ op.weight_hidden.T + op.bias_hidden, 3, axis=1)
        update = _sigmoid(update_x + update_h)
        candidate = np.tanh(new_x + _sigmoid(reset_x + reset_h) * new_h)
        h = (1 - update) * candidate + update * h
        outputs[:, step] = h
    return outputs, h


def _sigmoid(x: Array) -> Array:
    # tanh saturates without overflow, where exp(-x) does not.
    result: Array = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result


def _relu(x: Array) -> Array:
    return np.maximum(x, np.float32(0))


_ACTIVATIONS = {"relu": _relu, "sigmoid": _sigmoid}
