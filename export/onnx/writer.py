"""Write the one graph as a streaming ONNX model: features or samples and states in, scores and states out.

Every axis order that a value is needed in costs a Transpose. So a value keeps the order in which it was
made, and is turned only when an operation cannot take it: convolutions work on images, ``BC1T`` or (with ten bands)
``BC10T``, GRUs on ``TBF``.
"""

from __future__ import annotations

import dataclasses
import math
import os
from typing import Any

import numpy as np

from export.onnx.builder import TO_THE_END, OnnxBuilder, onnx
from export.onnx.front_end import add_front_end, front_end_states
from export.trained import require_fit
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
from kws.spec import METADATA_KEY, ModelSpec, StateSpec

NEW_STATE_PREFIX = "new_"


def complete_spec(spec: ModelSpec, graph: Graph) -> ModelSpec:
    """Return the spec with the states that the exported graph has, in the order of its inputs.

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """
    require_fit(spec, graph)
    leading = front_end_states(spec.front_end) if spec.input == "samples" else ()
    return dataclasses.replace(spec, states=(*leading, *graph.states))


def to_onnx(spec: ModelSpec, graph: Graph, writer_class: type[GraphWriter] | None = None) -> onnx.ModelProto:
    """Return a graph as an ONNX model that describes itself.

    Parameters
    ----------
    spec : ModelSpec
        Its ``input`` chooses what the model takes: ``features`` (B, T, F) with T a multiple of
        ``step_frames``, or ``samples`` (B, N) with N a multiple of ``step_samples``.
    graph : Graph
    writer_class : type of GraphWriter, optional
        How operations become nodes, where that is not :class:`GraphWriter`'s way.

    Returns
    -------
    onnx.ModelProto
        Inputs: features or samples, then each state of :func:`complete_spec` as ``(B, *shape)``.
        Outputs: ``scores`` (B, steps, K), then each state's new value as ``new_<name>``.

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """
    spec = complete_spec(spec, graph)
    builder = OnnxBuilder()
    writer = (writer_class or GraphWriter)(builder, spec.states)
    if spec.input == "samples":
        samples = builder.input("samples", ["batch", "samples"])
        writer.declare_states()
        features = add_front_end(builder, spec.front_end, samples, writer.new_states)
    else:
        features = builder.input("features", ["batch", "frames", graph.n_features])
        writer.declare_states()
    writer.values[graph.source] = {"BTF": features}
    for operation in graph.operations:
        writer.add(operation)
    builder.output(writer.get(graph.target, "BTF"), "scores", ["batch", "steps", graph.n_keywords])
    for state in spec.states:
        builder.output(writer.new_states[state.name], NEW_STATE_PREFIX + state.name, ["batch", *state.shape])
    return builder.model(spec.name, {METADATA_KEY: spec.to_json()})


