"""Read a ``.kws`` file: the one graph with its weights, its front-end's tables and its spec; see docs/model-format.md.

The file is untrusted. Nothing is allocated that is not in it, every size is bounded, and the checksum is looked at
before anything else is.
"""

from __future__ import annotations

import dataclasses
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import FrontEndConfig
from kws.errors import ConfigError, ModelFileError
from kws.features.tables import front_end_tables, pcen_tables
from kws.graph import Array, Conv1d, Conv2d, Graph, Gru, Operation
from kws.graph.layout import (
    ACTIVATIONS,
    FLOAT32,
    HEADER,
    INT8,
    KINDS,
    LAYOUTS,
    MAGIC,
    MAX_AXIS,
    MAX_FILE_BYTES,
    MAX_OPERATIONS,
    VERSION,
)
from kws.graph.shapes import check_graph
from kws.spec import ModelSpec

_HEADER_BYTES = struct.calcsize(HEADER)
_CRC_BYTES = 4
_MAX_AXES = 4
_TABLE_TOLERANCE = 1e-5
_SOURCE = "features"


def read_graph_file(path: str | os.PathLike[str]) -> tuple[ModelSpec, Graph]:
    """Read a file; see :func:`parse_graph`.

    Raises
    ------
    ModelFileError
        If it is missing, unreadable, above 16 MiB, or :func:`parse_graph` refuses it.
    """
    place = Path(path)
    if not place.exists():
        raise ModelFileError(f"{path}: no such file")
    if not place.is_file():
        raise ModelFileError(f"{path}: is no file; accepted is a .kws model")
    n_bytes = place.stat().st_size
    if not 0 < n_bytes <= MAX_FILE_BYTES:
        raise ModelFileError(f"{path}: has {n_bytes} bytes; accepted are 1 to {MAX_FILE_BYTES}")
    try:
        data = place.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror})") from None
    return parse_graph(data, os.fspath(path))


def parse_graph(data: bytes, where: str = "model file") -> tuple[ModelSpec, Graph]:
    """Return what the bytes of a ``.kws`` file hold.

    Parameters
    ----------
    data : bytes
        Untrusted.
    where : str
        Name of the file, for messages.

    Returns
    -------
    spec : ModelSpec
    graph : Graph
        Values are named ``features``, ``value_1``, ``value_2`` …; int8 weights are float32 again.

    Raises
    ------
    ModelFileError
        If it is truncated, altered, no ``.kws`` file, of a newer format, or if its parts do not fit together.
    """
    try:
        return _parse(_Reader(data), where)
    except ConfigError as error:
        raise ModelFileError(f"{where}: {error}") from None


def _parse(reader: _Reader, where: str) -> tuple[ModelSpec, Graph]:
    n_spec_bytes, n_operations, target = _read_header(reader)
    try:
        text = reader.take(n_spec_bytes).decode("utf-8")
    except UnicodeDecodeError:
        raise ConfigError("the spec is not UTF-8") from None
    reader.align()
    spec = ModelSpec.from_json(text, where)
    if spec.input != "features":
        raise ConfigError(f"the spec has the input {spec.input!r}; accepted in a .kws file is 'features'")
    _check_tables(reader, spec.front_end)
    states = [state.name for state in spec.states]
    operations = [_read_operation(reader, index, states) for index in range(n_operations)]
    if reader.left:
        raise ConfigError(f"{reader.left} bytes are left after the last operation")
    graph = Graph(
        tuple(operations),
        _SOURCE,
        _value(target, n_operations + 1),
        spec.front_end.n_bands,
        len(spec.keywords),
        spec.step_frames,
    )
    check_graph(graph)
    if graph.states != spec.states:
        raise ConfigError("the states of the operations are not those of the spec")
    return spec, graph


def _read_header(reader: _Reader) -> tuple[int, int, int]:
    if reader.size < _HEADER_BYTES + _CRC_BYTES or reader.peek(len(MAGIC)) != MAGIC:
        raise ConfigError("is no .kws model (its first bytes are others)")
    _, version, n_bytes, n_spec_bytes, n_operations, target, _ = reader.unpack(HEADER)
    if version != VERSION:
        raise ConfigError(f"has format {version}; this version reads {VERSION}: update the toolkit")
    if n_bytes != reader.size:
        raise ConfigError(f"is truncated or altered: it has {reader.size} bytes and says {n_bytes}")
    reader.check_crc()
    if not 1 <= n_operations <= MAX_OPERATIONS:
        raise ConfigError(f"has {n_operations} operations; accepted are 1 to {MAX_OPERATIONS}")
    return n_spec_bytes, n_operations, target


