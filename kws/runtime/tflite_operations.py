"""What each TFLite operation of a streaming step computes, as far as shapes and types go."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.runtime.tflite_schema import NO_ACTIVATION, PADDING_VALID, RELU, DType, Op, Row

Shape = tuple[int, ...]

_MAX_FFT = 4096


class OperationError(ValueError):
    """A model holds something that is not accepted; the message goes on from the name of its file."""


@dataclass(frozen=True, eq=False)
class TensorInfo:
    """One tensor: `data` if it is a weight; scales are empty for floats and whole numbers."""

    name: str
    shape: Shape
    dtype: DType
    data: npt.NDArray[Any] | None = None
    scale: tuple[float, ...] = ()
    zero_point: int = 0
    axis: int = 0

    @property
    def n_values(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def form(self) -> tuple[DType, tuple[float, ...], int]:
        """Type and quantisation."""
        return self.dtype, self.scale, self.zero_point


@dataclass(frozen=True, eq=False)
class Step:
    """One operation with the tensors that it takes and gives."""

    op: Op
    options: Row
    inputs: list[TensorInfo]
    output: TensorInfo


_QUANTISED = {DType.INT8: DType.INT32, DType.INT16: DType.INT64}
"""Types of values, and of the biases that go with them."""


def check_operation(step: Step) -> int:
    """Check one operation and return its multiplications.

    Raises
    ------
    OperationError
        If it does not compute the shape that its result has, or takes types that it does not.
    """
    n_inputs, compute = _RULES.get(step.op, (0, None))
    if compute is None or (n_inputs and len(step.inputs) != n_inputs) or not step.inputs:
        raise OperationError(f"uses the operation {step.op.name} in a way that is not accepted")
    if step.inputs[0].data is not None and step.op not in _BINARY:
        raise OperationError(f"{step.op.name} computes from weights alone")
    if step.options.get("fused_activation_function", NO_ACTIVATION) not in (NO_ACTIVATION, RELU):
        raise OperationError(f"{step.op.name} ends in an activation that is not accepted")
    shape = compute(step)
    if step.output.shape != shape:
        raise OperationError(f"{step.op.name} computes the shape {shape}; its result has {step.output.shape}")
    if step.op in (Op.FULLY_CONNECTED, Op.CONV_2D, Op.DEPTHWISE_CONV_2D):
        weight = step.inputs[1]
        per_output = weight.n_values // weight.shape[3 if step.op is Op.DEPTHWISE_CONV_2D else 0]
        return step.output.n_values * per_output
    return step.output.n_values


def _linear(step: Step) -> tuple[TensorInfo, TensorInfo]:
    """Check the types of a layer with weight and bias, and return what it takes and its weight."""
    x, weight, bias = step.inputs
    n_outputs = weight.shape[3 if step.op is Op.DEPTHWISE_CONV_2D else 0]
    is_float = (x.dtype, bias.dtype, step.output.dtype) == (DType.FLOAT32,) * 3
    fits = is_float and weight.dtype in (DType.FLOAT32, DType.INT8)
    fits |= x.dtype in _QUANTISED and weight.dtype is DType.INT8 and _QUANTISED[x.dtype] is bias.dtype
    fits &= is_float or step.output.dtype is x.dtype
    if not fits or weight.data is None or bias.data is None or bias.shape != (n_outputs,):
        raise OperationError(f"{step.op.name} has a weight or bias that does not fit")
    return x, weight


def _fully_connected(step: Step) -> Shape:
    x, weight = _linear(step)
    if len(weight.shape) != 2 or x.n_values % weight.shape[1] or len(weight.scale) > 1:
        raise OperationError("FULLY_CONNECTED has a weight that does not fit")
    return x.n_values // weight.shape[1], weight.shape[0]


def _convolution(step: Step) -> Shape:
    x, weight = _linear(step)
    options = step.options
    strides = options["stride_h"], options["stride_w"]
    dilations = options["dilation_h_factor"], options["dilation_w_factor"]
    if len(x.shape) != 4 or len(weight.shape) != 4 or options["padding"] != PADDING_VALID or x.shape[0] != 1:
        raise OperationError(f"{step.op.name} has shapes or a padding that is not accepted")
    if step.op is Op.CONV_2D:
        n_outputs, has_channels = weight.shape[0], weight.shape[3] == x.shape[3]
    else:
        n_outputs = weight.shape[3]
        has_channels = weight.shape[0] == 1 and n_outputs == x.shape[3] * options["depth_multiplier"]
    if not has_channels or min(strides + dilations) < 1 or max(strides + dilations) > 4096:
        raise OperationError(f"{step.op.name} has channels, strides or dilations that do not fit")
    sizes = []
    for size, kernel, stride, dilation in zip(x.shape[1:3], weight.shape[1:3], strides, dilations, strict=True):
        sizes.append((size - dilation * (kernel - 1) - 1) // stride + 1)
    return 1, *sizes, n_outputs


def _concatenation(step: Step) -> Shape:
    first, axis = step.inputs[0], step.options["axis"]
    if not 0 <= axis < len(first.shape):
        raise OperationError("CONCATENATION has an axis that is not there")
    for tensor in (*step.inputs, step.output):
        others = [size for index, size in enumerate(tensor.shape) if index != axis]
        if others != [size for index, size in enumerate(first.shape) if index != axis] or tensor.form != first.form:
            raise OperationError("CONCATENATION joins tensors of other shapes or types")
    return *first.shape[:axis], sum(tensor.shape[axis] for tensor in step.inputs), *first.shape[axis + 1 :]


def _reshape(step: Step) -> Shape:
    x, shape = step.inputs[0], _whole_numbers(step.inputs[1], 1)
    if math.prod(shape) != x.n_values or step.output.form != x.form:
        raise OperationError("RESHAPE gives another number of values")
    return shape


def _strided_slice(step: Step) -> Shape:
    x = step.inputs[0]
    begin, end, strides = (_whole_numbers(tensor, 1) for tensor in step.inputs[1:])
    is_plain = set(strides) == {1} and len(begin) == len(end) == len(strides) == len(x.shape)
    if not is_plain or step.options["begin_mask"] or step.options["end_mask"] or step.output.form != x.form:
        raise OperationError("STRIDED_SLICE is not accepted in that form")
    for first, last, size in zip(begin, end, x.shape, strict=True):
        if not 0 <= first < last <= size:
            raise OperationError("STRIDED_SLICE takes what is not there")
    return tuple(last - first for first, last in zip(begin, end, strict=True))


def _pad(step: Step) -> Shape:
    x, paddings = step.inputs[0], step.inputs[1]
    numbers = _whole_numbers(paddings, 2)
    if paddings.shape != (len(x.shape), 2) or min(numbers) < 0 or len(x.shape) > 4 or step.output.form != x.form:
        raise OperationError("PAD has paddings that do not fit")
    return tuple(size + numbers[2 * i] + numbers[2 * i + 1] for i, size in enumerate(x.shape))


def _transpose(step: Step) -> Shape:
    x, axes = step.inputs[0], _whole_numbers(step.inputs[1], 1)
    if sorted(axes) != list(range(len(x.shape))) or step.output.form != x.form:
        raise OperationError("TRANSPOSE has axes that do not fit")
    return tuple(x.shape[axis] for axis in axes)


def _mean(step: Step) -> Shape:
    x, axes = step.inputs[0], _whole_numbers(step.inputs[1], 1)
    if len(axes) != 1 or not 0 <= axes[0] < len(x.shape) or not step.options["keep_dims"]:
        raise OperationError("MEAN has axes that do not fit")
    _require_types(step, (DType.FLOAT32, DType.INT8, DType.INT16))
    return tuple(1 if index == axes[0] else size for index, size in enumerate(x.shape))


def _binary(step: Step) -> Shape:
    left, right = step.inputs
    _require_types(step, (DType.FLOAT32, DType.INT8, DType.INT16) if step.op in (Op.ADD, Op.MUL) else (DType.FLOAT32,))
    if len(left.shape) != len(right.shape) or len(left.shape) > 4:
        raise OperationError(f"{step.op.name} takes tensors of different shapes")
    if any(a != b and 1 not in (a, b) for a, b in zip(left.shape, right.shape, strict=True)):
        raise OperationError(f"{step.op.name} takes tensors of different shapes")
    return tuple(map(max, left.shape, right.shape))


def _unary(step: Step) -> Shape:
    floats, quantised = (DType.FLOAT32,), (DType.FLOAT32, DType.INT8, DType.INT16)
    _require_types(step, quantised if step.op in (Op.LOGISTIC, Op.RELU) else floats)
    return step.inputs[0].shape


def _quantize(step: Step) -> Shape:
    if step.output.dtype not in (DType.INT8, DType.INT16):
        raise OperationError("QUANTIZE gives a type that is not accepted")
    if step.inputs[0].dtype not in (DType.FLOAT32, DType.INT8, DType.INT16):
        raise OperationError("QUANTIZE takes a type that is not accepted")
    return step.inputs[0].shape


def _real_fft(step: Step) -> Shape:
    x, size = step.inputs[0], step.inputs[0].shape[-1]
    lengths = _whole_numbers(step.inputs[1], 1)
    is_power_of_two = 2 <= size <= _MAX_FFT and size & (size - 1) == 0
    if len(x.shape) != 3 or x.shape[1] != 1 or lengths != (1, size) or not is_power_of_two:
        raise OperationError("RFFT2D is not accepted in that form")
    if (x.dtype, step.output.dtype) != (DType.FLOAT32, DType.COMPLEX64):
        raise OperationError("RFFT2D takes or gives types that are not accepted")
    return *x.shape[:2], size // 2 + 1


def _part(step: Step) -> Shape:
    if (step.inputs[0].dtype, step.output.dtype) != (DType.COMPLEX64, DType.FLOAT32):
        raise OperationError(f"{step.op.name} takes or gives types that are not accepted")
    return step.inputs[0].shape


def _require_types(step: Step, accepted: tuple[DType, ...]) -> None:
    """Check that values have one type, and one that the operation takes."""
    dtypes = {tensor.dtype for tensor in (step.inputs[0], *step.inputs[1:], step.output) if tensor.dtype != DType.INT32}
    if len(dtypes) != 1 or not dtypes <= set(accepted):
        raise OperationError(f"{step.op.name} takes or gives types that are not accepted")


def _whole_numbers(tensor: TensorInfo, n_axes: int) -> Shape:
    if tensor.data is None or tensor.dtype is not DType.INT32 or len(tensor.shape) != n_axes or tensor.n_values > 16:
        raise OperationError("has a shape or an axis that is no list of whole numbers")
    return tuple(int(number) for number in np.ravel(tensor.data))


_BINARY = (Op.ADD, Op.MUL, Op.SUB, Op.POW)

_RULES: dict[Op, tuple[int, Callable[[Step], Shape]]] = {
    Op.FULLY_CONNECTED: (3, _fully_connected),
    Op.CONV_2D: (3, _convolution),
    Op.DEPTHWISE_CONV_2D: (3, _convolution),
    Op.CONCATENATION: (0, _concatenation),
    Op.RESHAPE: (2, _reshape),
    Op.STRIDED_SLICE: (4, _strided_slice),
    Op.PAD: (2, _pad),
    Op.TRANSPOSE: (2, _transpose),
    Op.MEAN: (2, _mean),
    **dict.fromkeys(_BINARY, (2, _binary)),
    **dict.fromkeys((Op.LOGISTIC, Op.RELU, Op.TANH, Op.LOG), (1, _unary)),
    Op.QUANTIZE: (1, _quantize),
    Op.RFFT2D: (2, _real_fft),
    **dict.fromkeys((Op.REAL, Op.IMAG), (1, _part)),
}
"""Number of inputs (0 is any), and what computes the shape of the result."""
