"""Collect tensors and operations of a TFLite model; the only place that knows the options of each operation.

Shapes are computed here as a runtime computes them, and every tensor has all its sizes: no axis is dynamic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from export.tflite.flatbuffer import encode_model
from kws.errors import ParityError
from kws.runtime.tflite_schema import (
    NO_ACTIVATION,
    NUMPY_TYPES,
    OPTION_CODES,
    OPTIONS_OF,
    PADDING_VALID,
    RELU,
    SCHEMA_VERSION,
    SIGNATURE_KEY,
    DType,
    Op,
    Row,
)

_NEWER_CODES = 127
"""What the old field of an operation's code holds where the code does not fit into it."""

# Oldest version of each operation that takes these types: a runtime refuses versions that it does not know.
_VERSIONS: dict[tuple[Op, DType], int] = {
    (Op.ADD, DType.INT8): 2,
    (Op.ADD, DType.INT16): 3,
    (Op.CONCATENATION, DType.INT8): 2,
    (Op.CONCATENATION, DType.INT16): 3,
    (Op.CONV_2D, DType.INT8): 3,
    (Op.CONV_2D, DType.INT16): 4,
    (Op.DEPTHWISE_CONV_2D, DType.FLOAT32): 2,
    (Op.DEPTHWISE_CONV_2D, DType.INT8): 3,
    (Op.FULLY_CONNECTED, DType.INT8): 4,
    (Op.FULLY_CONNECTED, DType.INT16): 7,
    (Op.LOGISTIC, DType.INT8): 2,
    (Op.LOGISTIC, DType.INT16): 3,
    (Op.MUL, DType.INT8): 2,
    (Op.MUL, DType.INT16): 2,
    (Op.RELU, DType.INT8): 2,
    (Op.PAD, DType.INT8): 2,
    (Op.PAD, DType.INT16): 3,
    (Op.TRANSPOSE, DType.INT8): 2,
    (Op.MEAN, DType.INT8): 2,
    (Op.MEAN, DType.INT16): 3,
    (Op.STRIDED_SLICE, DType.INT8): 2,
    (Op.STRIDED_SLICE, DType.INT16): 4,
    (Op.QUANTIZE, DType.INT8): 2,
    (Op.QUANTIZE, DType.INT16): 2,
}
_HYBRID_VERSIONS = {Op.FULLY_CONNECTED: 3, Op.CONV_2D: 2}
"""Versions of the operations that take float values and int8 weights."""


@dataclass(frozen=True)
class Quantisation:
    """``value = scale * (stored - zero_point)``; several scales are one a slice of `axis`."""

    scale: tuple[float, ...]
    zero_point: int = 0
    axis: int = 0

    def to_row(self) -> Row:
        """Return the table of the file."""
        zeros = [self.zero_point] * len(self.scale)
        return {"scale": self.scale, "zero_point": zeros, "quantized_dimension": self.axis}


@dataclass(frozen=True)
class Tensor:
    """One tensor of the model: where it stands, and what later operations need to know of it."""

    index: int
    shape: tuple[int, ...]
    dtype: DType = DType.FLOAT32
    quantisation: Quantisation | None = None


@dataclass(frozen=True)
class Form:
    """Type of the result of an operation."""

    dtype: DType = DType.FLOAT32
    quantisation: Quantisation | None = None


FLOAT = Form()


