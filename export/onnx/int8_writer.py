"""Write the one graph as a streaming ONNX model whose weights are int8: a quarter of the size at the speed of float.

A layer's weights are stored as ``Cast(int8) * scale``, one scale an output. ONNX Runtime folds that into a float
constant while it loads, so that every operation stays the one of the float file, the native GRU included. Integer
arithmetic costs two to three times as much there: a step has too few products to pay for quantising its values, and
for a GRU that is a Scan of small operations. ``benchmarks/onnx_int8_forms.py`` measures both.
"""

from __future__ import annotations

import os

import numpy as np

from export.onnx.builder import onnx
from export.onnx.writer import GraphWriter, to_onnx
from export.quantize import quantize_weight
from kws.graph import Array, Graph
from kws.spec import ModelSpec


def to_onnx_int8(spec: ModelSpec, graph: Graph) -> onnx.ModelProto:
    """Return a graph as an ONNX model with int8 weights; inputs and outputs are those of :func:`to_onnx`.

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """
    return to_onnx(spec, graph, _Int8Writer)


def write_onnx_int8(spec: ModelSpec, graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write :func:`to_onnx_int8` to a file; same graph and spec, same bytes."""
    with open(path, "wb") as file:
        file.write(to_onnx_int8(spec, graph).SerializeToString(deterministic=True))


class _Int8Writer(GraphWriter):
    def layer_weight(self, name: str, values: Array, output_axis: int) -> str:
        make = self.builder
        integers, scale = quantize_weight(values, output_axis)
        # Not DequantizeLinear: ONNX Runtime computes that anew at every call, unless an option says otherwise.
        floats = make.node("Cast", [make.weight(name, integers, np.int8)], to=onnx.TensorProto.FLOAT)
        return make.node("Mul", [floats, make.weight(f"{name}_scale", scale)])
