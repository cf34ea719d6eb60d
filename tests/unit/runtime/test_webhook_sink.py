"""Detections at a real web server on this machine."""

import json
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from kws.errors import ConfigError, MissingPackageError
from kws.runtime import Event
from kws.runtime.sinks import Summary, WebhookSink
from tests.mosquitto import free_port

EVENT = Event("computer", 3.44, 0.96874, 1, unix_s=1_700_000_000.25)
RECORDED = Event("computer", 3.44, 0.96874, 1)
END = Summary(1.0, 0)


class Server:
    """Answers with the statuses given, then with 200; keeps what was posted."""

    def __init__(self, *statuses):
        self.statuses, self.requests = list(statuses), []
        self.arrived = threading.Semaphore(0)
        self.goes_on = threading.Event()
        self.goes_on.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                server.requests.append((self.path, dict(self.headers), body))
                server.arrived.release()
                server.goes_on.wait(30)
                self.send_response(server.statuses.pop(0) if server.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/hook"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.goes_on.set()
        self._http.shutdown()
        self._http.server_close()

    def wait(self, n_requests):
        for _ in range(n_requests):
            assert self.arrived.acquire(timeout=30)


@contextmanager
def serve(*statuses):
    server = Server(*statuses)
    try:
        yield server
    finally:
        server.close()


def open_sink(url, **settings):
    return WebhookSink(url, rng=np.random.default_rng(0), **settings)


def warnings_of(caplog):
    return [record.getMessage() for record in caplog.records]


def test_a_detection_is_posted_as_json():
    with serve() as server:
        sink = open_sink(server.url.replace("://", "://anna:pw@") + "?token=1")
        sink.event(RECORDED, "m")
        sink.end(END)
        ((path, headers, body),) = server.requests
    assert path == "/hook?token=1" and headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Basic YW5uYTpwdw=="
    assert body.pop("time")[10] == "T"
    assert body == {"keyword": "computer", "time_s": 3.44, "score": 0.9687, "channel": 1, "model": "m"}


def test_what_the_server_may_take_later_is_sent_again(caplog):
    with serve(500, 429) as server:
        sink = open_sink(server.url)
        sink.event(EVENT, "m")
        server.wait(3)
        sink.end(END)
        assert len(server.requests) == 3 and len({str(body) for _, _, body in server.requests}) == 1
    assert warnings_of(caplog) == []


def test_retries_have_an_end(caplog):
    with serve(503, 503, 503) as server:
        sink = open_sink(server.url, retries=1)
        sink.event(RECORDED, "m")
        sink.end(END)
        assert len(server.requests) == 2
    assert warnings_of(caplog) == [f"{server.url[:-5]}: a detection was not delivered: it answered with status 503"]


def test_what_is_refused_is_not_sent_again_and_told_once(caplog):
    with serve(404, 301, 200, 401) as server:
        sink = open_sink(server.url + "?token=geheim")
        for _ in range(4):
            sink.event(RECORDED, "m")
        sink.end(END)
        assert len(server.requests) == 4
    lines = warnings_of(caplog)
    assert [line[-3:] for line in lines] == ["404", "401"] and "geheim" not in " ".join(lines)


def test_no_url_is_logged_even_where_everything_is(caplog):
    caplog.set_level("DEBUG")
    with serve() as server:
        sink = open_sink(server.url.replace("://", "://anna:pw@") + "?token=geheim")
        sink.event(RECORDED, "m")
        sink.end(END)
        assert len(server.requests) == 1
    assert "geheim" not in caplog.text and "pw@" not in caplog.text


def test_a_dead_server_holds_up_nothing(caplog):
    sink = open_sink(f"http://127.0.0.1:{free_port()}/x", n_queued=10)
    for _ in range(1000):
        sink.event(EVENT, "m")
    # The first ones are in the thread's hands, or were given up.
    assert 980 <= sink.n_dropped <= 990
    sink.end(END)
    assert sink.n_dropped > 980
    assert sum("detections are dropped" in line for line in warnings_of(caplog)) == 1


def test_a_slow_server_holds_up_neither_events_nor_the_end(caplog):
    with serve() as server:
        server.goes_on.clear()
        sink = open_sink(server.url)
        for _ in range(3):
            sink.event(EVENT, "m")
        server.wait(1)
        # Returns while the server still thinks about the first.
        sink.end(END)
        assert len(server.requests) == 1 and sink.n_dropped == 2
    assert "the program ends, 2 detections were not handled" in caplog.text


def test_an_answer_that_takes_too_long_is_sent_again():
    with serve() as server:
        server.goes_on.clear()
        sink = open_sink(server.url, timeout_s=0.2)
        sink.event(EVENT, "m")
        server.wait(1)
        server.wait(1)
        sink.abort()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host/x",
        "ftp://host",
        "http://",
        "http://u:secret@host:port/",
        "http://u:sec ret@host",
        "https://u:secret/@h",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(ConfigError, match="--webhook is no URL that can be used; accepted is http") as caught:
        WebhookSink(url)
    assert "sec" not in str(caught.value).replace("special", "")


def test_settings_out_of_range():
    with pytest.raises(ConfigError, match="retries is -1"):
        WebhookSink("http://host", retries=-1)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingPackageError, match="actions"):
        WebhookSink("http://host")
