"""`ServiceSink`: tells the service manager that the listening started, goes on and ends."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import MutableMapping

from kws.config import shown
from kws.errors import ConfigError
from kws.runtime.sinks.base import Sink, Status, Summary

_LOG = logging.getLogger(__name__)
_US_PER_S = 1_000_000
# The manager cuts no message short; a person reads one line.
_MAX_STATUS_CHARS = 200


class ServiceSink(Sink):
    """Speak the protocol of ``sd_notify`` over its socket.

    ``READY=1`` goes out with the first status, that is when the first block was heard or waited for. From then on
    every status, which the live loop tells after each block and at least twice a second, may send ``WATCHDOG=1``:
    so the manager's watchdog watches the loop itself and not a thread beside it. A message that cannot be sent at
    once is left out; a ping is tried again with the next status.

    Parameters
    ----------
    address : str
        Socket: a path, or ``@name`` in the abstract namespace.
    watchdog_s : float, optional
        Time without a ping after which the manager ends the process; pings go out twice as often.

    Raises
    ------
    ConfigError
        If `address` is neither.

    References
    ----------
    Manual pages sd_notify(3) and sd_watchdog_enabled(3) of systemd.
    """

    def __init__(self, address: str, watchdog_s: float | None = None) -> None:
        if address[:1] not in ("/", "@") or len(address) == 1:
            raise ConfigError(f"NOTIFY_SOCKET is {shown(address)}; accepted are a path from / on, and @name")
        self._address = "\0" + address[1:] if address[0] == "@" else address
        self._ping_every_s = None if watchdog_s is None else watchdog_s / 2
        self._pinged_s = float("-inf")
        self._is_ready = False
        self._told = ""
        self._state = "listening"
        self._notice = ""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> ServiceSink | None:
        """Make one as ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` say; None outside of a service.

        The variables are removed, so that programs that are started do not speak for this one.

        Raises
        ------
        ConfigError
            If one of them is malformed.
        """
        address = environment.pop("NOTIFY_SOCKET", "")
        watchdog_us = _read_number(environment, "WATCHDOG_USEC")
        watched_pid = _read_number(environment, "WATCHDOG_PID")
        if not address:
            return None
        is_watched = watchdog_us is not None and watched_pid in (None, os.getpid())
        return cls(address, watchdog_us / _US_PER_S if is_watched and watchdog_us else None)

    def status(self, status: Status) -> None:
        """Say READY once, ping the watchdog when it is due, and tell another state than before."""
        self._state = status.state
        lines = []
        if not self._is_ready:
            lines.append("READY=1")
        now_s = time.monotonic()
        is_due = self._ping_every_s is not None and now_s - self._pinged_s >= self._ping_every_s
        if is_due:
            lines.append("WATCHDOG=1")
        text = self._text()
        if text != self._told:
            lines.append(f"STATUS={text}")
        if lines and self._send(*lines):
            self._is_ready, self._told = True, text
            if is_due:
                self._pinged_s = now_s

    def notice(self, text: str) -> None:
        """Show the newest notice behind the state, from the next status on."""
        self._notice = " ".join(text.split())

    def end(self, summary: Summary) -> None:
        """Say STOPPING."""
        self.abort()

    def abort(self) -> None:
        """Say STOPPING."""
        if self._socket.fileno() >= 0:
            self._send("STOPPING=1")
            self._socket.close()

    def _text(self) -> str:
        text = f"{self._state} ({self._notice})" if self._notice else self._state
        return text[:_MAX_STATUS_CHARS]

    def _send(self, *lines: str) -> bool:
        try:
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            # A full queue, or a manager that starts anew: the listening goes on.
            _LOG.debug("the service manager was not told %s: %s", lines[0], error)
            return False
        return True


def _read_number(environment: MutableMapping[str, str], name: str) -> int | None:
    text = environment.pop(name, "")
    if not text:
        return None
    # Numbers of the kernel's width only: anything longer is no time and no process.
    if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) < 2**63 and len(text) < 20):
        raise ConfigError(f"{name} is {shown(text)}; accepted are whole numbers above 0")
    return int(text)
