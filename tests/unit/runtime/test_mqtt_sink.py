"""Detections at a real broker."""

import json
import logging
import queue
import sys

import paho.mqtt.client as mqtt
import pytest

from kws.errors import ConfigError, MissingPackageError
from kws.runtime import Event
from kws.runtime.sinks import MqttSink, Summary
from tests.mosquitto import free_port, mosquitto

EVENT = Event("hey computer", 3.44, 0.96874, 1, unix_s=1_700_000_000.25)
WAIT_S = 30


class Reader:
    """A client that keeps (topic, text, retained) of all it is told."""

    def __init__(self, port, user=None, password=None):
        self.messages = queue.Queue()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if user:
            self._client.username_pw_set(user, password)
        subscribed = queue.Queue()
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: subscribed.put(None)
        self._client.on_message = lambda _client, _data, told: self.messages.put((told.topic, told.payload.decode()))
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        subscribed.get(timeout=WAIT_S)

    def next(self):
        return self.messages.get(timeout=WAIT_S)

    def until(self, topic):
        while (told := self.next())[0] != topic:
            pass
        return told[1]

    def close(self):
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def read():
    readers = []

    def open_reader(*arguments):
        readers.append(Reader(*arguments))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.close()


def test_a_detection_arrives_between_online_and_offline(tmp_path, read):
    with mosquitto(tmp_path) as broker:
        reader = read(broker.port)
        sink = MqttSink(f"mqtt://127.0.0.1:{broker.port}")
        assert reader.next() == ("kws/status", "online")
        sink.event(EVENT, "m")
        topic, text = reader.next()
        assert topic == "kws/hey computer"
        told = json.loads(text)
        assert told.pop("time").startswith("2023-11-1")
        assert told == {"keyword": "hey computer", "time_s": 3.44, "score": 0.9687, "channel": 1, "model": "m"}
        sink.end(Summary(1.0, 0))
        assert reader.next() == ("kws/status", "offline")
        # Retained: who comes later is told too.
        assert read(broker.port).next() == ("kws/status", "offline")


def test_what_is_heard_before_the_broker_is_there_arrives_later(tmp_path, read):
    with mosquitto(tmp_path, is_started=False) as broker:
        sink = MqttSink(f"mqtt://127.0.0.1:{broker.port}/home/wake")
        sink.event(EVENT, "m")
        broker.start()
        reader = read(broker.port)
        assert json.loads(reader.until("home/wake"))["keyword"] == "hey computer"
        sink.abort()


def test_a_broker_that_was_killed_is_found_again(tmp_path, read, caplog):
    with mosquitto(tmp_path) as broker:
        reader = read(broker.port)
        sink = MqttSink(f"mqtt://127.0.0.1:{broker.port}/w/{{model}}")
        assert reader.until("w/status") == "online"
        broker.kill()
        broker.start()
        again = read(broker.port)
        sink.event(EVENT, "a/b+c")
        assert json.loads(again.until("w/a_b_c"))["model"] == "a/b+c"
        sink.end(Summary(1.0, 0))
    warnings = [record.getMessage() for record in caplog.records if record.name == "kws.runtime.sinks.mqtt"]
    assert warnings == [f"mqtt://127.0.0.1:{broker.port} is gone; trying again until it answers"]


def test_user_and_password(tmp_path, read, caplog):
    with mosquitto(tmp_path, {"anna": "p@ss/word"}) as broker:
        reader = read(broker.port, "anna", "p@ss/word")
        sink = MqttSink(f"mqtt://anna:p%40ss%2Fword@127.0.0.1:{broker.port}/wake")
        assert reader.next() == ("wake/status", "online")
        sink.event(EVENT, "m")
        assert reader.next()[0] == "wake"
        sink.end(Summary(1.0, 0))


def test_a_wrong_password_is_told_once_and_never_shown(tmp_path, caplog):
    told = queue.Queue()
    handler = logging.Handler()
    handler.emit = lambda record: told.put(record.getMessage())
    logger = logging.getLogger("kws.runtime.sinks.mqtt")
    logger.addHandler(handler)
    try:
        with mosquitto(tmp_path, {"anna": "right"}) as broker:
            sink = MqttSink(f"mqtt://anna:wrong@127.0.0.1:{broker.port}/wake")
            line = told.get(timeout=WAIT_S)
            assert "refused the connection (Not authorized)" in line
            sink.end(Summary(1.0, 0))
    finally:
        logger.removeHandler(handler)
    assert told.empty() and not any("wrong" in record.getMessage() for record in caplog.records)


def test_a_thousand_events_without_a_broker_stay_bounded():
    sink = MqttSink(f"mqtt://127.0.0.1:{free_port()}")
    for _ in range(1000):
        sink.event(EVENT, "m")
    # The first may be in the thread's hands already; a hundred wait.
    assert sink.n_dropped in (899, 900)
    sink.end(Summary(1.0, 0))
    assert sink.n_dropped in (999, 1000)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "broker",
        "http://broker/x",
        "mqtt://",
        "mqtt://u:secret/x@broker",
        "mqtt://u:secret@broker:port/x",
        "mqtt://u:secret@broker:0",
        "mqtt://u:secret@broker/home/#",
        "mqtt://u:secret@broker/home/+/x",
        "mqtt://u:secret@a..b/x",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(ConfigError, match="accepted is mqtt://") as caught:
        MqttSink(url)
    assert "secret" not in str(caught.value) and "\n" not in str(caught.value)


def test_a_topic_with_an_unknown_placeholder():
    with pytest.raises(ConfigError, match=r"topic of --mqtt 'x/\{word\}' has an unknown placeholder"):
        MqttSink("mqtt://broker/x/{word}")


@pytest.mark.parametrize(
    "topic, status",
    [("", "kws/status"), ("home/wake", "home/wake/status"), ("a/b-{model}/c", "a/status"), ("{model}", "kws/status")],
)
def test_the_status_lies_beside_the_topic(topic, status):
    sink = MqttSink(f"mqtt://127.0.0.1:{free_port()}/{topic}")
    sink.abort()
    assert sink.status_topic == status


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", None)
    with pytest.raises(MissingPackageError, match="actions"):
        MqttSink("mqtt://broker")
