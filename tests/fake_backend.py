"""Sound devices that a test plays by hand: what the drivers' callbacks do is called from the test."""

from __future__ import annotations

import threading

import numpy as np

from kws.errors import SourceError
from kws.runtime.devices import DeviceInfo


def device(index: int = 0, name: str = "mic", n_inputs: int = 1, rate_hz: int = 16_000, **more) -> DeviceInfo:
    """Return a device; the first is the default."""
    return DeviceInfo(index, name, "test", n_inputs, 0, rate_hz, is_default_input=index == 0, **more)


class FakeStream:
    """A stream whose callback the test calls."""

    def __init__(self, callback, n_channels):
        self.callback, self.n_channels = callback, n_channels
        self.is_alive = True
        self.hangs = threading.Event()
        self.hangs.set()

    def close(self):
        # A frozen driver hangs here until the test lets it go on.
        self.hangs.wait(20)
        self.is_alive = False


class FakeBackend:
    """Any devices, at the rates given."""

    name = "fake"

    def __init__(self, *devices: DeviceInfo, rates_hz=(16_000,)):
        self.known, self.rates_hz = list(devices), rates_hz
        self.streams: list[FakeStream] = []
        self.n_rescans = self.n_closed = 0

    def devices(self):
        return list(self.known)

    def supports_input(self, device, rate_hz, n_channels):
        return rate_hz in self.rates_hz and n_channels <= device.max_input_channels

    def open_input(self, device, rate_hz, n_channels, block_frames, callback):
        if device not in self.known:
            raise SourceError(f"{device.name} is not there any more")
        self.streams.append(FakeStream(callback, n_channels))
        return self.streams[-1]

    def open_output(self, device, rate_hz, n_channels, block_frames, callback):
        raise SourceError("no loudspeaker")

    def rescan(self):
        self.n_rescans += 1

    def close(self):
        self.n_closed += 1

    def play(self, samples: np.ndarray, block_frames: int = 1280) -> None:
        """Hand int16 samples ``(C, N)`` to the newest stream, a block at a time."""
        frames = np.ascontiguousarray(np.atleast_2d(samples).T).astype("<i2")
        for start in range(0, len(frames), block_frames):
            self.streams[-1].callback(frames[start : start + block_frames].tobytes())
