"""From what a file or pipe holds (any rate, any number of channels) to blocks of 16 kHz."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from kws.audio import FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError
from kws.packages import import_package
from kws.runtime.sources.base import AudioBlock, SourceOptions


def to_blocks(
    chunks: Iterable[FloatArray], rate_hz: int, n_channels: int, options: SourceOptions, name: str
) -> Iterator[AudioBlock]:
    """Resample and cut chunks of audio.

    Parameters
    ----------
    chunks : iterable of arrays of float32, shape (N, C)
        Time first, as files hold it.
    rate_hz, n_channels : int
        Of the chunks.
    options : SourceOptions
    name : str
        Name of the source, for messages.

    Yields
    ------
    AudioBlock
        Of ``options.block_samples`` each; the last may be shorter. Nothing is lost.

    Raises
    ------
    AudioError
        If a sample is NaN or infinite.
    """
    start = 0
    for samples in _cut(resampled(_checked(chunks, name), rate_hz, n_channels), options.block_samples):
        yield AudioBlock(np.ascontiguousarray(samples.T), start)
        start += len(samples)


def _checked(chunks: Iterable[FloatArray], name: str) -> Iterator[FloatArray]:
    for chunk in chunks:
        try:
            yield to_float32(chunk.T).T
        except AudioError as error:
            raise AudioError(f"{name}: {error}") from None


def open_resampler(rate_hz: int, n_channels: int) -> Any:
    """Return a soxr stream from a rate to 16 kHz, for float32 frames ``(N, C)``."""
    soxr = import_package("soxr", "soxr", "onnx", "resample audio")
    return soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, n_channels, dtype="float32")


def resampled(chunks: Iterable[FloatArray], rate_hz: int, n_channels: int) -> Iterator[FloatArray]:
    if rate_hz == SAMPLE_RATE_HZ:
        yield from chunks
        return
    stream = open_resampler(rate_hz, n_channels)
    for chunk in chunks:
        yield stream.resample_chunk(np.ascontiguousarray(chunk))
    yield stream.resample_chunk(np.zeros((0, n_channels), np.float32), last=True)


def _cut(chunks: Iterable[FloatArray], block_samples: int) -> Iterator[FloatArray]:
    waiting: list[FloatArray] = []
    n_waiting = 0
    for chunk in chunks:
        waiting.append(chunk)
        n_waiting += len(chunk)
        if n_waiting < block_samples:
            continue
        joined = np.concatenate(waiting)
        n_whole = n_waiting // block_samples * block_samples
        for start in range(0, n_whole, block_samples):
            yield joined[start : start + block_samples]
        waiting, n_waiting = [joined[n_whole:]], n_waiting - n_whole
    if n_waiting:
        yield np.concatenate(waiting)
