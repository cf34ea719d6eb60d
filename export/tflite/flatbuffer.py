"""Encode tables of :mod:`kws.runtime.tflite_schema` as a TFLite file, with the ``flatbuffers`` package alone."""

from __future__ import annotations

from collections.abc import Callable
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
_ARRAYS: dict[str, Any] = {"[i32]": np.dtype("<i4"), "[i64]": np.dtype("<i8"), "[f32]": np.dtype("<f4")}


def encode_model(model: Row) -> bytes:
    """Return the file of a ``Model`` table; same table, same bytes."""
    return _Encoder().file(model)


class _Encoder:
    """Writes parts before the tables that refer to them; equal shapes, names and quantisations are written once."""

    def __init__(self) -> None:
        self._builder = flatbuffers.Builder(1 << 16)
        self._written: dict[tuple[object, ...], int] = {}

    def file(self, model: Row) -> bytes:
        self._builder.Finish(self._table("Model", model), file_identifier=FILE_IDENTIFIER)
        return bytes(self._builder.Output())

    def _table(self, name: str, row: Row) -> int:
        fields, builder = TABLES[name], self._builder
        assert row.keys() <= fields.keys(), f"{name} has no {row.keys() - fields.keys()}"
        parts = {key: self._part(fields[key], row, value) for key, value in row.items() if _is_part(fields[key])}

        def write() -> int:
            builder.StartObject(1 + max((field.slot for field in fields.values()), default=-1))
            for key, value in row.items():
                field = fields[key]
                if key in parts:
                    builder.PrependUOffsetTRelativeSlot(field.slot, parts[key], 0)
                else:
                    getattr(builder, f"Prepend{_NUMBERS[field.kind]}Slot")(field.slot, value, field.default)
            return int(builder.EndObject())

        return self._once((name, *((key, parts.get(key, value)) for key, value in row.items())), write)

    def _part(self, field: Field, row: Row, value: Any) -> int:
        builder = self._builder
        if field.kind == "text":
            return self._once(("text", value), lambda: int(builder.CreateString(value)))
        if field.kind == "bytes":
            # Never shared: the place of the checksum is its own.
            return self._bytes(value)
        if field.kind in _ARRAYS:
            array = np.asarray(value, _ARRAYS[field.kind]).reshape(-1)
            return self._once((field.kind, array.tobytes()), lambda: int(builder.CreateNumpyVector(array)))
        if field.kind == "table":
            return self._table(field.table, value)
        if field.kind == "union":
            return self._table(OPTION_TABLES[row["builtin_options_type"]], value)
        return self._tables([self._table(field.table, item) for item in value])

    def _tables(self, offsets: list[int]) -> int:
        self._builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._builder.PrependUOffsetTRelative(offset)
        return int(self._builder.EndVector())

    def _bytes(self, value: bytes) -> int:
        builder = self._builder
        builder.StartVector(1, len(value), _DATA_ALIGNMENT)
        builder.head -= len(value)
        builder.Bytes[builder.head : builder.head + len(value)] = value
        return int(builder.EndVector())

    def _once(self, key: tuple[object, ...], write: Callable[[], int]) -> int:
        if key not in self._written:
            self._written[key] = write()
        return self._written[key]


def _is_part(field: Field) -> bool:
    return field.kind not in _NUMBERS
