"""When files are written, and what is said while they cannot be."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from kws.errors import CheckpointError
from kws.train.recipe import TrainingConfig
from kws.train.saving import RETRY_S, Saver

BEST, LAST, CURVES = (Path(name) for name in ("best", "last", "curves"))


class Room:
    """Files that can be written or not, a clock, and the lines that were said."""

    def __init__(self, save_every: int = 0, save_every_s: float = 60.0) -> None:
        self.now_s = 1000.0
        self.broken: set[Path] = set()
        self.written: list[str] = []
        self.lines: list[str] = []
        training = TrainingConfig(save_every=save_every, save_every_s=save_every_s)
        self.saver = Saver(training, [BEST, LAST, CURVES], self.lines.append, lambda: self.now_s, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.now_s >= 5000.0:
            self.broken.clear()

    def save(self, step: int, *paths: Path) -> bool:
        def write(path: Path) -> None:
            if path in self.broken and path == CURVES:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            if path in self.broken:
                raise CheckpointError(f"{path}: cannot be written (No space left on device)")
            self.written.append(f"{path} {step}")

        return self.saver.write(step, {path: lambda path=path: write(path) for path in paths})


def test_due_by_steps_and_by_time() -> None:
    by_steps = Room(save_every=10, save_every_s=0.0)
    by_steps.now_s += 1e6
    assert [step for step in range(1, 31) if by_steps.saver.is_due(step)] == [10, 20, 30]
    by_time = Room()
    assert not by_time.saver.is_due(10)
    by_time.now_s += 60.0
    assert by_time.saver.is_due(11)
    by_time.save(11, LAST)
    by_time.now_s += 59.9
    assert not by_time.saver.is_due(12)


def test_a_failure_is_tried_again_soon_and_said_once() -> None:
    room = Room(save_every_s=3600.0)
    assert room.save(5, LAST) and room.saver.safe_step == 5
    room.broken = {LAST}
    for _ in range(20):
        room.now_s += RETRY_S
        assert not room.save(7, LAST) and room.saver.is_behind
        assert not room.saver.is_due(8)
        room.now_s += RETRY_S
        assert room.saver.is_due(8)
    assert len(room.lines) == 1
    assert room.lines[0] == (
        "last: cannot be written (No space left on device); training goes on, and it is tried again every 15 s; "
        "step 5 is safe on disk"
    )
    # An outage of more than ten minutes is told again.
    room.now_s += RETRY_S
    room.save(9, LAST)
    assert len(room.lines) == 2
    room.broken.clear()
    assert room.save(10, LAST) and room.saver.safe_step == 10
    assert room.lines[-1] == "can be written again: step 10 is saved"
    assert room.save(11, LAST) and len(room.lines) == 3


def test_no_file_speaks_of_one_that_is_not_there() -> None:
    room = Room()
    room.broken = {BEST}
    assert not room.save(1, CURVES, LAST, BEST)
    assert room.written == []
    # A newer state without a new best one: the best one that waits still comes first.
    room.broken = {CURVES}
    assert not room.save(2, LAST)
    assert room.written == ["best 1", "last 2"]
    assert len(room.lines) == 1
    room.broken.clear()
    assert room.save(3) and room.written[-1] == "curves 1"


def test_the_end_waits_until_all_is_written() -> None:
    room = Room()
    room.broken = {LAST}
    room.save(9, LAST)
    room.saver.finish(9)
    assert room.now_s >= 5000.0 and room.written == ["last 9"]
    assert "training is done" in room.lines[1] and "nothing is saved yet" in room.lines[1]
    assert room.lines[-1] == "can be written again: step 9 is saved"
