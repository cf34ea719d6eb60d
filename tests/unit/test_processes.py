"""Pools of processes: every result once, errors passed on, and Ctrl-C at any moment ends them."""

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import pytest

from kws.processes import as_they_come, end_pool

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from kws.processes import as_they_come, end_pool, leave_interrupts

if __name__ == "__main__":
    pool = ProcessPoolExecutor(2, get_context("fork"), leave_interrupts)
    try:
        print("ready", flush=True)
        for _ in as_they_come(pool, abs, range(10**9), 4):
            pass
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        end_pool(pool)
"""


@pytest.fixture
def pool():
    pool = ProcessPoolExecutor(2, get_context("spawn"))
    yield pool
    end_pool(pool)


def test_every_result_comes_once(pool):
    assert sorted(as_they_come(pool, abs, range(-50, 0), 4)) == list(range(1, 51))
    assert list(as_they_come(pool, abs, [], 4)) == []


def test_no_more_tasks_are_taken_than_are_begun(pool):
    tasks = iter(range(100))
    results = as_they_come(pool, abs, tasks, 3)
    next(results)
    assert next(tasks) == 4


def test_what_a_task_raises_arrives(pool):
    with pytest.raises(ValueError, match="invalid literal"):
        list(as_they_come(pool, int, ["1", "two"], 2))


def test_a_process_that_dies_is_told(pool):
    with pytest.raises(BrokenProcessPool):
        list(as_they_come(pool, os._exit, [3], 2))


def test_an_interrupt_at_any_moment_ends_it(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    rng = random.Random(0)
    for _ in range(12):
        command = [sys.executable, str(program)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        running = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, start_new_session=True)
        assert running.stdout is not None and running.stdout.readline() == b"ready\n"
        time.sleep(rng.uniform(0.0, 0.3))
        os.killpg(running.pid, signal.SIGINT)
        assert running.wait(30) == 130
