"""The progress bar of the commands that go through many files, and their number of processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from kws.cores import usable_cores
from kws.errors import ConfigError

OnProgress = Callable[[str, int, int], None]
"""``(what, done, total)``."""


@contextlib.contextmanager
def progress_bar(counts: bool = True) -> Iterator[OnProgress]:
    """Show a bar for each part of the work, on stderr and only in a terminal; without `counts` as a share."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    amount = MofNCompleteColumn() if counts else TextColumn("{task.percentage:.0f} %")
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def on_progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                # Of what nobody has counted the bar moves to and fro.
                tasks[what] = bar.add_task(what, total=total or None)
            bar.update(tasks[what], completed=done, total=total or None)

        yield on_progress


def jobs_of(jobs: int) -> int:
    """Return the number of processes that ``--jobs`` asks for.

    Raises
    ------
    ConfigError
        If it is neither -1 nor at least 1.
    """
    if jobs < 1 and jobs != -1:
        raise ConfigError(f"--jobs is {jobs}; accepted are whole numbers from 1, or -1 for all cores")
    return usable_cores() if jobs == -1 else jobs
