"""Addresses of other machines, checked; errors and names never show a password or a token."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from kws.errors import ConfigError


@dataclass(frozen=True)
class Address:
    """The parts of a URL.

    Parameters
    ----------
    scheme, host : str
    port : int or None
        None where the URL names none.
    path : str
        Decoded, without its first slash.
    user, password : str or None
        Decoded.
    """

    scheme: str
    host: str
    port: int | None
    path: str
    user: str | None
    password: str | None

    @property
    def shown(self) -> str:
        """The address as messages show it: scheme, host and port only."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port is None else f":{self.port}")


def parse_address(url: str, name: str, schemes: tuple[str, ...], accepted: str) -> Address:
    """Take a URL apart.

    Parameters
    ----------
    url : str
    name : str
        What it is called where the user wrote it.
    schemes : tuple of str
    accepted : str
        How a right one looks, for the message.

    Raises
    ------
    ConfigError
        If it is no such URL. The message does not repeat it: where a URL is malformed, any part of it may be the
        password.
    """
    problem = ConfigError(f"{name} is no URL that can be used; accepted is {accepted}, with %XX for special characters")
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    # Unicode errors are among them.
    except ValueError:
        raise problem from None
    is_printable = url.isprintable() and " " not in url
    # An @ after the host is what an unescaped slash or # in a password looks like.
    is_split_wrong = "@" in parts.path + parts.fragment
    if parts.scheme not in schemes or not parts.hostname or port == 0 or is_split_wrong or not is_printable:
        raise problem
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    return Address(parts.scheme, parts.hostname, port, unquote(parts.path.removeprefix("/")), user, password)
