"""`Hearing`: one client's audio in, its wake words out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from kws.audio import MAX_CHANNELS, MAX_RATE_HZ, MIN_RATE_HZ, FloatArray
from kws.config import SAMPLE_RATE_HZ, require, shown
from kws.errors import AudioError, ConfigError
from kws.runtime import Detector
from kws.runtime.sources.blocks import resampled
from kws.runtime.sources.wav import WavHeader, decode
from kws.server.catalogue import Catalogue

_PCM = 1
_MAX_WIDTH_BYTES = 4
# Audio that is worked on at a time; after each piece other clients have their turn.
_SLICE_S = 1.0
# How far back the time of a chunk may be asked for, besides the block that a detector waits for.
_RESAMPLER_S = 1.0


@dataclass(frozen=True)
class PcmFormat:
    """How samples are written as bytes.

    Parameters
    ----------
    rate_hz : int
    width_bytes : int
        1 (unsigned), 2, 3 or 4 (signed, little endian).
    n_channels : int

    Raises
    ------
    ConfigError
        If a figure is no whole number or out of range.
    """

    rate_hz: int
    width_bytes: int
    n_channels: int

    def __post_init__(self) -> None:
        _require_whole("rate", self.rate_hz, MIN_RATE_HZ, MAX_RATE_HZ)
        _require_whole("width", self.width_bytes, 1, _MAX_WIDTH_BYTES)
        _require_whole("channels", self.n_channels, 1, MAX_CHANNELS)

    def __str__(self) -> str:
        return f"{self.rate_hz} Hz, {8 * self.width_bytes} bits, {self.n_channels} channels"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of all channels."""
        return self.width_bytes * self.n_channels


@dataclass(frozen=True)
class Heard:
    """A wake word that was heard.

    Parameters
    ----------
    name : str
        As the catalogue calls it.
    timestamp_ms : int
        On the client's clock.
    """

    name: str
    timestamp_ms: int


class Hearing:
    """One stream of audio, from its start to its end.

    Parameters
    ----------
    catalogue : Catalogue
    detectors : list of Detector
        What :meth:`Catalogue.take` gave.
    start_ms : int
        Time of the first sample on the client's clock, used for chunks that state none.
    """

    def __init__(self, catalogue: Catalogue, detectors: list[Detector], start_ms: int = 0) -> None:
        self._catalogue = catalogue
        self.detectors = detectors
        longest_block = max(detector.block_samples for detector in detectors)
        self._clock = _ClientClock(start_ms, longest_block / SAMPLE_RATE_HZ + _RESAMPLER_S)
        self._converter: _Converter | None = None

    def process(self, data: bytes, pcm: PcmFormat, timestamp_ms: int | None) -> Iterator[list[Heard]]:
        """Take a chunk of audio and iterate over what is heard in it, about a second of audio at a time.

        Parameters
        ----------
        data : bytes
            Whole samples of all channels; the channels are mixed.
        pcm : PcmFormat
            The same for all chunks of a stream.
        timestamp_ms : int or None
            Of the first sample, on the client's clock.

        Raises
        ------
        AudioError
            If the bytes are no whole samples, or the format is another than before.
        """
        if self._converter is None:
            self._converter = _Converter(pcm)
        if pcm != self._converter.pcm:
            raise AudioError(f"audio changes from {self._converter.pcm} to {pcm}; accepted is one format a stream")
        if len(data) % pcm.frame_bytes:
            raise AudioError(f"a chunk has {len(data)} bytes; accepted are multiples of {pcm.frame_bytes}")
        self._clock.mark(timestamp_ms)
        n_slice_bytes = round(_SLICE_S * pcm.rate_hz) * pcm.frame_bytes
        for start in range(0, len(data), n_slice_bytes):
            piece = data[start : start + n_slice_bytes]
            samples = self._converter.convert(piece)
            self._clock.pass_s(len(piece) / pcm.frame_bytes / pcm.rate_hz)
            yield self._hear(samples, is_end=False)

    def finish(self) -> list[Heard]:
        """Decide on what waits for more audio: the end of the stream."""
        return [] if self._converter is None else self._hear(self._converter.finish(), is_end=True)

    def _hear(self, samples: FloatArray, is_end: bool) -> list[Heard]:
        found = []
        for index, detector in enumerate(self.detectors):
            events = detector.process(samples) + (detector.flush() if is_end else [])
            found += [(event.time_s, self._catalogue.name_of(index, event.keyword)) for event in events]
        return [Heard(name, self._clock.at(time_s)) for time_s, name in sorted(found)]


def _require_whole(name: str, value: object, low: int, high: int) -> None:
    # Untrusted: it came as JSON.
    if not isinstance(value, int):
        raise ConfigError(f"{name} is {shown(value)}; accepted are whole numbers from {low} to {high}")
    require(name, value, low, high)


class _Converter:
    """Bytes of any format to 16 kHz mono, chunk by chunk as if it were one piece."""

    def __init__(self, pcm: PcmFormat) -> None:
        self.pcm = pcm
        self._header = WavHeader(_PCM, pcm.n_channels, pcm.rate_hz, 8 * pcm.width_bytes, None)
        self._waiting: deque[FloatArray] = deque()
        # One array out for each that is waiting; when none is, the resampler takes that for the end.
        self._stream = resampled(self._taken(), pcm.rate_hz, 1)

    def convert(self, data: bytes) -> FloatArray:
        """Return 16 kHz samples, shape (N,)."""
        frames = decode(data, self._header)
        self._waiting.append(frames.mean(axis=1, keepdims=True, dtype=np.float32))
        return next(self._stream)[:, 0]

    def finish(self) -> FloatArray:
        """Return what the resampler holds back, shape (N,)."""
        return np.concatenate([np.zeros(0, np.float32), *(chunk[:, 0] for chunk in self._stream)])

    def _taken(self) -> Iterator[FloatArray]:
        while self._waiting:
            yield self._waiting.popleft()


class _ClientClock:
    """From time in the stream to the client's timestamps."""

    def __init__(self, start_ms: int, kept_s: float) -> None:
        self._start_ms = start_ms
        self._kept_s = kept_s
        self._passed_s = 0.0
        # Start in the stream and timestamp of the latest chunks.
        self._chunks: deque[tuple[float, int]] = deque()

    def mark(self, timestamp_ms: int | None) -> None:
        """Begin a chunk."""
        if timestamp_ms is None:
            timestamp_ms = self._start_ms + round(1000 * self._passed_s)
        self._chunks.append((self._passed_s, timestamp_ms))
        while len(self._chunks) > 1 and self._chunks[1][0] < self._passed_s - self._kept_s:
            self._chunks.popleft()

    def pass_s(self, seconds: float) -> None:
        """Move on by the audio that was taken."""
        self._passed_s += seconds

    def at(self, time_s: float) -> int:
        """Return the client's milliseconds at a time of the stream."""
        start_s, timestamp_ms = next((chunk for chunk in reversed(self._chunks) if chunk[0] < time_s), self._chunks[0])
        return timestamp_ms + round(1000 * (time_s - start_s))
