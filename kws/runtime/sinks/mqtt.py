"""Detections published to an MQTT broker."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

from kws.errors import ConfigError
from kws.packages import import_package
from kws.runtime.clock import now_s
from kws.runtime.detector import Event
from kws.runtime.sinks.address import Address, parse_address
from kws.runtime.sinks.base import Summary
from kws.runtime.sinks.template import Template, message
from kws.runtime.sinks.worker import WorkerSink, call_within

_log = logging.getLogger(__name__)
_ACCEPTED = "mqtt://[USER:PASSWORD@]HOST[:PORT][/TOPIC] or mqtts://"
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_TOPIC = "kws/{keyword}"
_KEEPALIVE_S = 15
_FIRST_DELAY_S, _MAX_DELAY_S = 1, 15
# What waited longer for a broker, or for its receipt, is not news any more.
_BROKER_S, _RECEIPT_S = 60.0, 5.0
_BEAT_S, _END_S = 0.05, 0.4
_NOT_IN_TOPICS = str.maketrans({"+": "_", "#": "_", "/": "_", "\0": "_"})


class MqttSink(WorkerSink[dict[str, Any]]):
    """Publish each detection as a JSON object, with quality of service 1.

    The connection is made, and made again, in the background: a broker that is away delays nothing. What is heard
    meanwhile waits for up to a minute, 100 detections at most. Whether the program listens is told as "online" or
    "offline", retained, in the topic :attr:`status_topic`; a program that vanishes is reported by the broker.

    Parameters
    ----------
    url : str
        ``mqtt://user:password@host:1883/topic``, or ``mqtts://`` for TLS. The topic is ``kws/{keyword}`` by default,
        with the placeholders of :data:`kws.runtime.sinks.template.PLACEHOLDERS`; `+`, `#` and `/` in what is filled
        in become `_`.

    Raises
    ------
    ConfigError
        If the URL is no such one.
    MissingPackageError
        If paho-mqtt is not installed.
    """

    def __init__(self, url: str) -> None:
        address = parse_address(url, "--mqtt", tuple(_PORTS), _ACCEPTED)
        if set("?#") & set(url) or set("+#\0") & set(address.path):
            raise ConfigError(f"--mqtt has a topic with ?, +, # or NUL; accepted is {_ACCEPTED}")
        self._topic = Template(address.path or _TOPIC, "topic of --mqtt")
        self.status_topic = _status_topic(address.path or _TOPIC)
        """Where "online" and "offline" are published."""
        self._where = address.shown
        self._is_online = threading.Event()
        self._is_problem_told = False
        self._client = self._connect(address)
        super().__init__(f"--mqtt {self._where}")

    def end(self, summary: Summary) -> None:
        """Publish what is queued, if the broker takes it soon, and say goodbye."""
        super().end(summary)
        self._close()

    def abort(self) -> None:
        """Drop what is queued, and say goodbye."""
        super().abort()
        self._close()

    def _connect(self, address: Address) -> Any:
        mqtt = import_package("paho.mqtt.client", "paho-mqtt", "actions", "publish to MQTT")
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if address.user is not None:
            client.username_pw_set(address.user, address.password)
        if address.scheme == "mqtts":
            client.tls_set()
        client.will_set(self.status_topic, "offline", qos=1, retain=True)
        client.max_queued_messages_set(100)
        client.reconnect_delay_set(_FIRST_DELAY_S, _MAX_DELAY_S)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.connect_async(address.host, address.port or _PORTS[address.scheme], _KEEPALIVE_S)
        client.loop_start()
        return client

    def _on_connect(self, client: Any, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            self._tell_problem(f"refused the connection ({reason})")
            return
        client.publish(self.status_topic, "online", qos=1, retain=True)
        self._is_problem_told = False
        self._is_online.set()

    def _on_connect_fail(self, _client: Any, _data: object) -> None:
        self._tell_problem("cannot be reached")

    def _on_disconnect(self, _client: Any, _data: object, _flags: object, reason: Any, _properties: object) -> None:
        self._is_online.clear()
        if reason.is_failure:
            self._tell_problem("is gone")

    def _tell_problem(self, problem: str) -> None:
        if not self._is_problem_told:
            self._is_problem_told = True
            _log.warning("%s %s; trying again until it answers", self._where, problem)

    def _item(self, event: Event, model: str) -> dict[str, Any]:
        return message(event, model)

    def _act(self, item: dict[str, Any]) -> None:
        deadline_s = now_s() + _BROKER_S
        while not self._is_online.wait(_BEAT_S):
            if self._worker.stopped.is_set() or now_s() > deadline_s:
                raise TimeoutError("a detection was not published, the broker was away")
        names = {name: str(value).translate(_NOT_IN_TOPICS) for name, value in item.items()}
        # Once handed over, the client sends it again by itself until it has the broker's receipt.
        self._client.publish(self._topic.fill(names), json.dumps(item), qos=1).wait_for_publish(_RECEIPT_S)

    def _close(self) -> None:
        call_within(self._say_goodbye, _END_S if self._is_online.is_set() else 0.05)

    def _say_goodbye(self) -> None:
        if self._is_online.is_set():
            self._client.publish(self.status_topic, "offline", qos=1, retain=True).wait_for_publish(_END_S)
        self._client.disconnect()
        self._client.loop_stop()


def _status_topic(topic: str) -> str:
    """Return the topic's levels before the first that has a placeholder, with "status" below them."""
    levels = topic.split("/")
    fixed = levels[: next((i for i, level in enumerate(levels) if "{" in level), len(levels))]
    return "/".join([*(fixed or ["kws"]), "status"])
