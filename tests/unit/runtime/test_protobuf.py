"""The wire format, on hand-written bytes."""

import pytest

from kws.runtime.protobuf import BYTES, FIXED32, VARINT, WireError, fields, integers, text


def parse(data: bytes):
    return [(n, w, v if isinstance(v, int) else bytes(v)) for n, w, v in fields(memoryview(data))]


def test_fields_by_hand():
    # Field 1 = 150 (the example of the format's documentation), field 2 = "ab", field 3 = four bytes.
    assert parse(b"\x08\x96\x01\x12\x02ab\x1d\x01\x02\x03\x04") == [
        (1, VARINT, 150),
        (2, BYTES, b"ab"),
        (3, FIXED32, b"\x01\x02\x03\x04"),
    ]


@pytest.mark.parametrize("data", [b"\x08", b"\x12\x05ab", b"\x00\x00", b"\x0b", b"\x08" + b"\xff" * 11, b"\x1d\x01"])
def test_damaged(data):
    with pytest.raises(WireError):
        parse(data)


def test_integers():
    assert integers(BYTES, memoryview(b"\x01\x96\x01")) == [1, 150]
    assert integers(VARINT, 2**64 - 1) == [-1]
    with pytest.raises(WireError):
        integers(FIXED32, memoryview(b"abcd"))


def test_text():
    assert text(memoryview("é".encode())) == "é"
    with pytest.raises(WireError):
        text(memoryview(b"\xff"))
    with pytest.raises(WireError):
        text(3)
