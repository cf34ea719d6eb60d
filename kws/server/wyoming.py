"""`WyomingServer`: wake-word detection for any number of clients of the Wyoming protocol."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import TYPE_CHECKING

from kws.config import require
from kws.packages import import_package, one_line
from kws.server.address import Address, ServerError
from kws.server.announcement import Announcement
from kws.server.catalogue import Catalogue

if TYPE_CHECKING:
    from kws.server.handler import WakeHandler

DEFAULT_MAX_CLIENTS = 100
# A peer that lost its power is noticed after that time without a byte.
_KEEPALIVE_S = 60


class WyomingServer:
    """A wake-word server: ``describe``, ``detect``, audio in, ``detection`` or ``not-detected`` out.

    Parameters
    ----------
    catalogue : Catalogue
    address : Address
    version : str
        Of this program, told to clients.
    name : str, optional
        Announce the server under this name.
    max_clients : int
        Clients at a time, 1 to 10000.

    Raises
    ------
    MissingPackageError
        If wyoming, or zeroconf for a name, is not installed.
    ConfigError
        If `max_clients` or the name is not accepted.

    Notes
    -----
    Everything runs in one event loop. Audio is worked on a second at a time, and then it is the next client's turn. A
    client that sends faster than that is slowed down by TCP, and nothing of it is dropped.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        address: Address,
        version: str,
        name: str | None = None,
        max_clients: int = DEFAULT_MAX_CLIENTS,
    ) -> None:
        self._wyoming = import_package("wyoming.server", "wyoming", "wyoming", "serve wake words to Home Assistant")
        # These import wyoming at their top.
        from kws.server.handler import Tally
        from kws.server.info import describe

        require("max_clients", max_clients, 1, 10_000)
        self.address = address
        self.tally = Tally()
        self._catalogue = catalogue
        self._info = describe(catalogue.words, version).event()
        self._max_clients = max_clients
        self._announcement = None if name is None else Announcement(name, address)
        self._server = self._wyoming.AsyncServer.from_uri(address.uri)

    async def start(self) -> None:
        """Listen, and go on in the background.

        Raises
        ------
        ServerError
            If the address is in use or is not one of this machine.
        """
        try:
            await self._server.start(self._greet)
        except (OSError, UnicodeError) as error:
            raise ServerError(f"{self.address.uri}: cannot listen there ({_reason(error)})") from None

    async def announce(self) -> None:
        """Tell the name on the network, where there is one; that takes about two seconds.

        Raises
        ------
        ServerError
            If the network does not allow it.
        """
        if self._announcement is not None:
            await self._announcement.open()

    async def stop(self) -> None:
        """Close every connection and listen no more."""
        await self._server.stop()
        if self._announcement is not None:
            await self._announcement.close()

    def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> WakeHandler:
        from kws.server.handler import WakeHandler

        _keep_alive(writer.get_extra_info("socket"))
        return WakeHandler(reader, writer, self._catalogue, self._info, self.tally, self._max_clients)


def _keep_alive(connection: socket.socket) -> None:
    # A connection may be gone already; not every system has both options.
    with contextlib.suppress(OSError, AttributeError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_S)


def _reason(error: OSError | UnicodeError) -> str:
    # asyncio words most of them at length; those of name look-ups have numbers of their own.
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    if isinstance(error, OSError):
        return error.strerror or one_line(error)
    return "no valid name"
