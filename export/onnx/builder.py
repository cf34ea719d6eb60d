"""Collect ONNX nodes and weights under unique names; the only place that shapes ``onnx.helper`` calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.errors import MissingPackageError
from kws.runtime.onnx_file import checksum
from kws.spec import CHECKSUM_KEY

try:
    import onnx
except ImportError:
    raise MissingPackageError("onnx", "train", "write ONNX models") from None

OPSET = 17
IR_VERSION = 8
"""Both are old on purpose: every onnxruntime from 1.17 on reads them."""

TO_THE_END = np.iinfo(np.int64).max


class OnnxBuilder:
    """A growing ONNX graph; each method returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.initializers: dict[str, onnx.TensorProto] = {}

    def input(self, name: str, shape: Sequence[int | str]) -> str:
        """Declare a float32 input; an axis given by name is dynamic."""
        self.inputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape)))
        return name

    def output(self, value: str, name: str, shape: Sequence[int | str]) -> None:
        """Declare a value as the float32 output `name`."""
        self.node("Identity", [value], name)
        self.outputs.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape)))

    def weight(self, name: str, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Store an array under `name`, once."""
        if name not in self.initializers:
            array = np.ascontiguousarray(values, dtype=dtype)
            self.initializers[name] = onnx.numpy_helper.from_array(array, name)
        return name

    def integers(self, *values: int) -> str:
        """Store a list of int64, shared between the nodes that name the same one."""
        return self.weight("int_" + "_".join(str(v).replace("-", "m") for v in values), values, np.int64)

    def node(self, op: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """Add an operation with one output."""
        return self.node_with(op, inputs, [name or self._unique(op)], **attributes)[0]

    def node_with(self, op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Sequence[str]:
        """Add an operation with the outputs that are named; an empty name leaves that output out."""
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(op, list(inputs), list(outputs), name=name, **attributes))
        return outputs

    def slice(self, value: str, start: int, stop: int, axis: int, step: int = 1) -> str:
        """Take ``start:stop:step`` of one axis."""
        limits = [self.integers(number) for number in (start, stop, axis, step)]
        return self.node("Slice", [value, *limits])

    def model(self, name: str, metadata: dict[str, str]) -> onnx.ModelProto:
        """Return the finished model, checked."""
        graph = onnx.helper.make_graph(
            self.nodes, name, self.inputs, self.outputs, initializer=list(self.initializers.values())
        )
        model = onnx.helper.make_model(
            graph,
            producer_name="kws",
            ir_version=IR_VERSION,
            opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        )
        # Of the graph alone: a checksum cannot hold itself.
        written = checksum(model.graph.SerializeToString(deterministic=True))
        onnx.helper.set_model_props(model, {**metadata, CHECKSUM_KEY: written})
        onnx.checker.check_model(model, full_check=True)
        return model

    def _unique(self, op: str) -> str:
        return f"{op.lower()}_{len(self.nodes)}_out"
