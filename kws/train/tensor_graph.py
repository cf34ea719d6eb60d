"""The one graph in PyTorch: differentiable to the network's own parameters, and open to rounding at every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.graph import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Conv1d,
    Conv2d,
    Dense,
    Graph,
    Gru,
    MeanOverBands,
)
from kws.models.emit import GraphBuilder

Tensors = dict[str, Tensor]


class TensorBuilder(GraphBuilder):
    """Collects operations that hold tensors, through which gradients reach the layers and their norms.

    Norms are folded with their running statistics, as they are on a device.
    """

    def values(self, tensor: object) -> Any:
        """Return the parameter itself."""
        return tensor

    def affine(self, norm: nn.BatchNorm1d) -> tuple[Any, Any]:
        """Return the scale and shift of a norm in evaluation mode."""
        assert norm.running_var is not None and norm.running_mean is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return scale, norm.bias - norm.running_mean * scale

    def no_bias(self, weight: Any) -> Any:
        """Return a bias that adds nothing to the outputs of some weights."""
        return weight.new_zeros(len(weight))


class Rounding(Protocol):
    """What becomes of values and weights on their way; see :mod:`kws.train.fake_quant`."""

    def value(self, name: str, x: Tensor) -> Tensor:
        """Return a value, by the name that :func:`kws.graph.run_graph` tells its observer."""
        ...

    def unit(self, x: Tensor) -> Tensor:
        """Return a value between -1 and 1: the hidden vector of a GRU and what it is the sum of."""
        ...

    def gate(self, x: Tensor) -> Tensor:
        """Return a value between 0 and 1."""
        ...

    def weight(self, weight: Tensor, output_axis: int | None) -> Tensor:
        """Return weights, with a scale for each index of an axis, or one in all."""
        ...


def run_tensors(
    graph: Graph, features: Tensor, states: Sequence[Tensor], rounding: Rounding
) -> tuple[Tensor, list[Tensor]]:
    """Execute a graph made by a :class:`TensorBuilder`.

    Parameters
    ----------
    graph : Graph
        Its last operation is the sigmoid that makes scores of logits.
    features : Tensor, shape (B, T, F)
        T a multiple of ``graph.step_frames``.
    states : sequence of Tensor
        One a state of the graph, ``(B, *shape)``.
    rounding : Rounding

    Returns
    -------
    logits : Tensor, shape (B, T / step_frames, K)
    new_states : list of Tensor
    """
    old = {spec.name: state for spec, state in zip(graph.states, states, strict=True)}
    new: Tensors = {}
    values = {graph.source: rounding.value(graph.source, features)}
    # A device applies a ReLU before it rounds what goes in.
    fused = {op.source for op in graph.operations if isinstance(op, Activation) and op.kind == "relu"}
    *operations, last = graph.operations
    for op in operations:
        result = _EXECUTORS[type(op)](op, values, old, new, rounding)
        is_rounded = op.target in fused or isinstance(op, Gru)
        values[op.target] = result if is_rounded else rounding.value(op.target, result)
    assert isinstance(last, Activation) and last.kind == "sigmoid"
    return values[last.source], [new[spec.name] for spec in graph.states]


def _conv1d(op: Conv1d, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    frames = _with_context(op, values[op.source], old, new)
    weight = rounding.weight(_tensor(op.weight), 0)
    y = functional.conv1d(frames, weight, _tensor(op.bias), op.stride, 0, op.dilation, op.groups)
    return y.transpose(1, 2)


def _conv2d(op: Conv2d, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    image = _with_context(op, values[op.source], old, new).unflatten(1, (-1, op.n_bands))
    strides, padding = (op.band_stride, op.stride), (op.band_padding, 0)
    weight = rounding.weight(_tensor(op.weight), 0)
    y = functional.conv2d(image, weight, _tensor(op.bias), strides, padding, 1, op.groups)
    return y.flatten(1, 2).transpose(1, 2)


def _with_context(op: Conv1d | Conv2d, x: Tensor, old: Tensors, new: Tensors) -> Tensor:
    frames = x.transpose(1, 2)
    if op.state:
        frames = torch.cat([old[op.state], frames], dim=2)
        new[op.state] = frames[:, :, frames.shape[2] - op.context_frames :]
    return frames


def _affine(op: Affine, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    return values[op.source] * _tensor(op.weight) + _tensor(op.bias)


def _mean_over_bands(op: MeanOverBands, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    return values[op.source].unflatten(2, (-1, op.n_bands)).mean(dim=3)


def _dense(op: Dense, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    return functional.linear(values[op.source], rounding.weight(_tensor(op.weight), None), _tensor(op.bias))


def _activation(op: Activation, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    return values[op.source].relu() if op.kind == "relu" else values[op.source].sigmoid()


def _add(op: Add, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    return values[op.left] + values[op.right]


def _add_to_bands(op: AddToBands, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    return values[op.left] + values[op.right].repeat_interleave(op.n_bands, dim=2)


def _gru(op: Gru, values: Tensors, old: Tensors, new: Tensors, rounding: Rounding) -> Tensor:
    weight_input, weight_hidden = (
        # Each gate is a layer of its own on a device.
        torch.cat([rounding.weight(gate, None) for gate in _tensor(weight).chunk(3)])
        for weight in (op.weight_input, op.weight_hidden)
    )
    projected = functional.linear(values[op.source], weight_input, _tensor(op.bias_input))
    projected = rounding.value(f"{op.target}.input_gates", projected)
    h, outputs = old[op.state], []
    for x in projected.unbind(1):
        hidden = functional.linear(h, weight_hidden, _tensor(op.bias_hidden))
        h = _gru_step(op.target, x, rounding.value(f"{op.target}.hidden_gates", hidden), h, rounding)
        outputs.append(h)
    new[op.state] = h
    return torch.stack(outputs, dim=1)


def _gru_step(name: str, x: Tensor, hidden: Tensor, h: Tensor, rounding: Rounding) -> Tensor:
    (reset_x, update_x, new_x), (reset_h, update_h, new_h) = x.chunk(3, dim=1), hidden.chunk(3, dim=1)
    reset = rounding.gate(torch.sigmoid(rounding.value(f"{name}.reset_sum", reset_x + reset_h)))
    update = rounding.gate(torch.sigmoid(rounding.value(f"{name}.update_sum", update_x + update_h)))
    gated = rounding.value(f"{name}.gated", reset * new_h)
    candidate = rounding.unit(torch.tanh(rounding.value(f"{name}.candidate_sum", new_x + gated)))
    return rounding.unit(rounding.unit(update * h) + rounding.unit((1 - update) * candidate))


def _tensor(values: object) -> Tensor:
    # The fields of operations are declared as arrays; here they hold what the builder put there.
    assert isinstance(values, Tensor)
    return values


_EXECUTORS: dict[type, Callable[..., Tensor]] = {
    Conv1d: _conv1d,
    Conv2d: _conv2d,
    Affine: _affine,
    MeanOverBands: _mean_over_bands,
    Dense: _dense,
    Gru: _gru,
    Activation: _activation,
    Add: _add,
    AddToBands: _add_to_bands,
}
