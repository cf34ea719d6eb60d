"""What the service manager is told, over real sockets."""

import os
import socket
import tempfile

import pytest

from kws.errors import ConfigError
from kws.runtime.sinks.base import Status, Summary
from kws.service.notify import ServiceSink

SUMMARY = Summary(audio_s=1.0, lost_samples=0)


class Manager:
    """The other end of the socket."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address[0] == "@" else address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def folder():
    # Not tmp_path: the path of a socket may have no more than 107 characters.
    with tempfile.TemporaryDirectory(prefix="kws") as name:
        yield name


@pytest.fixture(params=["path", "abstract"])
def manager(request, folder):
    manager = Manager(f"{folder}/notify" if request.param == "path" else f"@kws-test-{os.getpid()}")
    yield manager
    manager.close()


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved: `clock[0]`."""
    now_s = [100.0]
    monkeypatch.setattr("kws.service.notify.time.monotonic", lambda: now_s[0])
    return now_s


def test_ready_once_then_nothing_new(manager):
    sink = ServiceSink(manager.address)
    assert manager.heard() == []
    sink.status(Status())
    sink.status(Status(audio_s=0.08))
    assert manager.heard() == ["READY=1\nSTATUS=listening"]


def test_watchdog_is_pinged_at_half_its_time(manager, clock):
    sink = ServiceSink(manager.address, watchdog_s=30.0)
    sink.status(Status())
    assert manager.heard() == ["READY=1\nWATCHDOG=1\nSTATUS=listening"]
    for now_s, expected in ((114.9, []), (115.0, ["WATCHDOG=1"]), (116.0, []), (200.0, ["WATCHDOG=1"])):
        clock[0] = now_s
        sink.status(Status())
        assert manager.heard() == expected


def test_no_status_no_ping(manager, clock):
    sink = ServiceSink(manager.address, watchdog_s=30.0)
    clock[0] += 1000.0
    sink.notice("the microphone is gone")
    assert manager.heard() == []


def test_state_and_newest_notice_are_shown(manager):
    sink = ServiceSink(manager.address)
    sink.status(Status())
    sink.notice("the microphone\nis gone")
    sink.status(Status(state="waiting"))
    sink.status(Status(state="listening"))
    assert manager.heard()[1:] == [
        "STATUS=waiting (the microphone is gone)",
        "STATUS=listening (the microphone is gone)",
    ]


def test_a_notice_cannot_smuggle_in_another_line(manager):
    sink = ServiceSink(manager.address)
    sink.notice("x\nSTOPPING=1\n" + "y" * 1000)
    sink.status(Status())
    (message,) = manager.heard()
    assert message.splitlines()[0] == "READY=1" and len(message.splitlines()) == 2
    assert len(message) < 300


@pytest.mark.parametrize("last", ["end", "abort"])
def test_stopping_is_said_once(manager, last):
    sink = ServiceSink(manager.address)
    sink.end(SUMMARY) if last == "end" else sink.abort()
    sink.abort()
    assert manager.heard() == ["STOPPING=1"]


def test_a_ping_that_could_not_be_sent_is_tried_again(folder, clock):
    sink = ServiceSink(f"{folder}/notify", watchdog_s=30.0)
    sink.status(Status())
    manager = Manager(f"{folder}/notify")
    sink.status(Status())
    assert manager.heard() == ["READY=1\nWATCHDOG=1\nSTATUS=listening"]
    manager.close()


def test_a_full_queue_does_not_block(manager, clock):
    sink = ServiceSink(manager.address, watchdog_s=1.0)
    for _ in range(5000):
        clock[0] += 1.0
        sink.status(Status())
    assert manager.heard()[0].startswith("READY=1")


def test_outside_of_a_service_there_is_none():
    assert ServiceSink.from_environment({}) is None
    assert ServiceSink.from_environment({"WATCHDOG_USEC": "1000000"}) is None


@pytest.mark.parametrize(
    ("pid", "is_watched"),
    [("", True), (str(os.getpid()), True), (str(os.getpid() + 1), False)],
    ids=["no pid", "ours", "another's"],
)
def test_environment_is_read_and_kept_from_children(pid, is_watched):
    with_manager = Manager(f"@kws-test-env-{os.getpid()}")
    environment = {
        "NOTIFY_SOCKET": with_manager.address,
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": pid,
        "HOME": "/home/pi",
    }
    sink = ServiceSink.from_environment(environment)
    assert environment == {"HOME": "/home/pi"}
    sink.status(Status())
    (message,) = with_manager.heard()
    assert ("WATCHDOG=1" in message.splitlines()) == is_watched
    with_manager.close()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NOTIFY_SOCKET", "vsock:2:1"),
        ("NOTIFY_SOCKET", "@"),
        ("WATCHDOG_USEC", "soon"),
        ("WATCHDOG_USEC", "0"),
        ("WATCHDOG_USEC", "9" * 5000),
        ("WATCHDOG_PID", "-1"),
        ("WATCHDOG_PID", "²"),
    ],
)
def test_malformed_environment_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"^{name} is "):
        ServiceSink.from_environment({"NOTIFY_SOCKET": "/run/notify"} | {name: value})
