"""Look into an ONNX file before ONNX Runtime does: whose it is, and whether its sizes can be trusted.

ONNX Runtime asks for the memory that a file claims to need, folds constants while it loads, and follows paths
to other files. So what is in the file is checked first, on its bytes: the weights are all inside and as big as
they say, and every operation is one of those whose result is bounded by its inputs.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import numpy as np

from kws.errors import ModelFileError
from kws.runtime.protobuf import BYTES, WireError, fields, integers, text
from kws.spec import CHECKSUM_KEY, MAX_STATE_VALUES, METADATA_KEY, ModelSpec

MAX_FILE_BYTES = 64 * 1024 * 1024
_MAX_SIZE = 1 << 20
_INT64_MAX = (1 << 63) - 1
# What small streaming networks and front-ends are made of. Left out are operations that make large results
# from small inputs (ConstantOfShape, Expand, Tile, Range, Resize) or run other graphs (If, Loop, Scan).
_OPERATION_NAMES = """
    Abs Add AveragePool BatchNormalization Cast Clip Concat Constant Conv ConvInteger DequantizeLinear Div
    DynamicQuantizeLinear Erf Exp Flatten Gather Gemm Greater GRU HardSigmoid HardSwish Identity
    LayerNormalization LeakyRelu Less Log LSTM MatMul MatMulInteger Max MaxPool Min Mul Neg Pad Pow PRelu
    QLinearConv QLinearMatMul QuantizeLinear Reciprocal ReduceMax ReduceMean ReduceSum Relu Reshape RNN Shape
    Sigmoid Sign Slice Softmax Softplus Split Sqrt Squeeze Sub Sum Tanh Transpose Unsqueeze Where
