"""Sound devices behind one thin interface, by two packages."""

from __future__ import annotations

from collections.abc import Callable

from kws.config import require_one_of
from kws.runtime.devices.base import Backend, DeviceInfo, InputCallback, OutputCallback, Stream

__all__ = ["BACKENDS", "Backend", "DeviceInfo", "InputCallback", "OutputCallback", "Stream", "open_backend"]


def _open_pyaudio() -> Backend:
    from kws.runtime.devices.pyaudio_backend import PyAudioBackend

    return PyAudioBackend()


def _open_sounddevice() -> Backend:
    from kws.runtime.devices.sounddevice_backend import SoundDeviceBackend

    return SoundDeviceBackend()


BACKENDS: dict[str, Callable[[], Backend]] = {"pyaudio": _open_pyaudio, "sounddevice": _open_sounddevice}
"""What reaches sound devices, by name of the package; the first is the default."""


def open_backend(name: str = "pyaudio") -> Backend:
    """Start a backend; one a process.

    Raises
    ------
    ConfigError
        If the name is unknown.
    MissingPackageError
        If the package is not installed.
    SourceError
        If PortAudio does not start.
    """
    require_one_of("backend", name, BACKENDS)
    return BACKENDS[name]()
