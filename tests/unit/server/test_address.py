import socket

import pytest

from kws.errors import ConfigError
from kws.server import Address


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("tcp://127.0.0.1:10400", Address("127.0.0.1", 10400)),
        ("tcp://0.0.0.0:1", Address("0.0.0.0", 1)),
        ("tcp://[::1]:65535", Address("::1", 65_535)),
        ("tcp://kitchen.local:5", Address("kitchen.local", 5)),
        ("unix:///run/kws.sock", Address("", 0, "/run/kws.sock")),
    ],
)
def test_uris_go_both_ways(uri, expected):
    assert Address.parse(uri) == expected
    assert expected.uri == uri


def test_default():
    assert Address().uri == "tcp://127.0.0.1:10400"


@pytest.mark.parametrize(
    "uri",
    ["", "127.0.0.1:10400", "tcp://127.0.0.1", "tcp://:10400", "tcp://a:b", "tcp://a:70000", "tcp://a:1/b", "tcp://[::1",
     "unix://relative", "unix:", "http://a:1", "stdio://",
     "unix:///a?b", "tcp://me@a:1", "tcp://a:1#b"],
)  # fmt: skip
def test_uris_that_are_refused(uri):
    with pytest.raises(ConfigError, match="uri is .*accepted are tcp://HOST:PORT and unix:///PATH"):
        Address.parse(uri)


@pytest.mark.parametrize("host", ["", "a b", "a/b", "tcp://a", "[::1]", "me@home", "a\nb", "localhost:1", "::g"])
def test_hosts_that_are_refused(host):
    with pytest.raises(ConfigError, match="host is"):
        Address(host)


@pytest.mark.parametrize("port", [0, -1, 65_536])
def test_ports_that_are_refused(port):
    with pytest.raises(ConfigError, match=f"port is {port}; accepted are numbers from 1 to 65535"):
        Address(port=port)


def test_an_old_socket_may_be_replaced_but_no_file(tmp_path):
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "old"))
    assert Address.parse(f"unix://{tmp_path}/old").path == f"{tmp_path}/old"
    (tmp_path / "file").touch()
    for name in ("file", ""):
        with pytest.raises(ConfigError, match="a file of another kind"):
            Address.parse(f"unix://{tmp_path}/{name}")


def test_a_socket_that_is_served_is_not_taken_over(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(f"{tmp_path}/s")
        server.listen()
        with pytest.raises(ConfigError, match="another server listens there"):
            Address.parse(f"unix://{tmp_path}/s")
    # What a server that has gone left behind is replaced.
    assert Address.parse(f"unix://{tmp_path}/s").path == f"{tmp_path}/s"


def test_what_only_this_machine_can_reach():
    local = [Address("127.0.0.1"), Address("localhost"), Address("::1"), Address("", 0, "/run/no-such.sock")]
    assert all(address.is_local for address in local)
    assert not any(Address(host).is_local for host in ("0.0.0.0", "192.168.1.5", "kitchen.lan"))
