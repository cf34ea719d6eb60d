"""Sound devices through the package sounddevice, in callback mode."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from kws.errors import SourceError
from kws.packages import import_package, one_line
from kws.runtime.devices.base import DeviceInfo, InputCallback, OutputCallback


class SoundDeviceBackend:
    """PortAudio by way of sounddevice, which needs no compiler where it brings PortAudio along.

    Raises
    ------
    MissingPackageError
        If sounddevice, or the PortAudio library it needs on Linux, is not installed.
    """

    name = "sounddevice"

    def __init__(self) -> None:
        try:
            self._package = import_package("sounddevice", "sounddevice", "sounddevice", "reach sound devices")
        except OSError as error:
            raise SourceError(f"PortAudio does not start ({one_line(error)})") from None
        # Devices are opened and looked for by several threads; PortAudio must not be ended meanwhile.
        self._lock = threading.RLock()
        self._streams: list[SoundDeviceStream] = []
        self._is_open = True

    def devices(self) -> list[DeviceInfo]:
        """List the devices; see :class:`Backend`."""
        apis = [api["name"] for api in self._package.query_hostapis()]
        default_input, default_output = self._package.default.device
        if default_input < 0:
            default_input, default_output = self._system_defaults()
        return [
            DeviceInfo(
                index,
                str(raw["name"]),
                str(apis[raw["hostapi"]]),
                int(raw["max_input_channels"]),
                int(raw["max_output_channels"]),
                round(raw["default_samplerate"]),
                index == default_input,
                index == default_output,
            )
            for index, raw in enumerate(self._package.query_devices())
        ]

    def supports_input(self, device: DeviceInfo, rate_hz: int, n_channels: int) -> bool:
        """Return whether the device opens so; see :class:`Backend`."""
        try:
            self._package.check_input_settings(device.index, n_channels, "int16", samplerate=rate_hz)
        except (self._package.PortAudioError, ValueError):
            return False
        return True

    def open_input(
        self, device: DeviceInfo, rate_hz: int, n_channels: int, block_frames: int, callback: InputCallback
    ) -> SoundDeviceStream:
        """Open a device; see :class:`Backend`."""

        def take(data: Any, _frames: int, _time: object, _flags: object) -> None:
            with contextlib.suppress(Exception):
                callback(memoryview(data).cast("B"))

        return self._open(
            self._package.RawInputStream,
            device.name,
            device=device.index,
            samplerate=rate_hz,
            channels=n_channels,
            blocksize=block_frames,
            callback=take,
        )

    def open_output(
        self, device: DeviceInfo | None, rate_hz: int, n_channels: int, block_frames: int, callback: OutputCallback
    ) -> SoundDeviceStream:
        """Open a device; see :class:`Backend`."""

        def give(data: Any, n_frames: int, _time: object, _flags: object) -> None:
            try:
                data[:] = callback(n_frames)
            except Exception:
                data[:] = bytes(2 * n_channels * n_frames)

        name, index = ("the loudspeaker", None) if device is None else (device.name, device.index)
        return self._open(
            self._package.RawOutputStream,
            name,
            device=index,
            samplerate=rate_hz,
            channels=n_channels,
            blocksize=block_frames,
            callback=give,
        )

    def rescan(self) -> None:
        """Look for devices again; see :class:`Backend`."""
        with self._lock:
            self.close()
            # The package's documented way, for want of a public one.
            self._package._initialize()
            self._is_open = True

    def close(self) -> None:
        """Release everything; a second call does nothing."""
        with self._lock:
            if not self._is_open:
                return
            self._is_open = False
            for stream in self._streams:
                stream.close()
            self._streams.clear()
            self._package._terminate()

    def _open(self, kind: Any, name: str, **how: Any) -> SoundDeviceStream:
        with self._lock:
            try:
                raw = kind(dtype="int16", **how)
                raw.start()
            except (self._package.PortAudioError, ValueError) as error:
                raise SourceError(f"{name} cannot be opened ({one_line(error)})") from None
            stream = SoundDeviceStream(raw)
            self._streams = [other for other in self._streams if not other.is_closed] + [stream]
            return stream

    def _system_defaults(self) -> tuple[int, int]:
        # The package's own defaults are -1 where nobody has set any.
        found = []
        for kind in ("input", "output"):
            try:
                found.append(int(self._package.query_devices(kind=kind)["index"]))
            except (self._package.PortAudioError, ValueError):
                found.append(-1)
        return found[0], found[1]


class SoundDeviceStream:
    """A running stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def is_closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._stream.closed)

    @property
    def is_alive(self) -> bool:
        """Whether PortAudio still runs it."""
        return not self._stream.closed and bool(self._stream.active)

    def close(self) -> None:
        """Stop and release it; this may hang for as long as the driver does."""
        with contextlib.suppress(Exception):
            self._stream.close(ignore_errors=True)
