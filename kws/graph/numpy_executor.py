"""The numpy executor of the one graph: the reference for every writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kws.graph.operations import (
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
)

Arrays = dict[str, Array]

Observer = Callable[[str, Array], None]
"""Is told every value by its name, as it is computed."""


def zero_states(graph: Graph, batch: int = 1) -> list[Array]:
    """Return the states of silence, each ``(B, *shape)``."""
    return [np.zeros((batch, *state.shape), np.float32) for state in graph.states]


def _ignore(name: str, value: Array) -> None:
    pass


def run_graph(
    graph: Graph, features: Array, states: Sequence[Array], observe: Observer = _ignore
) -> tuple[Array, list[Array]]:
    """Execute a graph in numpy: the reference for every writer.

    Parameters
    ----------
    graph : Graph
    features : array, shape (B, T, F)
        T a multiple of ``graph.step_frames``.
    states : sequence of array
        One a state of the graph, ``(B, *shape)``.
    observe : callable, optional
        Told each value by its name, the source included; by a state's name all that the state holds from step to
        step; and of a GRU with target ``g`` what :func:`_gru` computes inside, as ``g.input_gates`` and so on.

    Returns
    -------
    scores : array, shape (B, T / step_frames, K)
    new_states : list of array
    """
    old = {spec.name: state for spec, state in zip(graph.states, states, strict=True)}
    new: dict[str, Array] = {}
    values = {graph.source: features}
    observe(graph.source, features)
    for operation in graph.operations:
        values[operation.target] = _EXECUTORS[type(operation)](operation, values, old, new, observe)
        observe(operation.target, values[operation.target])
    return values[graph.target], [new[spec.name] for spec in graph.states]


def _run_conv1d(op: Conv1d, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    frames = _with_context(op, values[op.source], old, new, observe)
    return _convolve(frames[:, :, None], op.weight[:, :, None], op.bias, (1, op.stride), op.dilation, op.groups)


def _run_conv2d(op: Conv2d, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    frames = _with_context(op, values[op.source], old, new, observe)
    image = frames.reshape(frames.shape[0], -1, op.n_bands, frames.shape[2])
    image = np.pad(image, ((0, 0), (0, 0), (op.band_padding, op.band_padding), (0, 0)))
    return _convolve(image, op.weight, op.bias, (op.band_stride, op.stride), 1, op.groups)


def _with_context(op: Conv1d | Conv2d, x: Array, old: Arrays, new: Arrays, observe: Observer) -> Array:
    frames: Array = x.transpose(0, 2, 1)
    if op.state:
        frames = np.concatenate([old[op.state], frames], axis=2)
        observe(op.state, frames)
        new[op.state] = frames[:, :, frames.shape[2] - op.context_frames :]
    return frames


def _convolve(image: Array, weight: Array, bias: Array, strides: tuple[int, int], dilation: int, groups: int) -> Array:
    # (B, C_in, bands, T) -> (B, T_out, C_out * bands_out)
    n_outputs, n_inputs, kernel_bands, kernel = weight.shape
    span = (kernel_bands, dilation * (kernel - 1) + 1)
    # (B, C_in, bands_out, T_out, kernel_bands, K): every output's view of its own inputs.
    windows = np.lib.stride_tricks.sliding_window_view(image, span, axis=(2, 3))
    windows = windows[:, :, :: strides[0], :: strides[1], :, ::dilation]
    batch, _, n_bands, steps = windows.shape[:4]
    grouped = windows.reshape(batch, groups, n_inputs, *windows.shape[2:])
    weight = weight.reshape(groups, n_outputs // groups, *weight.shape[1:])
    y = np.einsum("bgifthk,goihk->btgof", grouped, weight, optimize=True)
    y = y.reshape(batch, steps, n_outputs, n_bands).astype(np.float32) + bias[:, None]
    return y.reshape(batch, steps, n_outputs * n_bands)


def _run_affine(op: Affine, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    return values[op.source] * op.weight + op.bias


def _run_mean_over_bands(op: MeanOverBands, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    mean: Array = _by_channel(values[op.source], op.n_bands).mean(axis=3)
    return mean


def _run_dense(op: Dense, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    y: Array = values[op.source] @ op.weight.T + op.bias
    return y


def _run_gru(op: Gru, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    outputs, new[op.state] = _gru(op, values[op.source], old[op.state], observe)
    return outputs


def _run_activation(op: Activation, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    return _ACTIVATIONS[op.kind](values[op.source])


def _run_add(op: Add, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    return values[op.left] + values[op.right]


def _run_add_to_bands(op: AddToBands, values: Arrays, old: Arrays, new: Arrays, observe: Observer) -> Array:
    left = values[op.left]
    return (_by_channel(left, op.n_bands) + values[op.right][..., None]).reshape(left.shape)


def _by_channel(x: Array, n_bands: int) -> Array:
    return x.reshape(*x.shape[:2], x.shape[2] // n_bands, n_bands)


def _gru(op: Gru, x: Array, h: Array, observe: Observer) -> tuple[Array, Array]:
    outputs = np.empty((*x.shape[:2], op.weight_hidden.shape[1]), np.float32)
    projected = x @ op.weight_input.T + op.bias_input
    observe(f"{op.target}.input_gates", projected)
    observe(op.state, h)
    for step in range(x.shape[1]):
        h = outputs[:, step] = _gru_step(op, projected[:, step], h, observe)
    observe(op.state, outputs)
    return outputs, h


def _gru_step(op: Gru, projected: Array, h: Array, observe: Observer) -> Array:
    hidden = h @ op.weight_hidden.T + op.bias_hidden
    reset_x, update_x, new_x = np.split(projected, 3, axis=1)
    reset_h, update_h, new_h = np.split(hidden, 3, axis=1)
    sums = {"reset": reset_x + reset_h, "update": update_x + update_h}
    reset, update = (_sigmoid(value) for value in sums.values())
    gated = reset * new_h
    sums["candidate"] = new_x + gated
    candidate = np.tanh(sums["candidate"])
    inside = {"hidden_gates": hidden, "reset": reset, "update": update, "gated": gated, "candidate": candidate}
    for name, value in (inside | {f"{gate}_sum": total for gate, total in sums.items()}).items():
        observe(f"{op.target}.{name}", value)
    result: Array = (1 - update) * candidate + update * h
    return result


def _sigmoid(x: Array) -> Array:
    # tanh saturates without overflow, where exp(-x) does not.
    result: Array = 0.5 * (1.0 + np.tanh(0.5 * x))
    return result


def _relu(x: Array) -> Array:
    return np.maximum(x, np.float32(0))


_ACTIVATIONS = {"relu": _relu, "sigmoid": _sigmoid}

_EXECUTORS: dict[type, Callable[..., Array]] = {
    Conv1d: _run_conv1d,
    Conv2d: _run_conv2d,
    Affine: _run_affine,
    MeanOverBands: _run_mean_over_bands,
    Dense: _run_dense,
    Gru: _run_gru,
    Activation: _run_activation,
    Add: _run_add,
    AddToBands: _run_add_to_bands,
}
