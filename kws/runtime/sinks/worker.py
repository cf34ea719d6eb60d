"""Slow work of a sink, in a thread of its own behind a bounded queue."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from kws.packages import one_line
from kws.runtime.clock import now_s
from kws.runtime.detector import Event
from kws.runtime.sinks.base import Sink, Summary

T = TypeVar("T")

_log = logging.getLogger(__name__)
# At the end: live, the program is to be gone at once; of a recording, all is to be delivered.
_END_INTERRUPTED_S = 0.25
_END_S = 5.0
# For work that gives up when it is told to, to say so.
_LAST_S = 0.1


class Worker(Generic[T]):
    """A daemon thread that works on one item after the other.

    Parameters
    ----------
    name : str
        What does the work, for the log.
    work : callable
        Given an item; what it raises is logged.
    n_queued : int
        Items that may wait; the oldest are dropped for newer ones.
    max_age_s : float
        Items that waited longer than this are dropped: a word of long ago must not open a door.
    """

    def __init__(self, name: str, work: Callable[[T], None], n_queued: int = 100, max_age_s: float = 60.0) -> None:
        self._name = name
        self._work = work
        self._n_queued = n_queued
        self._max_age_s = max_age_s
        self._items: deque[tuple[float, T]] = deque()
        self._changed = threading.Condition()
        self._is_closing = False
        self.stopped = threading.Event()
        """Set when there is no time left; work that waits or retries gives up then."""
        self.n_dropped = 0
        """Items that were never worked on."""
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Queue an item; returns at once."""
        with self._changed:
            is_full = len(self._items) >= self._n_queued
            if is_full:
                self._items.popleft()
            self._items.append((now_s(), item))
            self._changed.notify()
        if is_full:
            self._drop(f"more than {self._n_queued} wait")

    def finish(self, timeout_s: float) -> bool:
        """Work on what is queued for at most that long, then stop; return whether all is done."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(timeout_s)
        self.stop()
        self._thread.join(_LAST_S)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Take no other item; work that watches :attr:`stopped` ends early."""
        self.stopped.set()
        with self._changed:
            n_left = len(self._items)
            self._items.clear()
            self._is_closing = True
            self._changed.notify()
        if n_left:
            self.n_dropped += n_left
            _log.warning("%s: the program ends, %d detections were not handled", self._name, n_left)

    def _run(self) -> None:
        while (queued := self._next()) is not None:
            put_s, item = queued
            if now_s() - put_s > self._max_age_s:
                self._drop(f"one waited for more than {self._max_age_s:g} s")
                continue
            try:
                self._work(item)
            except Exception as error:
                _log.warning("%s: %s: %s", self._name, type(error).__name__, one_line(error))

    def _next(self) -> tuple[float, T] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._is_closing)
            return self._items.popleft() if self._items else None

    def _drop(self, why: str) -> None:
        self.n_dropped += 1
        if self.n_dropped == 1:
            _log.warning("%s is too slow, detections are dropped: %s", self._name, why)


class WorkerSink(Sink, Generic[T]):
    """A sink that works on its events in a thread, so that nothing there ever delays detection.

    At the end what is queued has 5 s, and 0.25 s if somebody interrupted the listening.

    Parameters
    ----------
    name, n_queued
        As for :class:`Worker`.
    """

    def __init__(self, name: str, n_queued: int = 100) -> None:
        self._name = name
        self._worker: Worker[T] = Worker(name, self._act, n_queued)

    @property
    def n_dropped(self) -> int:
        """Events that came to nothing because too many waited, or the program ended."""
        return self._worker.n_dropped

    def event(self, event: Event, model: str) -> None:
        """Queue a detection."""
        self._worker.put(self._item(event, model))

    def end(self, summary: Summary) -> None:
        """Finish what is queued, if that is soon done."""
        self._worker.finish(_END_INTERRUPTED_S if summary.is_interrupted else _END_S)

    def abort(self) -> None:
        """Drop what is queued."""
        self._worker.stop()

    def _item(self, event: Event, model: str) -> T:
        """Return what is queued for an event; called in the listening thread."""
        raise NotImplementedError

    def _act(self, item: T) -> None:
        """Do the slow work; called in the sink's own thread."""
        raise NotImplementedError


def call_within(call: Callable[[], object], timeout_s: float) -> bool:
    """Call what may hang, in a thread; return whether it came to its end in time."""
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return not thread.is_alive()
