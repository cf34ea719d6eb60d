"""What the live detector tells its plot window, as framed bytes; no pickle.

A message is one byte of kind, four bytes of length (little-endian) and the body.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_HEAD = struct.Struct("<cI")
_AUDIO = struct.Struct("<qi")
_SCORES = struct.Struct("<qii")
_MAX_BODY_BYTES = 1 << 26


@dataclass(frozen=True)
class Curve:
    """One keyword's scores: its label and its threshold."""

    label: str
    threshold: float


@dataclass(frozen=True)
class Hello:
    """First message: what will be shown.

    Parameters
    ----------
    title : str
    seconds : float
        Length of what is seen at once.
    models : tuple of tuple of Curve
        For each model its keywords, in order.
    step_samples : tuple of int
        For each model the samples (16 kHz) from one score to the next.
    """

    title: str
    seconds: float
    models: tuple[tuple[Curve, ...], ...]
    step_samples: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Audio:
    """Samples ``(C, N)`` of int16 that end at sample `end` of the stream."""

    end: int
    samples: npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores ``(T, K)`` of the model with that index, the last of them known at sample `end`."""

    end: int
    model: int
    scores: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Marker:
    """A detection."""

    time_s: float
    keyword: str
    score: float


Message = Hello | Audio | Scores | Marker


def pack(message: Message) -> bytes:
    """Return the message as bytes."""
    if isinstance(message, Audio):
        kind, body = b"A", _AUDIO.pack(message.end, len(message.samples)) + message.samples.tobytes()
    elif isinstance(message, Scores):
        lead = _SCORES.pack(message.end, message.model, message.scores.shape[1])
        kind, body = b"S", lead + message.scores.astype(np.float32).tobytes()
    else:
        kind, body = (b"H" if isinstance(message, Hello) else b"M"), json.dumps(asdict(message)).encode()
    return _HEAD.pack(kind, len(body)) + body


def read_messages(stream: BinaryIO) -> Iterator[Message]:
    """Iterate over the messages of an unbuffered stream until it ends, which it may at any byte."""
    while len(head := _read(stream, _HEAD.size)) == _HEAD.size:
        kind, n_bytes = _HEAD.unpack(head)
        body = _read(stream, n_bytes) if n_bytes <= _MAX_BODY_BYTES else b""
        if len(body) < n_bytes:
            return
        yield _unpack(kind, body)


def _unpack(kind: bytes, body: bytes) -> Message:
    if kind == b"A":
        end, n_channels = _AUDIO.unpack_from(body)
        return Audio(end, np.frombuffer(body, np.int16, offset=_AUDIO.size).reshape(n_channels, -1))
    if kind == b"S":
        end, model, n_keywords = _SCORES.unpack_from(body)
        scores = np.frombuffer(body, np.float32, offset=_SCORES.size)
        return Scores(end, model, scores.reshape(-1, n_keywords))
    values = json.loads(body)
    if kind == b"M":
        return Marker(**values)
    models = tuple(tuple(Curve(**curve) for curve in curves) for curves in values["models"])
    return Hello(values["title"], values["seconds"], models, tuple(values["step_samples"]))


def _read(stream: BinaryIO, n_bytes: int) -> bytes:
    """Read so many bytes, fewer only at the end."""
    parts = []
    while n_bytes and (part := stream.read(n_bytes)):
        parts.append(part)
        n_bytes -= len(part)
    return b"".join(parts)
