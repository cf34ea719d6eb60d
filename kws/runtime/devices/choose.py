"""Which device, with how many channels, at which rate."""

from __future__ import annotations

from kws.config import SAMPLE_RATE_HZ, shown
from kws.errors import SourceError
from kws.runtime.devices.base import Backend, DeviceInfo

# Drivers that convert claim 32 channels and more, whatever microphone is behind them.
_MAX_BELIEVED_CHANNELS = 16
_COMMON_RATES_HZ = (48_000, 44_100)
CHECKED_RATES_HZ = (SAMPLE_RATE_HZ, *_COMMON_RATES_HZ)
"""Rates that a listing of devices tells about."""


def input_devices(backend: Backend) -> list[DeviceInfo]:
    """Return the devices that have input channels."""
    return [device for device in backend.devices() if device.max_input_channels > 0]


def find_input(backend: Backend, wanted: str = "") -> DeviceInfo:
    """Return the device that a user means.

    Parameters
    ----------
    backend : Backend
    wanted : str
        Index, or a part of the name in any case; empty for the system's default, or else the first.

    Raises
    ------
    SourceError
        If there is none, or several that fit.
    """
    devices = input_devices(backend)
    if not devices:
        raise SourceError("no microphone was found; give a recording (--source FILE, kws record --from FILE)")
    if not wanted:
        return next((device for device in devices if device.is_default_input), devices[0])
    found = [device for device in devices if wanted.isdecimal() and device.index == int(wanted)]
    found = found or [device for device in devices if wanted.casefold() in device.name.casefold()]
    found = [device for device in found if device.name == wanted] or found
    if len(found) == 1:
        return found[0]
    problem = "fits several devices" if found else "is no input device"
    accepted = ", ".join(f"{device.index} ({device.name})" for device in found or devices)
    raise SourceError(f"--device {shown(wanted)} {problem}; accepted are an index or a part of one name: {accepted}")


def claims_too_many(device: DeviceInfo) -> bool:
    """Return whether the driver claims more channels than any microphone has: it converts to whatever is asked."""
    return device.max_input_channels > _MAX_BELIEVED_CHANNELS


def default_channels(device: DeviceInfo) -> int:
    """Return how many channels to open where the user names none."""
    return 2 if claims_too_many(device) else device.max_input_channels


def choose_rate(backend: Backend, device: DeviceInfo, n_channels: int) -> int:
    """Return 16 kHz where the device does it, else a rate to resample from.

    Raises
    ------
    SourceError
        If the device does none of the common rates with that many channels.
    """
    if n_channels > device.max_input_channels:
        raise SourceError(f"{device.name} has {device.max_input_channels} channels, {n_channels} are asked for")
    for rate_hz in (SAMPLE_RATE_HZ, device.default_rate_hz, *_COMMON_RATES_HZ):
        if backend.supports_input(device, rate_hz, n_channels):
            return rate_hz
    raise SourceError(f"{device.name} cannot be opened with {n_channels} channels (in use, or gone)")
