"""Where a server listens: a TCP port or a Unix socket."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kws.config import require, shown
from kws.errors import ConfigError, KwsError

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 10400
_ACCEPTED = "accepted are tcp://HOST:PORT and unix:///PATH"


class ServerError(KwsError):
    """A server that cannot listen, or a client that does not keep to the protocol."""


@dataclass(frozen=True)
class Address:
    """One place to listen at.

    Parameters
    ----------
    host : str
        Name or IP address of an interface; empty for a Unix socket.
    port : int
        1 to 65535; 0 for a Unix socket.
    path : str
        Of a Unix socket; empty for TCP.

    Raises
    ------
    ConfigError
        If the port is out of range, the host is empty, or the path is taken by something that is no socket.
    """

    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    path: str = ""

    def __post_init__(self) -> None:
        if self.path:
            _check_socket_path(self.path)
            return
        require("port", self.port, 1, 65_535)
        if not _is_host(self.host):
            raise ConfigError(f"host is {shown(self.host)}; accepted is a name or an IP address")

    @classmethod
    def parse(cls, uri: str) -> Address:
        """Read ``tcp://HOST:PORT`` or ``unix:///PATH``.

        Raises
        ------
        ConfigError
            If it is neither.
        """
        try:
            parts = urlsplit(uri)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise ConfigError(f"uri is {shown(uri)} ({error}); {_ACCEPTED}") from None
        has_more = bool(parts.query or parts.fragment or parts.username)
        if parts.scheme == "unix" and parts.path and not parts.netloc and not has_more:
            return cls("", 0, parts.path)
        if parts.scheme == "tcp" and host and port is not None and parts.path in ("", "/") and not has_more:
            return cls(host, port)
        raise ConfigError(f"uri is {shown(uri)}; {_ACCEPTED}")

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path or self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def uri(self) -> str:
        """The address as :meth:`parse` reads it."""
        if self.path:
            return f"unix://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"tcp://{host}:{self.port}"


def _is_host(text: str) -> bool:
    if ":" in text:
        try:
            ipaddress.IPv6Address(text)
        except ValueError:
            return False
    return bool(text) and text.isprintable() and not any(sign in text for sign in "/ []@?#")


def _check_socket_path(path: str) -> None:
    if not hasattr(socket, "AF_UNIX"):
        raise ConfigError(f"uri is unix://{path}; this system has no Unix sockets, accepted is tcp://HOST:PORT")
    place = Path(path)
    # An old socket is replaced when the server starts: that must not happen to a file.
    if place.exists() and not place.is_socket():
        raise ConfigError(f"uri is unix://{path}; there is a file of another kind")
    if _is_served(path):
        raise ConfigError(f"uri is unix://{path}; another server listens there")


def _is_served(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
