"""Look into a TFLite file before a runtime does: whose it is, whether it is whole, and what it says about itself.

TFLite reads weights where a file says they are and trusts most of it: a damaged file takes the process down. So a
checksum rides in each file, and :mod:`kws.runtime.tflite_check` holds all that it describes against what may be there.
"""

from __future__ import annotations

import dataclasses
import os
import zlib

from kws.errors import ModelFileError
from kws.runtime.flatbuffer import FlatbufferError, read_flatbuffer
from kws.runtime.tflite_schema import Row
from kws.spec import CHECKSUM_KEY, METADATA_KEY, ModelSpec

_CHECKSUM_BYTES = 4
"""The CRC-32 of the file, little-endian, computed while these bytes are zero."""


@dataclasses.dataclass(frozen=True)
class TfliteFile:
    """A file whose bytes are whole: the model's tables, and what it says about itself."""

    data: bytes
    model: Row
    spec: ModelSpec


def parse_tflite(data: bytes, where: str | os.PathLike[str]) -> TfliteFile:
    """Read a file's tables, spec and checksum, without a runtime.

    Parameters
    ----------
    data : bytes
        Content of the file; untrusted.
    where : str
        Name of the file, for messages.

    Raises
    ------
    ModelFileError
        If it is truncated, damaged, no TFLite model, not of this toolkit, or of a newer format.
    """
    where = os.fspath(where)
    try:
        model = read_flatbuffer(data)
        metadata = _metadata(model)
    except FlatbufferError as error:
        raise ModelFileError(f"{where}: is truncated or no TFLite model of this toolkit ({error})") from None
    if METADATA_KEY not in metadata or CHECKSUM_KEY not in metadata:
        raise ModelFileError(f"{where}: is no model of this toolkit (it carries no {METADATA_KEY!r})")
    _check_checksum(data, metadata[CHECKSUM_KEY], where)
    try:
        text = data[metadata[METADATA_KEY]].decode("utf-8")
    except UnicodeDecodeError:
        raise ModelFileError(f"{where}: the spec is not UTF-8") from None
    return TfliteFile(data, model, ModelSpec.from_json(text, where))


def with_checksum(data: bytes) -> bytes:
    """Return a file whose checksum, in the place that it has for it, fits the rest.

    Raises
    ------
    FlatbufferError
        If it is no TFLite file with such a place.
    """
    place = _metadata(read_flatbuffer(data)).get(CHECKSUM_KEY)
    if place is None or place.stop - place.start != _CHECKSUM_BYTES:
        raise FlatbufferError(f"it has no place for {CHECKSUM_KEY!r}")
    return data[: place.start] + _checksum(data, place) + data[place.stop :]


def _metadata(model: Row) -> dict[str, slice]:
    """Return where the bytes of each metadata lie, by its name."""
    buffers, found = model["buffers"] or [], {}
    for entry in model["metadata"] or []:
        if entry["buffer"] >= len(buffers):
            raise FlatbufferError("metadata lie in a buffer that is not there")
        name, place = entry["name"] or "", buffers[entry["buffer"]]["data"]
        if name in found:
            raise FlatbufferError("two metadata have one name")
        found[name] = place or slice(0, 0)
    return found


def _check_checksum(data: bytes, place: slice, where: str) -> None:
    if data[place] != _checksum(data, place):
        raise ModelFileError(f"{where}: is damaged (its checksum does not fit its content)")


def _checksum(data: bytes, place: slice) -> bytes:
    head = zlib.crc32(memoryview(data)[: place.start])
    value = zlib.crc32(memoryview(data)[place.stop :], zlib.crc32(bytes(_CHECKSUM_BYTES), head))
    return value.to_bytes(_CHECKSUM_BYTES, "little")
