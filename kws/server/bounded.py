"""Reading events of the Wyoming protocol from a peer that is not trusted."""

from __future__ import annotations

import asyncio
from typing import cast

from wyoming.event import Event, async_read_event

from kws.packages import one_line
from kws.server.address import ServerError

MAX_EVENT_BYTES = 4 * 1024 * 1024
"""Accepted size of an event's data and of its audio: 131 s of 16 kHz 16-bit mono."""
_DISCARDED_BYTES = 65_536


class BoundedReader:
    """What wyoming reads an event from; it refuses sizes that would fill the memory.

    Parameters
    ----------
    reader : asyncio.StreamReader
        Its own limit holds for the length of a line.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.has_ended = False

    async def readline(self) -> bytes:
        """Return the next line, empty at the end."""
        line = await self._reader.readline()
        self.has_ended = not line
        return line

    async def readexactly(self, n_bytes: int) -> bytes:
        """Return that many bytes.

        Raises
        ------
        ServerError
            If that is more than :data:`MAX_EVENT_BYTES`.
        """
        if n_bytes > MAX_EVENT_BYTES:
            raise ServerError(f"an event has {n_bytes} bytes; accepted are up to {MAX_EVENT_BYTES}")
        return await self._reader.readexactly(n_bytes)

    async def discard(self) -> None:
        """Read to the end and keep nothing."""
        while await self._reader.read(_DISCARDED_BYTES):
            pass

    def feed_eof(self) -> None:
        """End the stream from this side."""
        self._reader.feed_eof()


async def read_event(reader: BoundedReader) -> Event | None:
    """Return the next event, None at the end.

    Raises
    ------
    ServerError
        If what comes is no event, or too large.
    OSError, asyncio.IncompleteReadError
        If the connection breaks.
    """
    try:
        event = await async_read_event(cast(asyncio.StreamReader, reader))
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        # JSON, but not the objects and numbers that wyoming takes for granted.
        raise ServerError(f"no event of the Wyoming protocol ({one_line(error)})") from None
    if event is None and not reader.has_ended:
        raise ServerError("no event of the Wyoming protocol (not JSON)")
    if event is None:
        return None
    if not isinstance(event.type, str) or not isinstance(event.data, (dict, type(None))):
        raise ServerError("no event of the Wyoming protocol (its type is no text, or its data no object)")
    return Event(event.type, event.data or {}, event.payload)
