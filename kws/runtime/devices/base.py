"""The one interface of sound devices: list, open, alive, close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

InputCallback = Callable[[bytes | memoryview], None]
"""Given the new samples, int16 interleaved. It runs in the driver's thread: copy, and return."""

OutputCallback = Callable[[int], bytes]
"""Asked for that many frames of int16 interleaved samples. It runs in the driver's thread."""


@dataclass(frozen=True)
class DeviceInfo:
    """A device as the system lists it.

    Parameters
    ----------
    index : int
        Number by which it is opened; it may change when devices come and go.
    name, host_api : str
    max_input_channels, max_output_channels : int
        What the driver claims; software devices claim more than there is.
    default_rate_hz : int
    is_default_input, is_default_output : bool
    """

    index: int
    name: str
    host_api: str
    max_input_channels: int
    max_output_channels: int
    default_rate_hz: int
    is_default_input: bool = False
    is_default_output: bool = False


class Stream(Protocol):
    """An open stream; it runs from the start."""

    @property
    def is_alive(self) -> bool:
        """Whether the driver still runs it. A frozen driver says so too: watch the callbacks."""
        ...

    def close(self) -> None:
        """Stop and release it; this may hang for as long as the driver does."""
        ...


class Backend(Protocol):
    """A package that reaches sound devices. One object a process."""

    name: str

    def devices(self) -> list[DeviceInfo]:
        """List the devices that the system knew when the backend was made or last rescanned."""
        ...

    def supports_input(self, device: DeviceInfo, rate_hz: int, n_channels: int) -> bool:
        """Return whether the device opens at this rate with int16 samples."""
        ...

    def open_input(
        self, device: DeviceInfo, rate_hz: int, n_channels: int, block_frames: int, callback: InputCallback
    ) -> Stream:
        """Open a device and start it.

        Raises
        ------
        SourceError
            If it is not there any more, is in use, or lacks the rate or the channels.
        """
        ...

    def open_output(
        self, device: DeviceInfo | None, rate_hz: int, n_channels: int, block_frames: int, callback: OutputCallback
    ) -> Stream:
        """Open a device (by default the system's choice) and start it; raises as :meth:`open_input`."""
        ...

    def rescan(self) -> None:
        """Look for devices again. Every stream is closed by it, those for output too."""
        ...

    def close(self) -> None:
        """Release everything; a second call does nothing."""
        ...
