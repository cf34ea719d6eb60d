"""WAV from a stream that cannot be rewound, and the length that a WAV header promises."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kws.audio import UNKNOWN_WAV_BYTES, FloatArray
from kws.errors import AudioError

MAGIC_BYTES = 4
_MAX_SKIPPED_BYTES = 16 * 1024 * 1024
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, n_bytes: int, /) -> bytes:
        """Return that many bytes, fewer only at the end."""
        ...


@dataclass(frozen=True)
class WavHeader:
    """What a WAV header says.

    Parameters
    ----------
    kind : int
        Format tag: 1 for whole numbers, 3 for floating point; others are compressed.
    n_channels, rate_hz, sample_bits : int
    data_bytes : int or None
        Length of the audio; None where the writer did not know it.
    """

    kind: int
    n_channels: int
    rate_hz: int
    sample_bits: int
    data_bytes: int | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.n_channels * self.sample_bits // 8


def read_header(stream: Readable, name: str) -> WavHeader:
    """Read up to the first byte of audio.

    Parameters
    ----------
    stream : Readable
        At the start of the file; it is only read, never rewound.
    name : str
        Name of the source, for messages.

    Raises
    ------
    AudioError
        If there is no WAV header, or it ends early.
    """
    magic, _, form = struct.unpack("<4sI4s", _read(stream, 12, name))
    if magic not in (b"RIFF", b"RF64") or form != b"WAVE":
        raise AudioError(f"{name}: is no WAV")
    header = None
    n_skipped_bytes = 0
    while True:
        chunk, n_bytes = struct.unpack("<4sI", _read(stream, 8, name))
        if chunk == b"data":
            break
        # Chunks are padded to an even length.
        n_skipped_bytes += n_bytes + n_bytes % 2
        if n_skipped_bytes > _MAX_SKIPPED_BYTES:
            raise AudioError(f"{name}: no audio in the first {_MAX_SKIPPED_BYTES} bytes")
        body = _read(stream, n_bytes + n_bytes % 2, name)
        if chunk == b"fmt ":
            header = _format(body, name)
    if header is None:
        raise AudioError(f"{name}: the WAV header states no format")
    is_known = 0 < n_bytes < UNKNOWN_WAV_BYTES
    return WavHeader(*header, n_bytes if is_known else None)


def decode(data: bytes, header: WavHeader) -> FloatArray:
    """Return whole frames of bytes as float32, shape (N, C), full scale 1.0."""
    bits = header.sample_bits
    if header.kind == _FLOAT:
        samples = np.frombuffer(data, f"<f{bits // 8}").astype(np.float32)
    elif bits == 8:
        samples = (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    elif bits == 24:
        # As the upper three bytes of an int32.
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)
    else:
        samples = np.frombuffer(data, f"<i{bits // 8}").astype(np.float32) / np.float32(2 ** (bits - 1))
    return samples.reshape(-1, header.n_channels)


def check_decodable(header: WavHeader, name: str) -> None:
    """Raise :class:`AudioError` unless :func:`decode` can read it."""
    accepted = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
    if header.sample_bits not in accepted.get(header.kind, ()):
        raise AudioError(
            f"{name}: WAV format {header.kind} with {header.sample_bits} bits; "
            "accepted are PCM of 8, 16, 24 or 32 bits and float of 32 or 64"
        )
    if not 1 <= header.n_channels <= 64 or not 1000 <= header.rate_hz <= 768_000:
        raise AudioError(f"{name}: {header.n_channels} channels at {header.rate_hz} Hz is not accepted")


def _format(body: bytes, name: str) -> tuple[int, int, int, int]:
    if len(body) < 16:
        raise AudioError(f"{name}: the WAV header is damaged")
    kind, n_channels, rate_hz, _, _, sample_bits = struct.unpack("<HHIIHH", body[:16])
    if kind == _EXTENSIBLE and len(body) >= 26:
        kind = struct.unpack("<H", body[24:26])[0]
    return kind, n_channels, rate_hz, sample_bits


def _read(stream: Readable, n_bytes: int, name: str) -> bytes:
    data = stream.read(n_bytes)
    if len(data) < n_bytes:
        raise AudioError(f"{name}: ends inside the WAV header")
    return data