"""
OPERATIONS = frozenset(_OPERATION_NAMES.split())

# Field numbers of onnx.proto.
_MODEL_GRAPH, _MODEL_METADATA, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 14, 20, 25
_ENTRY_KEY, _ENTRY_VALUE = 1, 2
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_OPERATION, _NODE_ATTRIBUTE, _NODE_DOMAIN = 4, 5, 7
_ATTRIBUTE_I, _ATTRIBUTE_T, _ATTRIBUTE_INTS = 3, 5, 8
_ATTRIBUTE_OTHERS = (6, 10, 11, 22, 23)
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_INT64, _TENSOR_RAW = 1, 2, 7, 9
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_TYPE_INT64 = 7


def read_bytes(path: str | os.PathLike[str], kind: str = "an ONNX model") -> bytes:
    """Return a model file's bytes.

    Raises
    ------
    ModelFileError
        If it is missing, no file, empty, unreadable or above 64 MiB.
    """
    place = Path(path)
    if not place.exists():
        raise ModelFileError(f"{path}: no such file")
    if not place.is_file():
        raise ModelFileError(f"{path}: is no file; accepted is {kind}")
    n_bytes = place.stat().st_size
    if not 0 < n_bytes <= MAX_FILE_BYTES:
        raise ModelFileError(f"{path}: has {n_bytes} bytes; accepted are 1 to {MAX_FILE_BYTES}")
    try:
        return place.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None


def read_spec(data: bytes, where: str) -> ModelSpec:
    """Check the bytes of a model and return what it says about itself.

    Parameters
    ----------
    data : bytes
        Content of the file; untrusted.
    where : str
        Name of the file, for messages.

    Raises
    ------
    ModelFileError
        If it is truncated, no ONNX model, not of this toolkit, of a newer format, or its sizes are impossible.
    """
    try:
        metadata, graphs = _model(memoryview(data))
        if not graphs:
            raise WireError("it has no graph")
        if METADATA_KEY not in metadata:
            raise ModelFileError(f"{where}: is no model of this toolkit (it carries no {METADATA_KEY!r})")
        # Models of earlier versions have none.
        if metadata.get(CHECKSUM_KEY, checksum(*graphs)) != checksum(*graphs):
            raise ModelFileError(f"{where}: is damaged (its checksum does not fit its content)")
        spec = ModelSpec.from_json(metadata[METADATA_KEY], where)
        _check_states(spec, where)
        for graph in graphs:
            _check_graph(graph, where)
    except WireError as error:
        raise ModelFileError(f"{where}: is truncated or no ONNX model ({error})") from None
    return spec


def checksum(*graphs: bytes | memoryview) -> str:
    """Return the CRC-32 of serialised graphs as metadata carry it."""
    value = 0
    for graph in graphs:
        value = zlib.crc32(graph, value)
    return f"{value:08x}"


def _model(message: memoryview) -> tuple[dict[str, str], list[memoryview]]:
    metadata: dict[str, str] = {}
    graphs: list[memoryview] = []
    for number, wire_type, value in fields(message):
        if number == _MODEL_METADATA:
            entry = {key: text(item) for key, _, item in fields(_bytes(wire_type, value))}
            metadata[entry.get(_ENTRY_KEY, "")] = entry.get(_ENTRY_VALUE, "")
        elif number == _MODEL_GRAPH:
            graphs.append(_bytes(wire_type, value))
        elif number in (_MODEL_TRAINING, _MODEL_FUNCTIONS):
            raise WireError("it holds more than one graph")
    return metadata, graphs


def _check_states(spec: ModelSpec, where: str) -> None:
    # Each state alone is bounded by the spec; all of them together are what is allocated.
    total = sum(int(np.prod(state.shape, dtype=np.float64)) for state in spec.states)
    if total > MAX_STATE_VALUES:
        raise ModelFileError(f"{where}: the states have {total} values; accepted are {MAX_STATE_VALUES}")


def _check_graph(graph: memoryview, where: str) -> None:
    for number, wire_type, value in fields(graph):
        if number == _GRAPH_NODE:
            _check_node(_bytes(wire_type, value), where)
        elif number == _GRAPH_INITIALIZER:
            _check_tensor(_bytes(wire_type, value), where)
        elif number == _GRAPH_SPARSE:
            raise ModelFileError(f"{where}: has sparse weights, which are not accepted")


def _check_node(node: memoryview, where: str) -> None:
    operation, domain, attributes = "", "", []
    for number, wire_type, value in fields(node):
        if number == _NODE_OPERATION:
            operation = text(value)
        elif number == _NODE_DOMAIN:
            domain = text(value)
        elif number == _NODE_ATTRIBUTE:
            attributes.append(_bytes(wire_type, value))
    if operation not in OPERATIONS or domain not in ("", "ai.onnx"):
        name = f"{domain}.{operation}" if domain else operation
        raise ModelFileError(f"{where}: uses the operation {name[:60]!r}, which is not accepted")
    for attribute in attributes:
        _check_attribute(attribute, where)


def _check_attribute(attribute: memoryview, where: str) -> None:
    for number, wire_type, value in fields(attribute):
        if number in (_ATTRIBUTE_I, _ATTRIBUTE_INTS):
            _check_sizes(integers(wire_type, value), where)
        elif number == _ATTRIBUTE_T:
            _check_tensor(_bytes(wire_type, value), where)
        elif number in _ATTRIBUTE_OTHERS:
            raise ModelFileError(f"{where}: has graphs or sparse weights inside operations, which are not accepted")


def _check_tensor(tensor: memoryview, where: str) -> None:
    n_values, data_type, numbers, raw = 1, 0, [], memoryview(b"")
    for number, wire_type, value in fields(tensor):
        if number == _TENSOR_DIMS:
            for axis in integers(wire_type, value):
                n_values *= max(axis, 0)
        elif number == _TENSOR_TYPE:
            data_type = sum(integers(wire_type, value)[-1:])
        elif number == _TENSOR_INT64:
            numbers.extend(integers(wire_type, value))
        elif number == _TENSOR_RAW:
            raw = _bytes(wire_type, value)
        elif number == _TENSOR_EXTERNAL or (number == _TENSOR_LOCATION and value != 0):
            raise ModelFileError(f"{where}: keeps weights in another file, which is not accepted")
    # The smallest types of ONNX pack two values into a byte.
    if n_values > 2 * len(tensor):
        raise ModelFileError(f"{where}: weights claim {n_values} values in {len(tensor)} bytes")
    if data_type == _TYPE_INT64:
        _check_sizes(numbers + np.frombuffer(raw[: len(raw) // 8 * 8], "<i8").tolist(), where)


def _check_sizes(numbers: list[int], where: str) -> None:
    # Whole numbers are shapes, paddings, strides and slices; "to the end" is the largest int64.
    for number in numbers:
        if abs(number) > _MAX_SIZE and abs(number) < _INT64_MAX:
            raise ModelFileError(f"{where}: a size is {number}; accepted are up to {_MAX_SIZE}")


def _bytes(wire_type: int, value: int | memoryview) -> memoryview:
    if wire_type != BYTES or isinstance(value, int):
        raise WireError(f"a nested message has wire type {wire_type}")
    return value
