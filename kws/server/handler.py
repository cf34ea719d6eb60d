"""`WakeHandler`: one client of the server, from its first byte to its last."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.server import AsyncEventHandler
from wyoming.wake import Detect, Detection, NotDetected

from kws.config import shown
from kws.errors import KwsError
from kws.server.address import ServerError
from kws.server.bounded import BoundedReader, read_event
from kws.server.catalogue import Catalogue
from kws.server.hearing import Heard, Hearing, PcmFormat

_LOG = logging.getLogger(__name__)
_MAX_TIMESTAMP = 2**63
_MAX_NAMES = 1000
_LINGER_S = 1.0


@dataclass
class Tally:
    """What a server counts over all its clients."""

    clients: int = 0
    connections: int = 0
    detections: int = 0


class WakeHandler(AsyncEventHandler):
    """One client: answers ``describe``, listens to its audio, says what it hears.

    A stream ends with ``audio-stop``, with the next ``audio-start``, or where the client stops sending. What a
    client does wrong is told to it as an ``error`` event, logged, and ends its connection only.

    Parameters
    ----------
    reader, writer : asyncio streams
    catalogue : Catalogue
    info : wyoming Event
        The answer to ``describe``.
    tally : Tally
        Shared with the other clients.
    max_clients : int
        Clients beyond this many at a time are turned away.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        catalogue: Catalogue,
        info: Event,
        tally: Tally,
        max_clients: int,
    ) -> None:
        self._bounded = BoundedReader(reader)
        super().__init__(cast(asyncio.StreamReader, self._bounded), writer)
        self._catalogue = catalogue
        self._info = info
        self._tally = tally
        self._max_clients = max_clients
        self._peer = str(writer.get_extra_info("peername") or "a client")
        self._wanted = catalogue.choose(None)
        self._start_ms = 0
        self._hearing: Hearing | None = None
        self._has_heard = False

    async def run(self) -> None:
        """Serve the client until it has gone."""
        self._tally.connections += 1
        is_welcome = self._tally.clients < self._max_clients
        self._tally.clients += is_welcome
        _LOG.debug("%s: connected", self._peer)
        try:
            if not is_welcome:
                raise ServerError(f"the server is full: {self._max_clients} clients are accepted at a time")
            await self._converse()
        except KwsError as error:
            _LOG.info("%s: %s", self._peer, error)
            await self._tell(error)
        except (OSError, asyncio.IncompleteReadError) as error:
            _LOG.debug("%s: connection lost (%s)", self._peer, error)
        finally:
            self._tally.clients -= is_welcome
            self._let_go()
            self.writer.close()
            _LOG.debug("%s: closed", self._peer)

    async def _converse(self) -> None:
        while (event := await read_event(self._bounded)) is not None:
            await self.handle_event(event)
        # A client that only shut its sending side still waits for the answer.
        if self._hearing is not None:
            await self._end_stream()

    async def _tell(self, error: KwsError) -> None:
        try:
            await self.write_event(Error(text=str(error), code=type(error).__name__).event())
            self.writer.write_eof()
            # Closing on bytes that nobody has read resets the connection, and the error would be lost.
            await asyncio.wait_for(self._bounded.discard(), _LINGER_S)
        except (OSError, asyncio.TimeoutError):
            _LOG.debug("%s: may not have been told", self._peer)

    async def handle_event(self, event: Event) -> bool:
        """Take one event; events of other kinds are ignored, as the protocol asks.

        Raises
        ------
        KwsError
            If the event is malformed, or a model file cannot be opened any more.
        """
        if AudioChunk.is_type(event.type):
            await self._hear(event)
        elif AudioStart.is_type(event.type):
            self._let_go()
            self._start_ms = _timestamp(event.data) or 0
        elif AudioStop.is_type(event.type):
            await self._end_stream()
        elif Detect.is_type(event.type):
            self._wanted = self._catalogue.choose(_names(event.data))
        elif Describe.is_type(event.type):
            await self.write_event(self._info)
        elif Ping.is_type(event.type):
            await self.write_event(Pong(text=Ping.from_event(event).text).event())
        else:
            _LOG.debug("%s: ignored an event of type %.100r", self._peer, event.type)
        return True

    async def _hear(self, event: Event) -> None:
        pcm = PcmFormat(*(event.data.get(key) for key in ("rate", "width", "channels")))  # type: ignore[arg-type]
        timestamp_ms = _timestamp(event.data)
        if self._hearing is None:
            # Loading a model takes a moment: not in the way of other clients.
            detectors = await asyncio.to_thread(self._catalogue.take)
            self._hearing = Hearing(self._catalogue, detectors, self._start_ms)
        for heard in self._hearing.process(event.payload or b"", pcm, timestamp_ms):
            await self._report(heard)
            await asyncio.sleep(0)

    async def _report(self, heard: Iterable[Heard]) -> None:
        for word in heard:
            if word.name in self._wanted:
                self._has_heard = True
                self._tally.detections += 1
                _LOG.info("%s: heard %s", self._peer, word.name)
                await self.write_event(Detection(name=word.name, timestamp=word.timestamp_ms).event())

    async def _end_stream(self) -> None:
        if self._hearing is not None:
            await self._report(self._hearing.finish())
        if not self._has_heard:
            await self.write_event(NotDetected().event())
        self._let_go()

    def _let_go(self) -> None:
        if self._hearing is not None:
            self._catalogue.give_back(self._hearing.detectors)
        self._hearing = None
        self._has_heard = False
        self._start_ms = 0


def _timestamp(data: dict[str, Any]) -> int | None:
    stated = data.get("timestamp")
    if stated is None:
        return None
    if not isinstance(stated, (int, float)) or not abs(stated) < _MAX_TIMESTAMP:
        raise ServerError(f"timestamp is {shown(stated)}; accepted are milliseconds")
    return round(stated)


def _names(data: dict[str, Any]) -> list[str]:
    stated = data.get("names") or []
    if not isinstance(stated, list) or len(stated) > _MAX_NAMES or not all(isinstance(name, str) for name in stated):
        raise ServerError(f"names is {shown(stated)}; accepted is a list of up to {_MAX_NAMES} names")
    return stated
