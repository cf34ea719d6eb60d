"""What ``kws train`` shows while it trains: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

if TYPE_CHECKING:
    from kws.train.loop import StepReport

LINE_EVERY_S = 30.0


class Display(Protocol):
    """Shows how far a run is."""

    def update(self, report: StepReport) -> None:
        """Show one more step."""

    def close(self) -> None:
        """Show no more; may be called twice."""


def open_display(console: Console, total: int, done: int) -> Display:
    """Return what suits the console.

    Parameters
    ----------
    console : Console
    total, done : int
        Steps in all, and those of earlier sittings.
    """
    if console.is_terminal:
        return Bar(console, total, done)
    return Lines(lambda line: console.print(line, soft_wrap=True, markup=False, highlight=False), total, done)


class Bar:
    """A progress bar with loss, steps a second and the time that is left."""

    def __init__(self, console: Console, total: int, done: int) -> None:
        text = TextColumn("{task.description}")
        columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), _SpeedColumn(), text)
        self._bar = Progress(*columns, console=console)
        self._task = self._bar.add_task("first batch", total=total, completed=done)
        self._bar.start()

    def update(self, report: StepReport) -> None:
        """Show one more step."""
        self._bar.update(self._task, completed=report.step, description=f"loss {report.loss:.3f}")

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()


class _SpeedColumn(TimeElapsedColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:.1f} steps/s")


class Lines:
    """A line at the first step, and then every so often.

    Parameters
    ----------
    say : callable
        Prints a line.
    total, done : int
        Steps in all, and those of earlier sittings.
    clock : callable
        Seconds that only ever grow.
    """

    def __init__(
        self, say: Callable[[str], object], total: int, done: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._say, self._total, self._clock = say, total, clock
        self._start, self._start_s = done, clock()
        self._said_s: float | None = None

    def update(self, report: StepReport) -> None:
        """Print a line if the last one is long ago."""
        now_s = self._clock()
        is_last = report.step == self._total
        if self._said_s is not None and now_s - self._said_s < LINE_EVERY_S and not is_last:
            return
        self._said_s = now_s
        speed = (report.step - self._start) / max(now_s - self._start_s, 1e-9)
        left = "" if speed == 0.0 else f", {_span((self._total - report.step) / speed)} left"
        self._say(f"step {report.step}/{self._total}, loss {report.loss:.3f}, {speed:.1f} steps/s{left}")

    def close(self) -> None:
        """Do nothing: each line is whole."""


class PoolDisplay:
    """Shows how far the making of a pool of streams is.

    Parameters
    ----------
    console : Console
    show : callable
        Replaces the line at the bottom of a terminal; elsewhere a line is printed now and then.
    """

    def __init__(self, console: Console, show: Callable[[str], object]) -> None:
        self._console, self._show = console, show
        self._said_s: float | None = None

    def update(self, done: int, total: int) -> None:
        """Show how many streams are there, and how many are wanted."""
        text = f"making streams for the cache: {done:,} of {total:,}"
        if self._console.is_terminal:
            self._show(text)
            return
        now_s = time.monotonic()
        if self._said_s is None or now_s - self._said_s >= LINE_EVERY_S or done == total:
            self._said_s = now_s
            self._console.print(text, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def told_as_notices(name: str, say: Callable[[str], object]) -> Iterator[None]:
    """Tell what a logger and those below it warn of as lines of the program, whole beside the bar."""
    handler = _Notices(say)
    logger = logging.getLogger(name)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Notices(logging.Handler):
    def __init__(self, say: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(record.getMessage())


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
