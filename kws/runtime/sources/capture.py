"""One opened microphone: stream, ring and loss meter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.runtime.clock import now_s
from kws.runtime.devices import Backend, DeviceInfo
from kws.runtime.devices.choose import choose_rate, default_channels
from kws.runtime.sources.loss import LossMeter
from kws.runtime.sources.ring import FrameRing

CAPACITY_S = 3.2
"""Audio that is kept for a detector that is late."""

# The driver hands over twice in what is given at once: a sound server that delivers unevenly is then less late.
_CALLBACK_S = 0.04
PIECE_S = 0.08
"""Audio that is given at once, unless more is to be collected: a block of the detector."""

_SAMPLE_BYTES = 2


@dataclass(frozen=True, eq=False)
class Piece:
    """Contiguous frames of a device.

    Parameters
    ----------
    frames : array of int16, shape (N, C)
    first_frame : int
        From the start of the stream, lost ones counted.
    lost_frames : int
        Lost just before it.
    captured_s : float
        Time at which the last frame could be had first.
    """

    frames: npt.NDArray[np.int16]
    first_frame: int
    lost_frames: int
    captured_s: float


class Capture:
    """A running input stream.

    Parameters
    ----------
    backend : Backend
    device : DeviceInfo
    n_channels : int, optional
        By default as many as the device has.

    Raises
    ------
    SourceError
        If the device cannot be opened so.
    """

    def __init__(self, backend: Backend, device: DeviceInfo, n_channels: int | None = None) -> None:
        self.device = device
        self.n_channels = n_channels or default_channels(device)
        self.rate_hz = choose_rate(backend, device, self.n_channels)
        self._frame_bytes = _SAMPLE_BYTES * self.n_channels
        self._ring = FrameRing(round(CAPACITY_S * self.rate_hz), self._frame_bytes)
        self._meter = LossMeter(self.rate_hz)
        self._n_lost = 0
        self._n_expected = 0
        self.collect(PIECE_S)
        block_frames = round(_CALLBACK_S * self.rate_hz)
        self._stream = backend.open_input(device, self.rate_hz, self.n_channels, block_frames, self._take)

    @property
    def is_alive(self) -> bool:
        """Whether the driver still runs the stream; a frozen one says so too."""
        return self._stream.is_alive

    def _take(self, data: bytes | memoryview) -> None:
        """Store new frames; runs in the driver's thread."""
        lost = self._meter.update(now_s(), len(data) // self._frame_bytes)
        self._ring.write(data, lost)

    def collect(self, duration_s: float) -> None:
        """From now on give frames only when so many seconds of them are there."""
        self._ring.collect(max(1, round(duration_s * self.rate_hz)))

    def read(self, timeout_s: float) -> list[Piece]:
        """Wait for enough frames and take all that is pending when there are, or when the time is over."""
        self._ring.has_frames(timeout_s)
        return [self._piece(*found) for found in self._ring.read()]

    def has_frames(self, timeout_s: float) -> bool:
        """Wait for the first frames, without taking them."""
        return self._ring.has_frames(timeout_s) or self._ring.n_written > 0

    def _piece(self, lost: int, first: int, data: bytes) -> Piece:
        frames = np.frombuffer(data, "<i2").reshape(-1, self.n_channels)
        # What this ring dropped was counted as written; what the device lost was not.
        dropped = first - self._n_expected
        self._n_lost += lost - dropped
        self._n_expected = first + len(frames)
        captured_s = self._meter.captured_s(self._n_expected, self._n_lost)
        return Piece(frames, first + self._n_lost, lost, now_s() if captured_s is None else captured_s)

    def close(self) -> None:
        """Stop it; this may hang for as long as the driver does."""
        self._stream.close()