class TfliteBuilder:
    """A growing TFLite model of one computing subgraph; each method returns the tensor that it makes."""

    def __init__(self) -> None:
        # The first buffer is empty by definition: that of every tensor that is computed.
        self._buffers: list[Row] = [{}]
        self._codes: list[Row] = []
        self._graphs: list[Row] = [_empty_graph("main")]
        self._here = self._graphs[0]
        self._constants: dict[tuple[Any, ...], Tensor] = {}

    def input(self, name: str, shape: Sequence[int], form: Form = FLOAT) -> Tensor:
        """Declare an input."""
        tensor = self.tensor(name, shape, form)
        self._here["inputs"].append(tensor.index)
        return tensor

    def output(self, tensor: Tensor, name: str) -> None:
        """Declare a tensor as the output `name`; it takes that name."""
        self._here["tensors"][tensor.index]["name"] = name
        self._here["outputs"].append(tensor.index)

    def tensor(self, name: str, shape: Sequence[int], form: Form = FLOAT) -> Tensor:
        """Add a tensor that an operation fills."""
        return self._add_tensor(name, tuple(shape), form, 0)

    def constant(self, name: str, values: npt.NDArray[Any], form: Form = FLOAT) -> Tensor:
        """Store an array; equal ones are stored once.

        Raises
        ------
        ParityError
            If a number is NaN or infinite: a network can hide it behind a ReLU.
        """
        if not np.isfinite(values).all():
            raise ParityError("a weight is NaN or infinite")
        array = np.ascontiguousarray(values, dtype=NUMPY_TYPES[form.dtype])
        key = (array.tobytes(), array.shape, form, id(self._here))
        if key not in self._constants:
            self._buffers.append({"data": array.tobytes()} if array.size else {})
            self._constants[key] = self._add_tensor(name, array.shape, form, len(self._buffers) - 1)
        return self._constants[key]

    def integers(self, *values: int) -> Tensor:
        """Store a list of int32, such as a shape."""
        name = "int_" + "_".join(str(value) for value in values)
        return self.constant(name, np.array(values, np.int32), Form(DType.INT32))

    def op(
        self,
        code: Op,
        inputs: Sequence[Tensor],
        shape: Sequence[int],
        form: Form | None = None,
        version: int | None = None,
        **options: Any,
    ) -> Tensor:
        """Add an operation with one result, by default of the form of its first input."""
        form = Form(inputs[0].dtype, inputs[0].quantisation) if form is None else form
        result = self.tensor("", shape, form)
        self.command(code, inputs, [result], version or _version(code, inputs, form), **options)
        return result

    def command(
        self, code: Op, inputs: Sequence[Tensor], outputs: Sequence[Tensor], version: int = 1, **options: Any
    ) -> None:
        """Add an operation whose outputs stand."""
        row: Row = {
            "opcode_index": self._opcode(code, version),
            "inputs": [tensor.index for tensor in inputs],
            "outputs": [tensor.index for tensor in outputs],
        }
        if code in OPTIONS_OF:
            row |= {"builtin_options_type": OPTION_CODES[OPTIONS_OF[code]], "builtin_options": options}
        self._here["operators"].append(row)

    # Operations, with the shapes of their results.

    def fully_connected(
        self, x: Tensor, weight: Tensor, bias: Tensor, form: Form | None = None, relu: bool = False
    ) -> Tensor:
        """Multiply rows of `x` by ``weight`` (out, in): (rows, out), rows = values of `x` / in."""
        rows = math.prod(x.shape) // weight.shape[1]
        fused = RELU if relu else NO_ACTIVATION
        shape = (rows, weight.shape[0])
        version = _hybrid_version(Op.FULLY_CONNECTED, x, weight)
        return self.op(Op.FULLY_CONNECTED, [x, weight, bias], shape, form, version, fused_activation_function=fused)

    def conv_2d(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        strides: tuple[int, int] = (1, 1),
        dilation: int = 1,
        form: Form | None = None,
        relu: bool = False,
    ) -> Tensor:
        """Convolve (1, T, bands, C) with ``weight`` (out, kernel, bands, C), nothing padded."""
        options = _conv_options(strides, dilation, relu)
        shape = (1, *_valid(x, weight, strides, dilation), weight.shape[0])
        return self.op(Op.CONV_2D, [x, weight, bias], shape, form, _hybrid_version(Op.CONV_2D, x, weight), **options)

    def depthwise_conv_2d(
        self,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        strides: tuple[int, int] = (1, 1),
        dilation: int = 1,
        form: Form | None = None,
        relu: bool = False,
    ) -> Tensor:
        """Convolve each channel of (1, T, bands, C) by itself with ``weight`` (1, kernel, bands, out)."""
        options = _conv_options(strides, dilation, relu)
        shape = (1, *_valid(x, weight, strides, dilation), weight.shape[3])
        multiplier = weight.shape[3] // x.shape[3]
        inputs = [x, weight, bias]
        return self.op(Op.DEPTHWISE_CONV_2D, inputs, shape, form, depth_multiplier=multiplier, **options)

    def concat(self, tensors: Sequence[Tensor], axis: int) -> Tensor:
        """Join tensors of one form along an axis."""
        shape = list(tensors[0].shape)
        shape[axis] = sum(tensor.shape[axis] for tensor in tensors)
        return self.op(Op.CONCATENATION, tensors, shape, axis=axis)

    def reshape(self, x: Tensor, *shape: int) -> Tensor:
        """Read the values of `x` in another shape; nothing is added where it has that shape."""
        if x.shape == shape:
            return x
        return self.op(Op.RESHAPE, [x, self.integers(*shape)], shape)

    def transpose(self, x: Tensor, *axes: int) -> Tensor:
        """Put the axes into another order."""
        return self.op(Op.TRANSPOSE, [x, self.integers(*axes)], [x.shape[axis] for axis in axes])

    def slice(self, x: Tensor, axis: int, start: int, stop: int) -> Tensor:
        """Take ``start:stop`` of one axis."""
        begin, end = [0] * len(x.shape), list(x.shape)
        begin[axis], end[axis] = start, stop
        shape = [b - a for a, b in zip(begin, end, strict=True)]
        ones = self.integers(*[1] * len(shape))
        return self.op(Op.STRIDED_SLICE, [x, self.integers(*begin), self.integers(*end), ones], shape)

    def pad(self, x: Tensor, axis: int, before: int, after: int) -> Tensor:
        """Put zeros before and after one axis."""
        paddings = np.zeros((len(x.shape), 2), np.int32)
        paddings[axis] = before, after
        shape = list(x.shape)
        shape[axis] += before + after
        name = f"paddings_{axis}_{before}_{after}"
        return self.op(Op.PAD, [x, self.constant(name, paddings, Form(DType.INT32))], shape)

    def binary(self, code: Op, left: Tensor, right: Tensor, form: Form | None = None, relu: bool = False) -> Tensor:
        """Add, subtract or multiply, element by element; an axis of one is repeated."""
        shape = np.broadcast_shapes(left.shape, right.shape)
        options: dict[str, Any] = {} if code is Op.POW else {"fused_activation_function": RELU if relu else 0}
        if code is Op.ADD:
            options["pot_scale_int16"] = (form.dtype if form else left.dtype) is not DType.INT16
        return self.op(code, [left, right], shape, form, **options)

    def unary(self, code: Op, x: Tensor, form: Form | None = None) -> Tensor:
        """Apply a function to each element."""
        return self.op(code, [x], x.shape, form)

    def mean(self, x: Tensor, axis: int, form: Form | None = None) -> Tensor:
        """Return the mean over one axis, which stays with size one."""
        shape = [1 if index == axis else size for index, size in enumerate(x.shape)]
        return self.op(Op.MEAN, [x, self.integers(axis)], shape, form, keep_dims=True)

    def real_fft(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return real and imaginary parts (T, 1, n/2 + 1) of rows (T, 1, n), n a power of two."""
        shape = (*x.shape[:2], x.shape[2] // 2 + 1)
        spectrum = self.op(Op.RFFT2D, [x, self.integers(1, x.shape[2])], shape, Form(DType.COMPLEX64))
        return self.op(Op.REAL, [spectrum], shape, FLOAT), self.op(Op.IMAG, [spectrum], shape, FLOAT)

    # Variables that outlive a call.

    def variable(self, name: str) -> Tensor:
        """Return the handle of a variable."""
        handle = self.tensor(f"handle_{name}", (1,), Form(DType.RESOURCE))
        self.command(Op.VAR_HANDLE, [], [handle], shared_name=name)
        return handle

    def call_once(self, initial: Mapping[str, tuple[npt.NDArray[Any], Form]]) -> None:
        """Give variables their first values, by name, in a subgraph that runs at the first call only."""
        main, self._here = self._here, _empty_graph("initial_states")
        self._graphs.append(self._here)
        for name, (values, form) in initial.items():
            first = self.constant(f"initial_{name}", values, form)
            self.command(Op.ASSIGN_VARIABLE, [self.variable(name), first], [])
        self._here = main
        self.command(Op.CALL_ONCE, [], [], init_subgraph_index=len(self._graphs) - 1)
        # Variables have their values before anything is read.
        main["operators"].insert(0, main["operators"].pop())

    def to_row(self, description: str, metadata: Mapping[str, bytes]) -> Row:
        """Return the finished model as a table, with the bytes that ride in it by name."""
        entries = []
        for name, data in metadata.items():
            self._buffers.append({"data": data})
            entries.append({"name": name, "buffer": len(self._buffers) - 1})
        main = self._graphs[0]
        return {
            "version": SCHEMA_VERSION,
            "operator_codes": self._codes,
            "subgraphs": self._graphs,
            "description": description,
            "buffers": self._buffers,
            "metadata": entries,
            "signature_defs": [
                {
                    "inputs": _names(main, "inputs"),
                    "outputs": _names(main, "outputs"),
                    "signature_key": SIGNATURE_KEY,
                    "subgraph_index": 0,
                }
            ],
        }

    def model(self, description: str, metadata: Mapping[str, bytes]) -> bytes:
        """Return the finished model as a file."""
        return encode_model(self.to_row(description, metadata))

    def _add_tensor(self, name: str, shape: tuple[int, ...], form: Form, buffer: int) -> Tensor:
        tensors = self._here["tensors"]
        row: Row = {"shape": shape, "type": int(form.dtype), "buffer": buffer}
        if name:
            row["name"] = name
        if form.quantisation is not None:
            row["quantization"] = form.quantisation.to_row()
        tensors.append(row)
        return Tensor(len(tensors) - 1, shape, form.dtype, form.quantisation)

    def _opcode(self, code: Op, version: int) -> int:
        row = {"deprecated_builtin_code": min(code, _NEWER_CODES), "version": version, "builtin_code": int(code)}
        if row not in self._codes:
            self._codes.append(row)
        return self._codes.index(row)


def form_of(tensor: Tensor) -> Form:
    """Return the type of a tensor, for another one that is to have it."""
    return Form(tensor.dtype, tensor.quantisation)


def per_tensor(scale: float, zero_point: int = 0, dtype: DType = DType.INT8) -> Form:
    """Return a quantised type with one scale."""
    return Form(dtype, Quantisation((float(np.float32(scale)),), zero_point))


def _empty_graph(name: str) -> Row:
    return {"tensors": [], "inputs": [], "outputs": [], "operators": [], "name": name}


def _names(graph: Row, kind: str) -> list[Row]:
    return [{"name": graph["tensors"][index]["name"], "tensor_index": index} for index in graph[kind]]


def _version(code: Op, inputs: Sequence[Tensor], form: Form) -> int:
    dtypes = {tensor.dtype for tensor in inputs[:1]} | {form.dtype}
    return max(_VERSIONS.get((code, dtype), 1) for dtype in dtypes)


def _hybrid_version(code: Op, x: Tensor, weight: Tensor) -> int | None:
    is_hybrid = x.dtype is DType.FLOAT32 and weight.dtype is DType.INT8
    return _HYBRID_VERSIONS[code] if is_hybrid else None


def _conv_options(strides: tuple[int, int], dilation: int, relu: bool) -> dict[str, Any]:
    return {
        "padding": PADDING_VALID,
        "stride_h": strides[0],
        "stride_w": strides[1],
        "dilation_h_factor": dilation,
        "fused_activation_function": RELU if relu else NO_ACTIVATION,
    }


def _valid(x: Tensor, weight: Tensor, strides: tuple[int, int], dilation: int) -> tuple[int, int]:
    span = dilation * (weight.shape[1] - 1) + 1
    return (x.shape[1] - span) // strides[0] + 1, (x.shape[2] - weight.shape[2]) // strides[1] + 1