def _check_tables(reader: _Reader, config: FrontEndConfig) -> None:
    # This program computes its tables from the spec; those in the file are for readers that do not. They must be
    # the same, or a model would hear differently on another device.
    tables = front_end_tables(config)
    window = reader.tensor()
    n_bins = config.n_fft // 2 + 1
    spans = [reader.unpack("<HH") for _ in range(config.n_bands)]
    weights = reader.tensor()
    if weights.shape != (sum(count for _, count in spans),) or any(first + count > n_bins for first, count in spans):
        raise ConfigError("the bands of its front-end lie outside the spectrum")
    bands = np.zeros((n_bins, config.n_bands), np.float32)
    start = 0
    for band, (first, count) in enumerate(spans):
        bands[first : first + count, band] = weights[start : start + count]
        start += count
    pairs = [("window", window, tables.window), ("bands", bands, tables.bands)]
    if config.compression == "pcen":
        pairs += [(name, reader.tensor(), table) for name, table in pcen_tables(config).items()]
    for name, found, computed in pairs:
        if found.shape != computed.shape or not np.allclose(found, computed, rtol=_TABLE_TOLERANCE, atol=1e-7):
            raise ConfigError(f"the {name} of its front-end are not those of its spec")


def _read_operation(reader: _Reader, index: int, states: list[str]) -> Operation:
    (number,) = reader.unpack("<I")
    if number not in KINDS:
        raise ConfigError(f"operation {index} is of the unknown kind {number}")
    kind = KINDS[number]
    layout = LAYOUTS[kind]
    fields: dict[str, Any] = {name: _value(reader.unpack("<I")[0], index + 1) for name in layout.sources}
    for name in layout.settings:
        (setting,) = reader.unpack("<I")
        if setting > MAX_AXIS:
            raise ConfigError(f"operation {index} has {name} {setting}; accepted are up to {MAX_AXIS}")
        fields[name] = setting
    if "kind" in fields:
        fields["kind"] = ACTIVATIONS[fields["kind"]] if fields["kind"] < len(ACTIVATIONS) else str(fields["kind"])
    fields.update({name: reader.tensor() for name in layout.tensors})
    fields["target"] = f"value_{index + 1}"
    if kind in (Conv1d, Conv2d, Gru):
        fields["state"] = ""
    operation: Operation = kind(**fields)
    return _with_state(operation, states)


def _with_state(operation: Operation, states: list[str]) -> Operation:
    """Give an operation that has a state the next name of the spec's."""
    if isinstance(operation, (Conv1d, Conv2d)):
        n_axes = 3 if isinstance(operation, Conv1d) else 4
        if operation.weight.ndim != n_axes or operation.context_frames <= 0:
            return operation
    elif not isinstance(operation, Gru):
        return operation
    if not states:
        raise ConfigError("the operations have more states than the spec")
    return dataclasses.replace(operation, state=states.pop(0))


def _value(number: int, n_values: int) -> str:
    if number >= n_values:
        raise ConfigError(f"value {number} is read before it is made")
    return f"value_{number}" if number else _SOURCE


class _Reader:
    """Bytes that are read from the front, never beyond the checksum at their end."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._place = 0
        self._end = max(0, len(data) - _CRC_BYTES)
        self.size = len(data)

    @property
    def left(self) -> int:
        """Bytes that are left before the checksum."""
        return self._end - self._place

    def check_crc(self) -> None:
        (stated,) = struct.unpack_from("<I", self._data, self._end)
        if zlib.crc32(self._data[: self._end]) != stated:
            raise ConfigError("is damaged: its checksum is wrong")

    def peek(self, n_bytes: int) -> bytes:
        return bytes(self._data[self._place : self._place + n_bytes])

    def take(self, n_bytes: int) -> bytes:
        if n_bytes > self.left:
            raise ConfigError(f"a part claims {n_bytes} bytes where {self.left} are left")
        self._place += n_bytes
        return bytes(self._data[self._place - n_bytes : self._place])

    def unpack(self, layout: str) -> tuple[Any, ...]:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def align(self) -> None:
        if any(self.take(-self._place % 4)):
            raise ConfigError("has other bytes than zero between its parts")

    def tensor(self) -> Array:
        """Read a tensor as float32, whatever it is stored as."""
        kind, n_axes, n_scales = self.unpack("<BBH")
        if kind not in (FLOAT32, INT8) or not 1 <= n_axes <= _MAX_AXES:
            raise ConfigError(f"a tensor is of the unknown type {kind} or has {n_axes} axes")
        shape = self.unpack(f"<{n_axes}I")
        if not all(1 <= axis <= MAX_AXIS for axis in shape):
            raise ConfigError(f"a tensor has the shape {shape}; accepted are axes of 1 to {MAX_AXIS}")
        if n_scales not in ((0,) if kind == FLOAT32 else (1, shape[0])):
            raise ConfigError(f"a tensor {shape} has {n_scales} scales")
        scales = self._numbers("<f4", n_scales)
        values = self._numbers("<f4" if kind == FLOAT32 else "i1", math.prod(shape)).reshape(shape)
        self.align()
        if kind == INT8:
            # What does not fit a float32 is refused below, without a word of numpy's on it.
            with np.errstate(all="ignore"):
                values = values * scales.reshape(-1, *(1,) * (n_axes - 1))
        if not np.all(np.isfinite(values)):
            raise ConfigError("a tensor holds NaN or infinity")
        return values

    def _numbers(self, dtype: str, count: int) -> npt.NDArray[np.float32]:
        raw = self.take(count * np.dtype(dtype).itemsize)
        return np.frombuffer(raw, dtype).astype(np.float32)
