"""Write the one graph as a ``.kws`` file: what the Java engine and the numpy runner read; see docs/model-format.md."""

from __future__ import annotations

import dataclasses
import os
import struct
import zlib

import numpy as np

from export.onnx.writer import complete_spec
from export.quantize import quantize_weight
from kws.config import FrontEndConfig
from kws.features.tables import front_end_tables, pcen_tables
from kws.graph import Array, Graph, Operation
from kws.graph.layout import ACTIVATIONS, FLOAT32, HEADER, INT8, LAYOUTS, MAGIC, VERSION
from kws.spec import ModelSpec

_HEADER_BYTES = struct.calcsize(HEADER)
_CRC_BYTES = 4


def write_graph(spec: ModelSpec, graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write :func:`to_kws` with float32 weights to a file; same graph and spec, same bytes."""
    with open(path, "wb") as file:
        file.write(to_kws(spec, graph))


def write_graph_int8(spec: ModelSpec, graph: Graph, path: str | os.PathLike[str]) -> None:
    """Write :func:`to_kws` with int8 weights to a file; same graph and spec, same bytes."""
    with open(path, "wb") as file:
        file.write(to_kws(spec, graph, is_int8=True))


def to_kws(spec: ModelSpec, graph: Graph, is_int8: bool = False) -> bytes:
    """Return a graph as the bytes of a ``.kws`` file.

    Parameters
    ----------
    spec : ModelSpec
        Goes into the file with the states of the graph. Its ``input`` becomes ``features`` whatever it was: the
        file holds the tables of the front-end, and each engine has its own front-end.
    graph : Graph
    is_int8 : bool
        Store weights of two axes and more as int8, each row of the first axis with its scale, largest value 127.
        Biases, norms and the front-end stay float32, and so does the arithmetic: the file is a quarter as large.

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """
    spec = complete_spec(dataclasses.replace(spec, input="features"), graph)
    text = spec.to_json().encode("ascii")
    numbers = {graph.source: 0, **{operation.target: i for i, operation in enumerate(graph.operations, 1)}}
    body = _aligned(text) + _tables(spec.front_end)
    body += b"".join(_operation(operation, numbers, is_int8) for operation in graph.operations)
    n_bytes = _HEADER_BYTES + len(body) + _CRC_BYTES
    header = (MAGIC, VERSION, n_bytes, len(text), len(graph.operations), numbers[graph.target], 0)
    data = struct.pack(HEADER, *header) + body
    return data + struct.pack("<I", zlib.crc32(data))


def _tables(config: FrontEndConfig) -> bytes:
    tables = front_end_tables(config)
    spans, weights = [], []
    for column in tables.bands.T:
        places = np.flatnonzero(column)
        first, count = int(places[0]), int(places[-1] - places[0] + 1)
        spans.append(struct.pack("<HH", first, count))
        weights.append(column[first : first + count])
    parts = [_float32(tables.window), *spans, _float32(np.concatenate(weights))]
    if config.compression == "pcen":
        parts += [_float32(table) for table in pcen_tables(config).values()]
    return b"".join(parts)


def _operation(operation: Operation, numbers: dict[str, int], is_int8: bool) -> bytes:
    layout = LAYOUTS[type(operation)]
    words = [layout.number, *(numbers[getattr(operation, name)] for name in layout.sources)]
    for name in layout.settings:
        setting = getattr(operation, name)
        words.append(ACTIVATIONS.index(setting) if isinstance(setting, str) else setting)
    tensors = [getattr(operation, name) for name in layout.tensors]
    packed = (_int8(tensor) if is_int8 and tensor.ndim > 1 else _float32(tensor) for tensor in tensors)
    return struct.pack(f"<{len(words)}I", *words) + b"".join(packed)


def _float32(tensor: Array) -> bytes:
    return _head(FLOAT32, tensor, 0) + np.ascontiguousarray(tensor, "<f4").tobytes()


def _int8(tensor: Array) -> bytes:
    codes, scales = quantize_weight(tensor, 0)
    return _aligned(_head(INT8, tensor, scales.size) + scales.astype("<f4").tobytes() + codes.tobytes())


def _head(kind: int, tensor: Array, n_scales: int) -> bytes:
    return struct.pack(f"<BBH{tensor.ndim}I", kind, tensor.ndim, n_scales, *tensor.shape)


def _aligned(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
