"""The server's name on the network, so that Home Assistant finds it by itself (mDNS, "zeroconf")."""

from __future__ import annotations

import ipaddress
import logging
import socket
from typing import Any

from kws.config import shown
from kws.errors import ConfigError
from kws.packages import import_package, one_line
from kws.server.address import Address, ServerError

_LOG = logging.getLogger(__name__)
SERVICE = "_wyoming._tcp.local."
_MAX_NAME_BYTES = 63
# Addresses for documentation (RFC 5737, RFC 3849), by version of IP.
_OUTSIDE = {4: "192.0.2.1", 6: "2001:db8::1"}


class Announcement:
    """A name that stands on the network until it is closed.

    It is told on the interfaces on which the server listens, and on no other.

    Parameters
    ----------
    name : str
        1 to 63 bytes; where it is taken already, a number is put behind it.
    address : Address
        Of the server: a TCP one.

    Raises
    ------
    MissingPackageError
        If zeroconf is not installed.
    ConfigError
        If the name or the address cannot be announced.
    """

    def __init__(self, name: str, address: Address) -> None:
        self._zeroconf = import_package("zeroconf", "zeroconf", "wyoming", "announce the server")
        self._asyncio = import_package("zeroconf.asyncio", "zeroconf", "wyoming", "announce the server")
        if not name.isprintable() or "." in name or not 1 <= len(name.encode()) <= _MAX_NAME_BYTES:
            raise ConfigError(f"zeroconf name is {shown(name)}; accepted are 1 to {_MAX_NAME_BYTES} bytes without dots")
        if address.path:
            raise ConfigError(f"{address.uri} cannot be announced; accepted is tcp://HOST:PORT")
        self._name = name
        self._port = address.port
        self._host = _resolved(address.host)
        self._announcer: Any = None

    async def open(self) -> None:
        """Announce the name; it takes about two seconds, as others are asked first whether they have it.

        Raises
        ------
        ServerError
            If the network does not allow it.
        """
        try:
            service = self._asyncio.AsyncServiceInfo(
                SERVICE, f"{self._name}.{SERVICE}", port=self._port, parsed_addresses=self._addresses()
            )
            # Others are heard on the same interfaces.
            interfaces = self._zeroconf.InterfaceChoice.All if self._host.is_unspecified else [str(self._host)]
            self._announcer = self._asyncio.AsyncZeroconf(interfaces=interfaces)
            await (await self._announcer.async_register_service(service, allow_name_change=True))
        except (OSError, self._zeroconf.Error) as error:
            raise ServerError(f"{self._name} cannot be announced on the network ({one_line(error)})") from None
        _LOG.info("announced as %s", service.name)

    async def close(self) -> None:
        """Take the name back."""
        if self._announcer is not None:
            await self._announcer.async_unregister_all_services()
            await self._announcer.async_close()
            self._announcer = None

    def _addresses(self) -> list[str]:
        if not self._host.is_unspecified:
            return [str(self._host)]
        family = socket.AF_INET if self._host.version == 4 else socket.AF_INET6
        # Nothing is sent: the system only says by which of its addresses it would reach others.
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((_OUTSIDE[self._host.version], 1))
            return [probe.getsockname()[0]]


def _resolved(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(socket.getaddrinfo(host, None)[0][4][0])
    except (OSError, ValueError):
        raise ConfigError(f"host is {shown(host)}, which has no address to announce") from None
