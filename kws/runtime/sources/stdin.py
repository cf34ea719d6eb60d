"""Audio from a pipe: raw 16-bit mono, or a WAV as it is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from kws.audio import PCM16_SCALE, FloatArray
from kws.errors import AudioError, SourceError
from kws.runtime.sources.base import AudioBlock, Source, SourceOptions
from kws.runtime.sources.blocks import to_blocks
from kws.runtime.sources.wav import MAGIC_BYTES, WavHeader, check_decodable, decode, read_header

# What other audio begins with; as raw samples it would be noise.
_NOT_RAW = {b"fLaC": "FLAC", b"OggS": "OGG", b"caff": "CAF", b"FORM": "AIFF", b"ID3\x03": "MP3", b"ID3\x04": "MP3"}


class StdinSource(Source):
    """Raw PCM (signed 16-bit little-endian, mono, at ``options.raw_rate_hz``), or WAV, on standard input.

    Parameters
    ----------
    address : str
        Not used; every source takes one.
    options : SourceOptions
    stream : binary stream, optional
        By default standard input. It is only read.

    Raises
    ------
    SourceError
        If standard input is a terminal.
    AudioError
        If it is empty, or begins like audio that is neither raw PCM nor WAV.
    """

    def __init__(
        self, address: str = "-", options: SourceOptions | None = None, stream: BinaryIO | None = None
    ) -> None:
        self.name = "stdin"
        self._options = options or SourceOptions()
        self._stream = stream or _stdin()
        start = self._stream.read(MAGIC_BYTES)
        if len(start) < 2:
            raise AudioError(f"{self.name}: holds no samples")
        if start[:3] == b"\0\0\0":
            # Raw silence begins like this too; only the next bytes tell MP4 from it.
            start += self._stream.read(MAGIC_BYTES)
            if start[4:] == b"ftyp":
                raise AudioError(f"{self.name}: is MP4 (M4A); accepted are raw 16-bit PCM and WAV")
        if start in _NOT_RAW:
            raise AudioError(f"{self.name}: is {_NOT_RAW[start]}; accepted are raw 16-bit PCM and WAV")
        self._header = self._read_header(start) if start in (b"RIFF", b"RF64") else None
        # The bytes that were read to know what it is.
        self._start = b"" if self._header else start

    def _read_header(self, start: bytes) -> WavHeader:
        header = read_header(_Rejoined(start, self._stream), self.name)
        check_decodable(header, self.name)
        return header

    def __iter__(self) -> Iterator[AudioBlock]:
        if self._header is None:
            return to_blocks(self._raw(), self._options.raw_rate_hz, 1, self._options, self.name)
        header = self._header
        return to_blocks(self._wav(header), header.rate_hz, header.n_channels, self._options, self.name)

    def _raw(self) -> Iterator[FloatArray]:
        # A block's worth a read: live audio is passed on as soon as a block can be full.
        n_bytes = 2 * max(1, self._options.block_samples * self._options.raw_rate_hz // 16_000)
        data = self._start + self._stream.read(max(0, n_bytes - len(self._start)))
        while len(data) >= 2:
            # Half a sample at the very end is what is left when the writer was stopped.
            yield np.frombuffer(data[: len(data) // 2 * 2], "<i2").astype(np.float32)[:, None] / np.float32(PCM16_SCALE)
            data = self._stream.read(n_bytes)

    def _wav(self, header: WavHeader) -> Iterator[FloatArray]:
        frames_a_read = max(1, self._options.block_samples * header.rate_hz // 16_000)
        n_read_bytes = 0
        left = header.data_bytes
        while left is None or n_read_bytes < left:
            wanted = frames_a_read * header.frame_bytes
            data = self._stream.read(wanted if left is None else min(wanted, left - n_read_bytes))
            n_read_bytes += len(data)
            whole = data[: len(data) // header.frame_bytes * header.frame_bytes]
            if not whole:
                break
            yield decode(whole, header)
        if n_read_bytes == 0:
            raise AudioError(f"{self.name}: holds no samples")
        if left is not None and n_read_bytes < left:
            raise AudioError(f"{self.name}: is truncated, it holds {n_read_bytes} of {left} bytes of audio")

    def close(self) -> None:
        """Do nothing: standard input belongs to the process."""


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise SourceError("stdin is closed; accepted is a pipe with raw 16-bit PCM or WAV")
    if sys.stdin.isatty():
        raise SourceError("stdin is a terminal; accepted is a pipe with raw 16-bit PCM or WAV")
    return sys.stdin.buffer


class _Rejoined:
    """A stream of which some bytes were read already."""

    def __init__(self, start: bytes, stream: BinaryIO) -> None:
        self._start = start
        self._stream = stream

    def read(self, n_bytes: int, /) -> bytes:
        taken, self._start = self._start[:n_bytes], self._start[n_bytes:]
        return taken + self._stream.read(n_bytes - len(taken))
