"""Integer arithmetic in ONNX, the form that the export does not take: written and run here so that it can be measured.

Products of a layer are MatMulInteger and ConvInteger on int8 weights and on values rounded to 8 bits, with scales from
calibration (static) or from each call's own values (dynamic). A GRU is a Scan over the steps, as its native operation
takes floats only. Used by ``benchmarks/quantised.py``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from export.onnx.builder import OnnxBuilder, onnx  # noqa: E402
from export.onnx.writer import GraphWriter, to_onnx  # noqa: E402
from export.quantize import quantize_weight  # noqa: E402
from kws.graph import Array, Conv1d, Conv2d, Dense, Graph, Gru, Ranges  # noqa: E402
from kws.runtime import onnx_runner  # noqa: E402
from kws.spec import METADATA_KEY, ModelSpec  # noqa: E402

FLOAT = onnx.TensorProto.FLOAT


class IntegerWriter(GraphWriter):
    """Writes products as integer operations; values are rounded by the ranges, without them by each call's own."""

    ranges: Ranges | None = None

    def _rounded(self, name: str, value: str, key: str) -> tuple[str, str, str]:
        make, names = self.builder, (f"{key}_int8", f"{key}_scale", f"{key}_zero")
        if self.ranges is None:
            make.node_with("DynamicQuantizeLinear", [value], names)
            return names
        low, high = min(self.ranges[name][0], 0.0), max(self.ranges[name][1], 0.0)
        scale = (high - low) / 255.0 or 1.0
        make.weight(names[1], np.float32(scale))
        make.weight(names[2], np.uint8(np.rint(-low / scale)), np.uint8)
        make.node("QuantizeLinear", [value, *names[1:]], names[0])
        return names

    def product(self, name: str, value: str, key: str, weight: Array, bias: Array, op: str, **sizes: Any) -> str:
        """Add ``op(value, weight) + bias``, the weights of one scale."""
        make = self.builder
        integers, scale, zero = self._rounded(name, value, key)
        weights, weight_scale = quantize_weight(weight)
        inputs = [integers, make.weight(f"{key}_weight", weights, np.int8), zero]
        total = make.node("Cast", [make.node(op, inputs, f"{key}_total", **sizes)], f"{key}_float", to=FLOAT)
        both = make.node("Mul", [scale, make.weight(f"{key}_weight_scale", weight_scale.ravel()[0])], f"{key}_scales")
        scaled = make.node("Mul", [total, both], f"{key}_scaled")
        return make.node("Add", [scaled, make.weight(f"{key}_bias", bias)], f"{key}_product")

    def _convolve(self, op: Conv1d | Conv2d) -> None:
        if isinstance(op, Conv1d):
            n_bands = n_bands_out = 1
            weight, sizes = op.weight[:, :, None], {"strides": [1, op.stride], "dilations": [1, op.dilation]}
        else:
            n_bands, n_bands_out, weight = op.n_bands, op.n_bands_out, op.weight
            sizes = {"strides": [op.band_stride, op.stride], "pads": [op.band_padding, 0, op.band_padding, 0]}
        image = self.get(op.source, f"BC{n_bands}T")
        if op.state:
            image = self._with_context(op, image, [weight.shape[1] * op.groups, n_bands])
        bias = op.bias.reshape(-1, 1, 1)
        result = self.product(op.source, image, op.target, weight, bias, "ConvInteger", group=op.groups, **sizes)
        self.values[op.target] = {f"BC{n_bands_out}T": result}

    def _dense(self, op: Dense, value: str) -> str:
        return self.product(op.source, value, op.target, op.weight.T, op.bias, "MatMulInteger")

    def _gru(self, op: Gru) -> str:
        key, n_hidden = op.target, op.weight_hidden.shape[1]
        source = self.get(op.source, "TBF")
        gates = self.product(op.source, source, f"{key}_in", op.weight_input.T, op.bias_input, "MatMulInteger")
        body = OnnxBuilder()
        inside = type(self)(body, ())
        inside.ranges = self.ranges
        before = body.input(f"{key}_before", ["batch", n_hidden])
        now = body.input(f"{key}_now", ["batch", 3 * n_hidden])
        hidden = inside.product(op.state, before, f"{key}_hid", op.weight_hidden.T, op.bias_hidden, "MatMulInteger")
        after = _gates(body, key, now, hidden, before)
        for name in ("after", "step"):
            body.output(after, f"{key}_{name}", ["batch", n_hidden])
        self.builder.initializers.update(body.initializers)
        scan = onnx.helper.make_graph(body.nodes, f"{key}_body", body.inputs, body.outputs)
        names = f"{key}_last", f"{key}_all"
        last, steps = self.builder.node_with("Scan", [op.state, gates], names, body=scan, num_scan_inputs=1)
        self.new_states[op.state] = last
        return steps


def _gates(body: OnnxBuilder, key: str, now: str, hidden: str, before: str) -> str:
    """Add one step of a GRU from both its products; its names must not meet those of the graph around it."""

    def node(op: str, inputs: list[str]) -> str:
        return body.node(op, inputs, f"{key}_{len(body.nodes)}")

    x, h = (body.node_with("Split", [part], [f"{part}_{g}" for g in "rzn"], axis=1) for part in (now, hidden))
    reset, update = (node("Sigmoid", [node("Add", [x[i], h[i]])]) for i in (0, 1))
    candidate = node("Tanh", [node("Add", [x[2], node("Mul", [reset, h[2]])])])
    return node("Add", [candidate, node("Mul", [update, node("Sub", [before, candidate])])])


def write_integers(spec: ModelSpec, graph: Graph, ranges: Ranges | None, path: str | os.PathLike[str]) -> None:
    """Write a graph with integer arithmetic; without ranges each call takes those of its own values."""
    writer = type("_Writer", (IntegerWriter,), {"ranges": ranges})
    Path(path).write_bytes(to_onnx(spec, graph, writer).SerializeToString(deterministic=True))


class UncheckedRunner(onnx_runner.OnnxRunner):
    """Runs files made here: a Scan is no operation that files of strangers may have."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with mock.patch.object(onnx_runner, "read_spec", _read_spec):
            super().__init__(path)


def _read_spec(data: bytes, where: str) -> ModelSpec:
    texts = {entry.key: entry.value for entry in onnx.load_from_string(data).metadata_props}
    return ModelSpec.from_json(texts[METADATA_KEY], where)
