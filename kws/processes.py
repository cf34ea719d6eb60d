"""Results of a pool of processes as they come, for a program that Ctrl-C may end at any moment."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from queue import SimpleQueue
from typing import TypeVar

from kws.signals import held_signals

Task = TypeVar("Task")
Result = TypeVar("Result")


def as_they_come(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Iterable[Task], ahead: int
) -> Iterator[Result]:
    """Yield the results of tasks in the order in which they are ready.

    Parameters
    ----------
    pool : ProcessPoolExecutor
        Whoever made it ends it, by :func:`end_pool`.
    function : callable
        Of a module, as it travels to the processes.
    tasks : iterable
        Begun in their order.
    ahead : int
        Tasks that the pool has at a time; more than its processes, so that none waits.

    Raises
    ------
    Exception
        What the function raised; ``BrokenProcessPool`` if a process has died.

    Notes
    -----
    ``concurrent.futures.wait`` and ``as_completed`` lock every future. Ctrl-C in the midst of that leaves some locked
    for good, and the pool waits for them for ever. Here it only arrives while nothing is locked.
    """
    ready: SimpleQueue[Future[Result]] = SimpleQueue()
    left = iter(tasks)

    def begin(count: int) -> int:
        n_begun = 0
        with held_signals():
            for task in islice(left, count):
                pool.submit(function, task).add_done_callback(ready.put)
                n_begun += 1
        return n_begun

    n_running = begin(ahead)
    while n_running:
        future = ready.get()
        n_running += begin(1) - 1
        with held_signals():
            result = future.result()
        yield result


def end_pool(pool: ProcessPoolExecutor) -> None:
    """Begin no other task and wait for those at work, also when Ctrl-C comes meanwhile."""
    with held_signals():
        pool.shutdown(wait=False, cancel_futures=True)
    pool.shutdown(wait=True)


def leave_interrupts() -> None:
    """Ignore Ctrl-C in a process of a pool: it reaches the whole group, and the first process ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
