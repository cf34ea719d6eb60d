"""Sound devices through PyAudio, in callback mode."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from kws.errors import SourceError
from kws.packages import import_package, one_line
from kws.runtime.devices.base import DeviceInfo, InputCallback, OutputCallback


class PyAudioBackend:
    """PortAudio by way of PyAudio.

    Raises
    ------
    MissingPackageError
        If PyAudio is not installed.
    SourceError
        If PortAudio does not start.
    """

    name = "pyaudio"

    def __init__(self) -> None:
        self._pyaudio = import_package("pyaudio", "PyAudio", "mic", "reach microphones and loudspeakers")
        # Devices are opened and looked for by several threads; PortAudio must not be ended meanwhile.
        self._lock = threading.RLock()
        self._audio: Any = self._start()

    def _start(self) -> Any:
        try:
            return self._pyaudio.PyAudio()
        except OSError as error:
            raise SourceError(f"PortAudio does not start ({one_line(error)})") from None

    def devices(self) -> list[DeviceInfo]:
        """List the devices; see :class:`Backend`."""
        default_input = self._default(self._audio.get_default_input_device_info)
        default_output = self._default(self._audio.get_default_output_device_info)
        return [self._info(index, default_input, default_output) for index in range(self._audio.get_device_count())]

    def supports_input(self, device: DeviceInfo, rate_hz: int, n_channels: int) -> bool:
        """Return whether the device opens so; see :class:`Backend`."""
        if not self._is_known(device):
            return False
        with contextlib.suppress(ValueError):
            # Its "no" is a ValueError.
            return bool(
                self._audio.is_format_supported(
                    rate_hz,
                    input_device=device.index,
                    input_channels=n_channels,
                    input_format=self._pyaudio.paInt16,
                )
            )
        return False

    def open_input(
        self, device: DeviceInfo, rate_hz: int, n_channels: int, block_frames: int, callback: InputCallback
    ) -> PyAudioStream:
        """Open a device; see :class:`Backend`."""
        go_on = (None, self._pyaudio.paContinue)

        def take(data: bytes, _frames: int, _time: object, _flags: int) -> tuple[None, int]:
            # An exception here would end the stream and surface much later.
            with contextlib.suppress(Exception):
                callback(data)
            return go_on

        self._require_known(device)
        return self._open(
            device.name,
            rate=rate_hz,
            channels=n_channels,
            frames_per_buffer=block_frames,
            input=True,
            input_device_index=device.index,
            stream_callback=take,
        )

    def open_output(
        self, device: DeviceInfo | None, rate_hz: int, n_channels: int, block_frames: int, callback: OutputCallback
    ) -> PyAudioStream:
        """Open a device; see :class:`Backend`."""
        go_on = self._pyaudio.paContinue

        def give(_data: None, n_frames: int, _time: object, _flags: int) -> tuple[bytes, int]:
            try:
                return callback(n_frames), go_on
            except Exception:
                return bytes(2 * n_channels * n_frames), go_on

        if device is not None:
            self._require_known(device)
        return self._open(
            "the loudspeaker" if device is None else device.name,
            rate=rate_hz,
            channels=n_channels,
            frames_per_buffer=block_frames,
            output=True,
            output_device_index=None if device is None else device.index,
            stream_callback=give,
        )

    def rescan(self) -> None:
        """Look for devices again; see :class:`Backend`."""
        # PortAudio lists devices when it starts, and a second instance shares the list of the first.
        with self._lock:
            self.close()
            self._audio = self._start()

    def close(self) -> None:
        """Release everything; a second call does nothing."""
        with self._lock:
            if self._audio is not None:
                audio, self._audio = self._audio, None
                audio.terminate()

    def _open(self, name: str, **how: Any) -> PyAudioStream:
        with self._lock:
            if self._audio is None:
                raise SourceError(f"{name} cannot be opened (the sound system was closed)")
            try:
                return PyAudioStream(self._audio.open(format=self._pyaudio.paInt16, **how))
            except (OSError, ValueError) as error:
                raise SourceError(f"{name} cannot be opened ({_reason(error)})") from None

    def _info(self, index: int, default_input: int, default_output: int) -> DeviceInfo:
        raw = self._audio.get_device_info_by_index(index)
        host_api = self._audio.get_host_api_info_by_index(raw["hostApi"])["name"]
        return DeviceInfo(
            index,
            str(raw["name"]),
            str(host_api),
            int(raw["maxInputChannels"]),
            int(raw["maxOutputChannels"]),
            round(raw["defaultSampleRate"]),
            index == default_input,
            index == default_output,
        )

    @staticmethod
    def _default(ask: Any) -> int:
        try:
            return int(ask()["index"])
        except OSError:
            return -1

    def _is_known(self, device: DeviceInfo) -> bool:
        # PortAudio does not check an index: one out of range ends the process.
        return self._audio is not None and 0 <= device.index < self._audio.get_device_count()

    def _require_known(self, device: DeviceInfo) -> None:
        if not self._is_known(device):
            raise SourceError(f"{device.name} is not there any more")


class PyAudioStream:
    """A running stream."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def is_alive(self) -> bool:
        """Whether PortAudio still runs it."""
        try:
            return bool(self._stream.is_active())
        except OSError:
            return False

    def close(self) -> None:
        """Stop and release it; this may hang for as long as the driver does."""
        with contextlib.suppress(OSError):
            self._stream.close()


def _reason(error: Exception) -> str:
    # PyAudio's message is a pair: "[Errno -9998] Invalid number of channels".
    return one_line(error).partition("] ")[2] or one_line(error)
