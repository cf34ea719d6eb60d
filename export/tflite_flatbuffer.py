"""Encode tables of :mod:`kws.runtime.tflite_schema` as a TFLite file, with the ``flatbuffers`` package alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from kws.errors import MissingPackageError
from kws.runtime.tflite_schema import FILE_IDENTIFIER, OPTION_TABLES, TABLES, Field, Row

try:
    import flatbuffers
except ImportError:
    raise MissingPackageError("flatbuffers", "export", "write TFLite models") from None

# Runtimes map weights straight from the file and read them 16 bytes at a time.
_DATA_ALIGNMENT = 16
_NUMBERS = {"bool": "Bool", "u8": "Uint8", "i8": "Int8", "i32": "Int32", "u32": "Uint32"}
_ARRAYS = {"[i32]": np.dtype("<i4"), "[i64]": np.dtype("<i8"), "[f32]": np.dtype("<f4")}


def encode_model(model: Row) -> bytes:
    """Return the file of a ``Model`` table; same table, same bytes."""
    builder = flatbuffers.Builder(1 << 16)
    builder.Finish(_table(builder, "Model", model), file_identifier=FILE_IDENTIFIER)
    return bytes(builder.Output())


def _table(builder: Any, name: str, row: Row) -> int:
    fields = TABLES[name]
    assert row.keys() <= fields.keys(), f"{name} has no {row.keys() - fields.keys()}"
    # What a table refers to stands in the file before it is begun.
    parts = {key: _part(builder, fields[key], row, value) for key, value in row.items() if _is_part(fields[key])}
    builder.StartObject(1 + max((field.slot for field in fields.values()), default=-1))
    for key, value in row.items():
        field = fields[key]
        if key in parts:
            builder.PrependUOffsetTRelativeSlot(field.slot, parts[key], 0)
        else:
            getattr(builder, f"Prepend{_NUMBERS[field.kind]}Slot")(field.slot, value, field.default)
    return int(builder.EndObject())


def _is_part(field: Field) -> bool:
    return field.kind not in _NUMBERS


def _part(builder: Any, field: Field, row: Row, value: Any) -> int:
    if field.kind == "text":
        return int(builder.CreateString(value))
    if field.kind == "bytes":
        return _bytes(builder, value)
    if field.kind in _ARRAYS:
        return int(builder.CreateNumpyVector(np.asarray(value, _ARRAYS[field.kind]).reshape(-1)))
    if field.kind == "table":
        return _table(builder, field.table, value)
    if field.kind == "union":
        return _table(builder, OPTION_TABLES[row["builtin_options_type"]], value)
    offsets = [_table(builder, field.table, item) for item in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _bytes(builder: Any, value: bytes) -> int:
    builder.StartVector(1, len(value), _DATA_ALIGNMENT)
    builder.head -= len(value)
    builder.Bytes[builder.head : builder.head + len(value)] = value
    return int(builder.EndVector())
