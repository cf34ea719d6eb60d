"""The name on the network; all of it on the loopback interface."""

import asyncio
import sys

import pytest
from zeroconf.asyncio import AsyncZeroconf

from kws.errors import ConfigError, MissingPackageError
from kws.server.address import Address, ServerError
from kws.server.announcement import _OUTSIDE, SERVICE, Announcement

LOOPBACK = "127.0.0.1"


def test_a_name_is_found_until_it_is_closed():
    async def talk():
        watcher = AsyncZeroconf(interfaces=[LOOPBACK])
        announcement = Announcement("kws test", Address(LOOPBACK, 10_987))
        try:
            await announcement.open()
            found = await watcher.async_get_service_info(SERVICE, f"kws test.{SERVICE}", 5000)
            await announcement.close()
            # Closing again changes nothing.
            await announcement.close()
            return found
        finally:
            await announcement.close()
            await watcher.async_close()

    found = asyncio.run(talk())
    assert found is not None
    assert (found.parsed_addresses(), found.port) == ([LOOPBACK], 10_987)


def test_a_server_on_all_interfaces_tells_the_address_by_which_others_reach_it(monkeypatch):
    monkeypatch.setitem(_OUTSIDE, 4, "127.0.0.5")
    assert Announcement("a", Address("0.0.0.0", 1))._addresses() == [LOOPBACK]


def test_a_network_that_cannot_be_reached(monkeypatch):
    # A plain socket may not send to everybody.
    monkeypatch.setitem(_OUTSIDE, 4, "255.255.255.255")

    async def talk():
        announcement = Announcement("a", Address("0.0.0.0", 1))
        with pytest.raises(ServerError, match="a cannot be announced on the network"):
            await announcement.open()
        await announcement.close()

    asyncio.run(talk())


@pytest.mark.parametrize("name", ["", "a.b", "x" * 64, "ü" * 32, "a\nb"])
def test_names_that_are_refused(name):
    with pytest.raises(ConfigError, match="zeroconf name is .*accepted are 1 to 63 bytes"):
        Announcement(name, Address())


def test_addresses_that_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot be announced"):
        Announcement("a", Address.parse(f"unix://{tmp_path}/s"))
    with pytest.raises(ConfigError, match="has no address to announce"):
        Announcement("a", Address("nowhere.invalid"))


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(MissingPackageError, match=r"zeroconf is needed to announce the server.*\[wyoming\]"):
        Announcement("a", Address())
