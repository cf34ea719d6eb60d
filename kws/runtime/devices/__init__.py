"""Sound devices behind one thin interface, by two packages."""

from kws.runtime.devices.base import Backend, DeviceInfo, InputCallback, OutputCallback, Stream

__all__ = ["Backend", "DeviceInfo", "InputCallback", "OutputCallback", "Stream"]