def write_onnx(spec: ModelSpec, graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write :func:`to_onnx` to a file; same graph and spec, same bytes."""
    with open(path, "wb") as file:
        file.write(to_onnx(spec, graph).SerializeToString(deterministic=True))


class GraphWriter:
    """Turns operations into nodes; knows each value's names by axis order.

    A writer of another form of ONNX overrides :meth:`layer_weight`.
    """

    def __init__(self, builder: OnnxBuilder, states: tuple[StateSpec, ...]) -> None:
        self.builder = builder
        self.states = states
        self.values: dict[str, dict[str, str]] = {}
        self.new_states: dict[str, str] = {}

    def declare_states(self) -> None:
        for state in self.states:
            self.builder.input(state.name, ["batch", *state.shape])

    def get(self, name: str, order: str) -> str:
        """Return a value in one axis order, turned at most once."""
        names = self.values[name]
        if order not in names:
            names[order] = self._as_image(name, _n_bands(order)) if _n_bands(order) else self._turned(name, order)
        return names[order]

    def _as_image(self, name: str, n_bands: int) -> str:
        make = self.builder
        if n_bands == 1:
            return make.node("Unsqueeze", [self.get(name, "BFT"), make.integers(2)])
        split = make.node("Reshape", [self.get(name, "BTF"), make.integers(0, 0, -1, n_bands)])
        return make.node("Transpose", [split], perm=[0, 2, 3, 1])

    def _turned(self, name: str, order: str) -> str:
        make, names = self.builder, self.values[name]
        have = next((o for o in names if not _n_bands(o)), "")
        if not have and "BC1T" in names:
            have, names["BFT"] = "BFT", make.node("Squeeze", [names["BC1T"], make.integers(2)])
        elif not have:
            split = make.node("Transpose", [next(iter(names.values()))], perm=[0, 3, 1, 2])
            have, names["BTF"] = "BTF", make.node("Reshape", [split, make.integers(0, 0, -1)])
        if have == order:
            return names[order]
        return make.node("Transpose", [names[have]], perm=[have.index(axis) for axis in order])

    def any_order(self, name: str, accepted: tuple[str, ...]) -> tuple[str, str]:
        """Return a value and its order, turned only if it is in none of the accepted ones."""
        order = next((o for o in self.values[name] if o in accepted), accepted[0])
        return self.get(name, order), order

    def layer_weight(self, name: str, values: Array, output_axis: int) -> str:
        """Store the weights of a layer, of which each index of `output_axis` makes one output."""
        return self.builder.weight(name, values)

    def add(self, operation: Operation) -> None:
        if isinstance(operation, (Conv1d, Conv2d)):
            self._convolve(operation)
        elif isinstance(operation, Gru):
            self.values[operation.target] = {"TBF": self._gru(operation)}
        elif isinstance(operation, Dense):
            value, order = self.any_order(operation.source, ("BTF", "TBF"))
            self.values[operation.target] = {order: self._dense(operation, value)}
        elif isinstance(operation, Activation):
            order, value = next(iter(self.values[operation.source].items()))
            op = {"relu": "Relu", "sigmoid": "Sigmoid"}[operation.kind]
            self.values[operation.target] = {order: self.builder.node(op, [value])}
        elif isinstance(operation, Affine):
            self._affine(operation)
        elif isinstance(operation, MeanOverBands):
            image = self.get(operation.source, _image(operation.n_bands))
            self.values[operation.target] = {_image(1): self.builder.node("ReduceMean", [image], axes=[2])}
        elif isinstance(operation, AddToBands):
            order = _image(operation.n_bands)
            terms = [self.get(operation.left, order), self.get(operation.right, _image(1))]
            self.values[operation.target] = {order: self.builder.node("Add", terms)}
        else:
            self._add(operation)

    def _convolve(self, op: Conv1d | Conv2d) -> None:
        if isinstance(op, Conv1d):
            image, weight = self.get(op.source, _image(1)), op.weight[:, :, None]
            sizes: dict[str, Any] = {"strides": [1, op.stride], "dilations": [1, op.dilation]}
            n_bands = n_bands_out = 1
        else:
            image, weight = self.get(op.source, _image(op.n_bands)), op.weight
            sizes = {"strides": [op.band_stride, op.stride], "pads": [op.band_padding, 0, op.band_padding, 0]}
            n_bands, n_bands_out = op.n_bands, op.n_bands_out
        if op.state:
            image = self._with_context(op, image, [weight.shape[1] * op.groups, n_bands])
        names = [self.layer_weight(f"{op.target}_weight", weight, 0), self.builder.weight(f"{op.target}_bias", op.bias)]
        kernel = list(weight.shape[2:])
        result = self.builder.node("Conv", [image, *names], kernel_shape=kernel, group=op.groups, **sizes)
        self.values[op.target] = {_image(n_bands_out): result}

    def _with_context(self, op: Conv1d | Conv2d, image: str, sizes: list[int]) -> str:
        make = self.builder
        into = make.integers(0, *sizes, op.context_frames)
        image = make.node("Concat", [make.node("Reshape", [op.state, into]), image], axis=3)
        new_state = make.slice(image, -op.context_frames, TO_THE_END, 3)
        back = make.integers(0, math.prod(sizes), op.context_frames)
        self.new_states[op.state] = make.node("Reshape", [new_state, back])
        return image

    def _affine(self, op: Affine) -> None:
        order, value = next(iter(self.values[op.source].items()))
        # Features stand in the last axis, or as channels and bands before time.
        shape = (-1, _n_bands(order), 1) if _n_bands(order) else (-1,)
        weight, bias = (
            self.builder.weight(f"{op.target}_{name}", values.reshape(shape))
            for name, values in (("weight", op.weight), ("bias", op.bias))
        )
        scaled = self.builder.node("Mul", [value, weight])
        self.values[op.target] = {order: self.builder.node("Add", [scaled, bias])}

    def _gru(self, op: Gru) -> str:
        make, n_hidden = self.builder, op.weight_hidden.shape[1]
        weights = [
            self.layer_weight(f"{op.target}_weight_input", _update_first(op.weight_input)[None], 1),
            self.layer_weight(f"{op.target}_weight_hidden", _update_first(op.weight_hidden)[None], 1),
            make.weight(
                f"{op.target}_bias",
                np.concatenate([_update_first(op.bias_input), _update_first(op.bias_hidden)])[None],
            ),
        ]
        hidden = make.node("Unsqueeze", [op.state, make.integers(0)])
        outputs, last = make.node_with(
            "GRU",
            [self.get(op.source, "TBF"), *weights, "", hidden],
            [f"{op.target}_all", f"{op.target}_last"],
            hidden_size=n_hidden,
            # PyTorch multiplies by the reset gate after the matrix product.
            linear_before_reset=1,
        )
        self.new_states[op.state] = make.node("Squeeze", [last, make.integers(0)])
        return make.node("Squeeze", [outputs, make.integers(1)])

    def _dense(self, op: Dense, value: str) -> str:
        product = self.builder.node("MatMul", [value, self.layer_weight(f"{op.target}_weight", op.weight.T, 1)])
        return self.builder.node("Add", [product, self.builder.weight(f"{op.target}_bias", op.bias)])

    def _add(self, op: Add) -> None:
        left, order = self.any_order(op.left, tuple(self.values[op.left]))
        self.values[op.target] = {order: self.builder.node("Add", [left, self.get(op.right, order)])}


def _image(n_bands: int) -> str:
    """Return the axis order of an image: channels, bands and time."""
    return f"BC{n_bands}T"


def _n_bands(order: str) -> int:
    """Return the bands of an image by its axis order, 0 for the orders of three axes."""
    return int(order[2:-1]) if order.startswith("BC") else 0


def _update_first(gates: np.ndarray) -> np.ndarray:
    # ONNX orders the gates update, reset, new; the graph (PyTorch) reset, update, new.
    reset, update, new = np.split(gates, 3)
    return np.concatenate([update, reset, new])
