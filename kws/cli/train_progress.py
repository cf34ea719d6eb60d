"""What ``kws train`` shows while it trains: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
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


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
