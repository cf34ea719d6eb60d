"""What ``kws train`` says of its pool of streams and of its observers."""

import io
import logging

import pytest
from rich.console import Console

from kws.cli import train_progress
from kws.cli.train_progress import PoolDisplay, told_as_notices


def test_a_terminal_shows_each_block_in_one_place() -> None:
    shown: list[str] = []
    console = Console(file=io.StringIO(), force_terminal=True)
    display = PoolDisplay(console, shown.append)
    display.update(64, 16_384)
    display.update(128, 16_384)
    assert shown == ["making streams for the cache: 64 of 16,384", "making streams for the cache: 128 of 16,384"]
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]


def test_elsewhere_a_line_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 31.0, 32.0])
    monkeypatch.setattr(train_progress.time, "monotonic", lambda: next(clock))
    text = io.StringIO()
    display = PoolDisplay(Console(file=text, force_terminal=False), lambda line: pytest.fail(line))
    for done in (64, 128, 192, 256):
        display.update(done, 256)
    assert [line.split(": ")[1] for line in text.getvalue().splitlines()] == ["64 of 256", "192 of 256", "256 of 256"]


def test_warnings_of_observers_are_lines_of_the_program_while_they_work() -> None:
    said: list[str] = []
    logger = logging.getLogger("kws.train.observers.live")
    with told_as_notices("kws.train.observers", said.append):
        logger.warning("the live plot is %s", "closed")
        logger.info("nothing to say")
    logger.warning("late")
    assert said == ["the live plot is closed"]
