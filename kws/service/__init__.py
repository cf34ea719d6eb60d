"""Running as a service of systemd: its unit, and telling it how the listening goes."""

from kws.service.notify import ServiceSink
from kws.service.systemd import Installation, service_unit, systemd_version

__all__ = ["Installation", "ServiceSink", "service_unit", "systemd_version"]
