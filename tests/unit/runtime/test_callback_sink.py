"""The queue behind every slow sink, and Python functions as sinks."""

import threading

import pytest

from kws.runtime import Event
from kws.runtime.sinks import CallbackSink, Summary
from kws.runtime.sinks.worker import Worker, call_within

EVENT = Event("computer", 3.44, 0.9, 1)
END = Summary(1.0, 0)


def test_a_function_is_called_in_order_in_one_other_thread():
    calls, threads = [], set()

    def note(event, model):
        calls.append((event, model))
        threads.add(threading.current_thread())

    sink = CallbackSink(note)
    for model in "abc":
        sink.event(EVENT, model)
    sink.end(END)
    assert calls == [(EVENT, "a"), (EVENT, "b"), (EVENT, "c")]
    assert len(threads) == 1 and threading.main_thread() not in threads


def test_what_a_function_raises_is_logged_and_the_next_call_is_made(caplog):
    calls = []

    def fail_first(event, model):
        calls.append(model)
        if len(calls) == 1:
            raise ValueError("no\nlight")

    sink = CallbackSink(fail_first)
    sink.event(EVENT, "a")
    sink.event(EVENT, "b")
    sink.end(END)
    assert calls == ["a", "b"]
    assert [record.getMessage() for record in caplog.records] == ["callback fail_first: ValueError: no light"]


def test_the_end_does_not_wait_for_a_function_that_hangs():
    goes_on, began = threading.Event(), threading.Event()

    def hang(event, model):
        began.set()
        goes_on.wait(60)

    sink = CallbackSink(hang)
    sink.event(Event("computer", 3.44, 0.9, 1, unix_s=1.7e9), "a")
    assert began.wait(30)
    sink.end(END)
    assert not goes_on.is_set()
    goes_on.set()


class Held:
    """Work that waits for the test, item by item."""

    def __init__(self, **how):
        self.done, self.began = [], threading.Semaphore(0)
        self.goes_on = threading.Semaphore(0)
        self.worker = Worker("held", self._work, **how)

    def _work(self, item):
        self.began.release()
        self.goes_on.acquire(timeout=30)
        self.done.append(item)


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        s = 100.0

    monkeypatch.setattr("kws.runtime.sinks.worker.now_s", lambda: Clock.s)
    return Clock


def test_the_oldest_are_dropped_and_that_is_told_once(caplog):
    held = Held(n_queued=2)
    held.worker.put(0)
    assert held.began.acquire(timeout=30)
    for item in range(1, 6):
        held.worker.put(item)
    assert held.worker.n_dropped == 3
    held.goes_on.release(10)
    assert held.worker.finish(30)
    assert held.done == [0, 4, 5]
    assert [record.getMessage() for record in caplog.records] == [
        "held is too slow, detections are dropped: more than 2 wait"
    ]


def test_what_waited_too_long_is_dropped(clock, caplog):
    held = Held(max_age_s=60.0)
    held.worker.put("first")
    assert held.began.acquire(timeout=30)
    held.worker.put("old")
    clock.s += 50
    held.worker.put("new")
    clock.s += 11
    held.goes_on.release(10)
    assert held.worker.finish(30)
    assert held.done == ["first", "new"] and held.worker.n_dropped == 1
    assert "one waited for more than 60 s" in caplog.text


def test_stop_leaves_the_rest_and_tells_the_work(caplog):
    held = Held()
    held.worker.put(0)
    assert held.began.acquire(timeout=30)
    held.worker.put(1)
    held.worker.put(2)
    held.worker.stop()
    assert held.worker.stopped.is_set() and held.worker.n_dropped == 2
    held.goes_on.release(10)
    assert held.worker.finish(30)
    assert held.done == [0]
    assert "2 detections were not handled" in caplog.text


def test_a_call_that_hangs_is_left():
    goes_on = threading.Event()
    assert not call_within(lambda: goes_on.wait(60), 0.05)
    goes_on.set()
    assert call_within(lambda: None, 30)
