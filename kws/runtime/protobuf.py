"""The wire format of Protocol Buffers, as far as a model file must be looked into before it is loaded."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_MAX_VARINT_BYTES = 10
_TWO_TO_63, _TWO_TO_64 = 1 << 63, 1 << 64


class WireError(ValueError):
    """The bytes are no message, or end too early."""


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Iterate over the fields of one message, without looking into nested ones.

    Parameters
    ----------
    message : memoryview
        The bytes; untrusted. Nothing is copied.

    Yields
    ------
    number : int
        Field number.
    wire_type : int
        VARINT, FIXED64, BYTES or FIXED32.
    value : int or memoryview
        An unsigned number for VARINT, else the bytes.

    Raises
    ------
    WireError
        If the bytes are no message, or end too early.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise WireError("a field has number 0")
        if wire_type == VARINT:
            value, position = _varint(message, position)
            yield number, wire_type, value
            continue
        if wire_type == BYTES:
            n_bytes, position = _varint(message, position)
        elif wire_type in _FIXED_BYTES:
            n_bytes = _FIXED_BYTES[wire_type]
        else:
            raise WireError(f"a field has wire type {wire_type}")
        if n_bytes > len(message) - position:
            raise WireError(f"a field of {n_bytes} bytes has only {len(message) - position}")
        yield number, wire_type, message[position : position + n_bytes]
        position += n_bytes


def integers(wire_type: int, value: int | memoryview) -> list[int]:
    """Return the signed numbers of an integer field, repeated ones packed or not.

    Raises
    ------
    WireError
        If the field is of another type.
    """
    if isinstance(value, int):
        return [_signed(value)]
    if wire_type != BYTES:
        raise WireError(f"an integer has wire type {wire_type}")
    numbers, position = [], 0
    while position < len(value):
        number, position = _varint(value, position)
        numbers.append(_signed(number))
    return numbers


def text(value: int | memoryview) -> str:
    """Return a text field.

    Raises
    ------
    WireError
        If it is no UTF-8 text.
    """
    if isinstance(value, int):
        raise WireError("a text is a number")
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        raise WireError("a text is not UTF-8") from None


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    number = 0
    for index, byte in enumerate(message[position : position + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number % _TWO_TO_64, position + index + 1
    raise WireError("a number does not end")


def _signed(number: int) -> int:
    return number - _TWO_TO_64 if number >= _TWO_TO_63 else number
