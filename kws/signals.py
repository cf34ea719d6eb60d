"""Signals that wait while something must not be left half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# SIGCHLD is among them because PyTorch raises from it, wherever the program is, when a process that makes batches dies.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGCHLD")


@contextmanager
def held_signals(wanted: bool = True) -> Iterator[list[int]]:
    """Keep signals back until the block is done, then act on them as ever.

    Parameters
    ----------
    wanted : bool
        Without it nothing is kept back.

    Yields
    ------
    waiting : list of int
        The signals that end a program and came so far.

    Notes
    -----
    Only handlers written in Python wait; Python runs them in the main thread, so elsewhere nothing is held. A block may
    stand in another: what came is then passed on to the outer one.
    """
    waiting: list[int] = []
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield waiting
        return
    children: list[int] = []

    def note(number: int, _frame: object) -> None:
        (children if number == getattr(signal, "SIGCHLD", None) else waiting).append(number)

    handlers: dict[int, Any] = {n: handler for n in _numbers() if callable(handler := signal.getsignal(n))}
    try:
        for number in handlers:
            signal.signal(number, note)
        yield waiting
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # Who ends the program is told first: that its helpers die as well is no news.
        for number in [*waiting, *children[:1]]:
            handlers[number](number, None)


def _numbers() -> list[int]:
    return [int(getattr(signal, name)) for name in _NAMES if hasattr(signal, name)]
