"""Read FlatBuffers that nobody vouches for: every offset is checked, and every byte is paid for once.

The format is that of https://flatbuffers.dev/internals; which tables there are says
:mod:`kws.runtime.tflite_schema`. A field that is not listed there is refused.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from kws.runtime.tflite_schema import FILE_IDENTIFIER, OPTION_TABLES, TABLES, Field, Row

MAX_TABLES = 100_000
MAX_ITEMS = 1_000_000
"""Numbers in lists, and entries of lists of tables, all lists together."""

_NUMBERS = {"bool": "<B", "u8": "<B", "i8": "<b", "i32": "<i", "u32": "<I"}
_ARRAYS: dict[str, np.dtype[Any]] = {"[i32]": np.dtype("<i4"), "[i64]": np.dtype("<i8"), "[f32]": np.dtype("<f4")}
_OFFSET_BYTES = 4


class FlatbufferError(ValueError):
    """The bytes are no FlatBuffer of the tables that are known, or end too early."""


def read_flatbuffer(data: bytes, table: str = "Model") -> Row:
    """Return a file's root table with all that it holds.

    Parameters
    ----------
    data : bytes
        Untrusted.
    table : str
        Name in :data:`kws.runtime.tflite_schema.TABLES`.

    Returns
    -------
    dict
        Every field of the table by name. Numbers that are not stored have their default, everything else that is not
        stored is None; ``bytes`` are slices of `data`, numbers in lists are lists.

    Raises
    ------
    FlatbufferError
        If an offset leaves the file, a number is not where its alignment says, a field is unknown, or tables share
        their parts so much that reading would take more than the file has.
    """
    return _Reader(data).root(table)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._tables_left = MAX_TABLES
        self._items_left = MAX_ITEMS
        # A text that several tables share is read several times: as much as the file has, and as much again.
        self._text_left = 2 * len(data)

    def root(self, table: str) -> Row:
        if self._data[4:8] != FILE_IDENTIFIER:
            raise FlatbufferError("it does not begin as one")
        return self._table(table, self._target(0))

    def _table(self, name: str, start: int) -> Row:
        self._tables_left -= 1
        if self._tables_left < 0:
            raise FlatbufferError(f"it has more than {MAX_TABLES} tables")
        fields = TABLES[name]
        offsets, n_bytes = self._offsets(name, start)
        row: Row = {}
        for key, field in fields.items():
            offset = offsets.get(field.slot, 0)
            if offset:
                row[key] = self._value(field, row, start, offset, n_bytes)
            else:
                row[key] = field.default if field.kind in _NUMBERS else None
        return row

    def _offsets(self, name: str, start: int) -> tuple[dict[int, int], int]:
        """Return where in its table each field stands, by slot, and the bytes of the table."""
        vtable = start - self._number("<i", start, "a table")
        vtable_bytes = self._number("<H", vtable, "a table of fields")
        n_bytes = self._number("<H", vtable + 2, "a table of fields")
        if vtable_bytes < 4 or vtable_bytes % 2 or n_bytes < _OFFSET_BYTES:
            raise FlatbufferError("a table has impossible sizes")
        self._require(vtable, vtable_bytes, "a table of fields")
        self._require(start, n_bytes, "a table")
        known = {field.slot for field in TABLES[name].values()}
        offsets = {}
        for slot, offset in enumerate(struct.unpack_from(f"<{vtable_bytes // 2 - 2}H", self._data, vtable + 4)):
            if offset and slot not in known:
                raise FlatbufferError(f"{name} has the unknown field {slot}")
            offsets[slot] = offset
        return offsets, n_bytes

    def _value(self, field: Field, row: Row, start: int, offset: int, n_bytes: int) -> Any:
        size = struct.calcsize(_NUMBERS.get(field.kind, "<I"))
        if offset < _OFFSET_BYTES or offset + size > n_bytes:
            raise FlatbufferError("a field lies outside its table")
        place = start + offset
        if field.kind in _NUMBERS:
            return self._number(_NUMBERS[field.kind], place, "a number")
        target = self._target(place)
        if field.kind == "table":
            return self._table(field.table, target)
        if field.kind == "union":
            return self._union(row, target)
        if field.kind == "[table]":
            first, length = self._vector(target, _OFFSET_BYTES)
            return [self._table(field.table, self._target(first + _OFFSET_BYTES * i)) for i in range(length)]
        return self._plain(field.kind, target)

    def _union(self, row: Row, target: int) -> Row:
        code = row["builtin_options_type"]
        if code not in OPTION_TABLES:
            raise FlatbufferError(f"an operation has options of the unknown kind {code}")
        return self._table(OPTION_TABLES[code], target)

    def _plain(self, kind: str, target: int) -> Any:
        if kind in _ARRAYS:
            dtype = _ARRAYS[kind]
            first, length = self._vector(target, dtype.itemsize)
            return np.frombuffer(self._data, dtype, length, first).tolist()
        first, length = self._vector(target, 1)
        if kind == "bytes":
            return slice(first, first + length)
        self._text_left -= length
        if self._text_left < 0:
            raise FlatbufferError("its texts are longer than the file")
        # Programs in C read a text up to its end mark.
        self._require(first, length + 1, "a text")
        if self._data[first + length] != 0:
            raise FlatbufferError("a text has no end")
        try:
            return self._data[first : first + length].decode("utf-8")
        except UnicodeDecodeError:
            raise FlatbufferError("a text is not UTF-8") from None

    def _vector(self, start: int, item_bytes: int) -> tuple[int, int]:
        """Return where the items begin, and their number."""
        length = self._number("<I", start, "a list")
        first = start + _OFFSET_BYTES
        self._require(first, length * item_bytes, "a list")
        if first % min(item_bytes, 8):
            raise FlatbufferError("a list is not aligned")
        self._items_left -= length if item_bytes > 1 else 0
        if self._items_left < 0:
            raise FlatbufferError(f"its lists have more than {MAX_ITEMS} items")
        return first, length

    def _target(self, place: int) -> int:
        offset = self._number("<I", place, "an offset")
        target = place + offset
        if offset == 0 or target % _OFFSET_BYTES:
            raise FlatbufferError("an offset leads nowhere")
        self._require(target, _OFFSET_BYTES, "what an offset leads to")
        return target

    def _number(self, form: str, place: int, what: str) -> int:
        size = struct.calcsize(form)
        self._require(place, size, what)
        if place % size:
            raise FlatbufferError(f"{what} is not aligned")
        return int(struct.unpack_from(form, self._data, place)[0])

    def _require(self, start: int, n_bytes: int, what: str) -> None:
        if start < 0 or start + n_bytes > len(self._data):
            raise FlatbufferError(f"{what} lies outside the file")
