"""Turn the operations of the one graph into TFLite operations, whatever the numbers are and wherever states live."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from export.tflite.builder import Tensor, TfliteBuilder
from export.tflite.layout import Layout, Value
from export.tflite.numerics import Numerics
from export.tflite.states import States
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
    Operation,
)
from kws.runtime.tflite_schema import Op

FloatArray = npt.NDArray[np.float32]

# Operations that can end in a ReLU of their own.
_ENDS_IN_RELU = (Conv1d, Conv2d, Dense, Affine, Add, AddToBands)


class NetworkWriter:
    """Adds a graph to a builder.

    Parameters
    ----------
    builder : TfliteBuilder
    graph : Graph
    numerics : Numerics
    states : States
    """

    def __init__(self, builder: TfliteBuilder, graph: Graph, numerics: Numerics, states: States) -> None:
        self._make = builder
        self._graph = graph
        self._numerics = numerics
        self._states = states
        self._layout = Layout(builder)
        self._values: dict[str, Value] = {}
        self._fused = _relus_to_fuse(graph)

    def add(self, features: Tensor) -> Tensor:
        """Add all operations; `features` are (1, T, F). Return the scores, (1, steps, K)."""
        self._values[self._graph.source] = Value(features, features.shape[1])
        for operation in self._graph.operations:
            self._add(operation)
        return self._layout.frames(self._layout.plain(self._values[self._graph.target]))

    def _add(self, op: Operation) -> None:
        if isinstance(op, Activation) and op.target in self._fused.values():
            self._values[op.target] = self._values[op.source]
            return
        methods = {
            Conv1d: self._conv1d,
            Conv2d: self._conv2d,
            Affine: self._affine,
            MeanOverBands: self._mean_over_bands,
            Dense: self._dense,
            Gru: self._gru,
            Activation: self._activation,
            Add: self._sum,
            AddToBands: self._add_to_bands,
        }
        self._values[op.target] = methods[type(op)](op)  # type: ignore[operator]

    def _ending(self, op: Operation) -> dict[str, Any]:
        """Return how an operation ends: the type of its result, and whether in a ReLU."""
        relu = self._fused.get(op.target, "")
        return {"form": self._numerics.form(relu or op.target), "relu": bool(relu)}

    def _weights(
        self, op: Operation, weight: FloatArray, bias: FloatArray, x: Tensor, axis: int | None
    ) -> tuple[Tensor, Tensor]:
        return self._numerics.weights(self._make, op.target, weight, bias, x, axis)

    def _conv1d(self, op: Conv1d) -> Value:
        source = self._values[op.source]
        n_outputs, _, kernel = op.weight.shape
        is_depthwise = op.groups > 1 and op.groups == source.n_features
        if op.groups > 1:
            source = self._layout.plain(source)
        frames = self._layout.frames(source)
        if op.state:
            frames = self._states.context(op.state, frames, op.context_frames)
        n_steps = source.n_frames // op.stride
        if is_depthwise:
            # (out, 1, K) -> (1, K, 1, out)
            weight, bias = self._weights(op, op.weight.transpose(1, 2, 0)[:, :, None], op.bias, frames, 3)
            convolve = self._make.depthwise_conv_2d
        else:
            dense = _without_groups(op.weight, op.groups)[:, source.order].transpose(0, 2, 1)  # (out, K, in)
            is_product = op.stride == 1 if kernel == 1 else (n_steps == 1 and op.dilation == 1)
            if is_product and self._numerics.has_products_over_time:
                stored = self._weights(op, dense.reshape(n_outputs, -1), op.bias, frames, None)
                return Value(self._make.fully_connected(frames, *stored, **self._ending(op)), n_steps)
            weight, bias = self._weights(op, dense[:, :, None], op.bias, frames, 0)
            convolve = self._make.conv_2d
        pixels = self._make.reshape(frames, 1, frames.shape[1], 1, frames.shape[2])
        return Value(convolve(pixels, weight, bias, (op.stride, 1), op.dilation, **self._ending(op)), n_steps)

    def _conv2d(self, op: Conv2d) -> Value:
        source = self._values[op.source]
        n_outputs, _, kernel_bands, _ = op.weight.shape
        n_channels = source.n_features // op.n_bands
        is_depthwise = op.groups > 1 and op.groups == n_channels
        # One channel is kept without an axis for it.
        x = self._layout.image(source, op.n_bands) if n_channels > 1 else self._layout.frames(source)
        if op.state:
            x = self._states.context(op.state, x, op.context_frames)
        x = self._make.reshape(x, 1, x.shape[1], op.n_bands, n_channels)
        if op.band_padding:
            x = self._make.pad(x, 2, op.band_padding, op.band_padding)
        if is_depthwise:
            # (out, 1, bands, K) -> (1, K, bands, out)
            weight, bias = self._weights(op, op.weight.transpose(1, 3, 2, 0), op.bias, x, 3)
            convolve = self._make.depthwise_conv_2d
        else:
            # (out, in, bands, K) -> (out, K, bands, in)
            dense = _without_groups(op.weight, op.groups).transpose(0, 3, 2, 1)
            weight, bias = self._weights(op, dense, op.bias, x, 0)
            convolve = self._make.conv_2d
        result = convolve(x, weight, bias, (op.stride, op.band_stride), **self._ending(op))
        return Value(result, source.n_frames // op.stride, op.n_bands_out)

    def _affine(self, op: Affine) -> Value:
        source = self._values[op.source]
        pixels = self._layout.pixels(source)
        weight, bias = op.weight[source.order][None, None, None], op.bias[source.order]
        stored = self._weights(op, weight, bias, pixels, 3)
        result = self._make.depthwise_conv_2d(pixels, *stored, **self._ending(op))
        return Value(result, source.n_frames, source.n_bands)

    def _mean_over_bands(self, op: MeanOverBands) -> Value:
        source = self._values[op.source]
        image = self._layout.image(source, op.n_bands)
        return Value(self._make.mean(image, 2, self._numerics.form(op.target)), source.n_frames)

    def _dense(self, op: Dense) -> Value:
        source = self._values[op.source]
        rows = self._layout.rows(source)
        stored = self._weights(op, op.weight[:, source.order], op.bias, rows, None)
        return Value(self._make.fully_connected(rows, *stored, **self._ending(op)), source.n_frames)

    def _gru(self, op: Gru) -> Value:
        source = self._layout.plain(self._values[op.source])
        rows = self._layout.rows(source)
        steps = (
            [rows]
            if source.n_frames == 1
            else [self._make.slice(rows, 0, step, step + 1) for step in range(source.n_frames)]
        )
        outputs = self._numerics.gru(self._make, self._states, op, steps)
        return Value(outputs[0] if len(outputs) == 1 else self._make.concat(outputs, 0), source.n_frames)

    def _activation(self, op: Activation) -> Value:
        source = self._values[op.source]
        if op.kind == "sigmoid":
            result = self._numerics.sigmoid(self._make, source.tensor)
        else:
            result = self._make.unary(Op.RELU, source.tensor, self._numerics.form(op.target))
        return Value(result, source.n_frames, source.n_bands)

    def _sum(self, op: Add) -> Value:
        left, right = self._values[op.left], self._values[op.right]
        if left.n_bands != right.n_bands:
            left, right = self._layout.plain(left), self._layout.plain(right)
        one, other = left.tensor, right.tensor
        if one.shape != other.shape:
            one, other = self._layout.rows(left), self._layout.rows(right)
        return Value(self._make.binary(Op.ADD, one, other, **self._ending(op)), left.n_frames, left.n_bands)

    def _add_to_bands(self, op: AddToBands) -> Value:
        left = self._layout.image(self._values[op.left], op.n_bands)
        right = self._layout.pixels(self._layout.plain(self._values[op.right]))
        result = self._make.binary(Op.ADD, left, right, **self._ending(op))
        return Value(result, self._values[op.left].n_frames, op.n_bands)


def _relus_to_fuse(graph: Graph) -> dict[str, str]:
    """Return the ReLU that each operation may end in, by the names of their values: nobody else reads the first."""
    readers: dict[str, list[Operation]] = {graph.target: []}
    for operation in graph.operations:
        sources = (operation.left, operation.right) if isinstance(operation, (Add, AddToBands)) else (operation.source,)
        for source in sources:
            readers.setdefault(source, []).append(operation)
    fused = {}
    for operation in graph.operations:
        only = readers.get(operation.target, [])
        ends = isinstance(operation, _ENDS_IN_RELU) and operation.target != graph.target and len(only) == 1
        if ends and isinstance(only[0], Activation) and only[0].kind == "relu":
            fused[operation.target] = only[0].target
    return fused


def _without_groups(weight: FloatArray, groups: int) -> FloatArray:
    """Return the weight of one group that computes the same: zeros between the groups."""
    if groups == 1:
        return weight
    per_group = weight.shape[1]
    dense = np.zeros((weight.shape[0], per_group * groups, *weight.shape[2:]), weight.dtype)
    for group, outputs in enumerate(np.split(np.arange(weight.shape[0]), groups)):
        dense[outputs, group * per_group : (group + 1) * per_group] = weight[outputs]
    return dense
