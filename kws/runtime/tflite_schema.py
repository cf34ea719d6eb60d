"""The tables of a TFLite file that models of this toolkit are made of, as data for a reader and a writer.

Slots and codes are those of the public TFLite schema, version 3 (``tensorflow/lite/schema/schema.fbs``). What is not
listed here is never written, and a file that has it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

FILE_IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3
SIGNATURE_KEY = "serving_default"

Row = dict[str, Any]
"""Fields of one table by name."""


class Op(IntEnum):
    """Codes of the operations that are written."""

    ADD = 0
    CONCATENATION = 2
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    FULLY_CONNECTED = 9
    LOGISTIC = 14
    MUL = 18
    RELU = 19
    RESHAPE = 22
    TANH = 28
    PAD = 34
    TRANSPOSE = 39
    MEAN = 40
    SUB = 41
    STRIDED_SLICE = 45
    LOG = 73
    POW = 78
    QUANTIZE = 114
    CALL_ONCE = 129
    RFFT2D = 131
    IMAG = 133
    REAL = 134
    VAR_HANDLE = 142
    READ_VARIABLE = 143
    ASSIGN_VARIABLE = 144


class DType(IntEnum):
    """Codes of the types of tensors that are written."""

    FLOAT32 = 0
    INT32 = 2
    INT64 = 4
    INT16 = 7
    COMPLEX64 = 8
    INT8 = 9
    RESOURCE = 13


NUMPY_TYPES: dict[DType, np.dtype[Any]] = {
    DType.FLOAT32: np.dtype("<f4"),
    DType.INT32: np.dtype("<i4"),
    DType.INT64: np.dtype("<i8"),
    DType.INT16: np.dtype("<i2"),
    DType.COMPLEX64: np.dtype("<c8"),
    DType.INT8: np.dtype("i1"),
    DType.RESOURCE: np.dtype("<i4"),
}

PADDING_VALID = 1
NO_ACTIVATION, RELU = 0, 1


@dataclass(frozen=True)
class Field:
    """One field of a table.

    Parameters
    ----------
    slot : int
    kind : str
        ``bool u8 i8 i32 u32`` for a number, ``text``, ``bytes``, ``[i32] [i64] [f32]`` for numbers, ``table`` or
        ``[table]``; ``union`` for the options of an operation, whose table the field before it chooses.
    default : number
        Value of a number that is not stored.
    table : str
        Name in :data:`TABLES` of what ``table`` and ``[table]`` hold.
    """

    slot: int
    kind: str
    default: int = 0
    table: str = ""


def _numbers(kind: str, *names: str, first: int = 0, default: int = 0) -> dict[str, Field]:
    return {name: Field(first + index, kind, default) for index, name in enumerate(names)}


TABLES: dict[str, dict[str, Field]] = {
    "Model": {
        "version": Field(0, "u32"),
        "operator_codes": Field(1, "[table]", table="OperatorCode"),
        "subgraphs": Field(2, "[table]", table="SubGraph"),
        "description": Field(3, "text"),
        "buffers": Field(4, "[table]", table="Buffer"),
        "metadata": Field(6, "[table]", table="Metadata"),
        "signature_defs": Field(7, "[table]", table="SignatureDef"),
    },
    "OperatorCode": {
        "deprecated_builtin_code": Field(0, "i8"),
        "version": Field(2, "i32", default=1),
        "builtin_code": Field(3, "i32"),
    },
    "SubGraph": {
        "tensors": Field(0, "[table]", table="Tensor"),
        "inputs": Field(1, "[i32]"),
        "outputs": Field(2, "[i32]"),
        "operators": Field(3, "[table]", table="Operator"),
        "name": Field(4, "text"),
    },
    "Tensor": {
        "shape": Field(0, "[i32]"),
        "type": Field(1, "i8"),
        "buffer": Field(2, "u32"),
        "name": Field(3, "text"),
        "quantization": Field(4, "table", table="QuantizationParameters"),
    },
    "QuantizationParameters": {
        "scale": Field(2, "[f32]"),
        "zero_point": Field(3, "[i64]"),
        "quantized_dimension": Field(6, "i32"),
    },
    "Operator": {
        "opcode_index": Field(0, "u32"),
        "inputs": Field(1, "[i32]"),
        "outputs": Field(2, "[i32]"),
        "builtin_options_type": Field(3, "u8"),
        "builtin_options": Field(4, "union"),
    },
    "Buffer": {"data": Field(0, "bytes")},
    "Metadata": {"name": Field(0, "text"), "buffer": Field(1, "u32")},
    "SignatureDef": {
        "inputs": Field(0, "[table]", table="TensorMap"),
        "outputs": Field(1, "[table]", table="TensorMap"),
        "signature_key": Field(2, "text"),
        "subgraph_index": Field(4, "u32"),
    },
    "TensorMap": {"name": Field(0, "text"), "tensor_index": Field(1, "u32")},
    "Conv2DOptions": {
        "padding": Field(0, "i8"),
        **_numbers("i32", "stride_w", "stride_h", first=1),
        "fused_activation_function": Field(3, "i8"),
        **_numbers("i32", "dilation_w_factor", "dilation_h_factor", first=4, default=1),
    },
    "DepthwiseConv2DOptions": {
        "padding": Field(0, "i8"),
        **_numbers("i32", "stride_w", "stride_h", "depth_multiplier", first=1),
        "fused_activation_function": Field(4, "i8"),
        **_numbers("i32", "dilation_w_factor", "dilation_h_factor", first=5, default=1),
    },
    "FullyConnectedOptions": {"fused_activation_function": Field(0, "i8")},
    "ConcatenationOptions": {"axis": Field(0, "i32")},
    "AddOptions": {"fused_activation_function": Field(0, "i8"), "pot_scale_int16": Field(1, "bool", default=1)},
    "MulOptions": {"fused_activation_function": Field(0, "i8")},
    "SubOptions": {"fused_activation_function": Field(0, "i8")},
    "ReshapeOptions": {},
    "PadOptions": {},
    "TransposeOptions": {},
    "ReducerOptions": {"keep_dims": Field(0, "bool")},
    "StridedSliceOptions": _numbers("i32", "begin_mask", "end_mask"),
    "PowOptions": {},
    "QuantizeOptions": {},
    "Rfft2dOptions": {},
    "CallOnceOptions": {"init_subgraph_index": Field(0, "i32")},
    "VarHandleOptions": {"shared_name": Field(1, "text")},
    "ReadVariableOptions": {},
    "AssignVariableOptions": {},
}

OPTION_TABLES: dict[int, str] = {
    1: "Conv2DOptions",
    2: "DepthwiseConv2DOptions",
    8: "FullyConnectedOptions",
    10: "ConcatenationOptions",
    11: "AddOptions",
    17: "ReshapeOptions",
    21: "MulOptions",
    22: "PadOptions",
    26: "TransposeOptions",
    27: "ReducerOptions",
    28: "SubOptions",
    32: "StridedSliceOptions",
    56: "PowOptions",
    89: "QuantizeOptions",
    103: "CallOnceOptions",
    105: "Rfft2dOptions",
    111: "VarHandleOptions",
    112: "ReadVariableOptions",
    113: "AssignVariableOptions",
}
"""Tables of options by the code that names them in a file."""

OPTIONS_OF: dict[Op, str] = {
    Op.ADD: "AddOptions",
    Op.CONCATENATION: "ConcatenationOptions",
    Op.CONV_2D: "Conv2DOptions",
    Op.DEPTHWISE_CONV_2D: "DepthwiseConv2DOptions",
    Op.FULLY_CONNECTED: "FullyConnectedOptions",
    Op.MUL: "MulOptions",
    Op.RESHAPE: "ReshapeOptions",
    Op.PAD: "PadOptions",
    Op.TRANSPOSE: "TransposeOptions",
    Op.MEAN: "ReducerOptions",
    Op.SUB: "SubOptions",
    Op.STRIDED_SLICE: "StridedSliceOptions",
    Op.POW: "PowOptions",
    Op.QUANTIZE: "QuantizeOptions",
    Op.RFFT2D: "Rfft2dOptions",
    Op.CALL_ONCE: "CallOnceOptions",
    Op.VAR_HANDLE: "VarHandleOptions",
    Op.READ_VARIABLE: "ReadVariableOptions",
    Op.ASSIGN_VARIABLE: "AssignVariableOptions",
}
"""Table of options of each operation that has one."""

OPTION_CODES = {name: code for code, name in OPTION_TABLES.items()}
