"""A wake-word server that speaks the Wyoming protocol, as Home Assistant does.

Needs the package ``wyoming``; nothing of it is imported before a server is made.
"""

from kws.server.address import DEFAULT_HOST, DEFAULT_PORT, Address, ServerError
from kws.server.catalogue import Catalogue, WakeWord
from kws.server.wyoming import DEFAULT_MAX_CLIENTS, WyomingServer

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_MAX_CLIENTS",
    "DEFAULT_PORT",
    "Address",
    "Catalogue",
    "ServerError",
    "WakeWord",
    "WyomingServer",
]
