"""A Python function that is called with each detection."""

from __future__ import annotations

from collections.abc import Callable

from kws.runtime.detector import Event
from kws.runtime.sinks.worker import WorkerSink


class CallbackSink(WorkerSink[tuple[Event, str]]):
    """Call a function, one detection after the other, in a thread of the sink's own.

    The function may take its time: detection goes on meanwhile, and up to 100 detections wait. What it raises is
    logged and changes nothing else.

    Parameters
    ----------
    function : callable
        Given the event and the name of the model.

    Examples
    --------
    >>> from kws.runtime.listen import listen
    >>> from kws.runtime.sources import open_source
    >>> sink = CallbackSink(lambda event, model: print(event.keyword))
    >>> listen(open_source("talk.wav"), [detector], [sink])  # doctest: +SKIP
    """

    def __init__(self, function: Callable[[Event, str], None]) -> None:
        self._function = function
        super().__init__(f"callback {getattr(function, '__name__', type(function).__name__)}")

    def _item(self, event: Event, model: str) -> tuple[Event, str]:
        return event, model

    def _act(self, item: tuple[Event, str]) -> None:
        self._function(*item)
