"""`kws run` as a process on the virtual sound card, for the benchmarks of the live program."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import read_audio, to_pcm16  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.runtime import Detector  # noqa: E402
from tests.sound_card import SoundCard  # noqa: E402

MODEL = ROOT / "kws" / "assets" / "computer.onnx"
DEMO = ROOT / "kws" / "assets" / "demo.flac"
PcmArray = npt.NDArray[np.int16]

# The program under test, with one thing added: SIGUSR1 stops the thread that detects for two seconds.
_PROGRAM = """
import signal, sys, time
signal.signal(signal.SIGUSR1, lambda *_: time.sleep(2.0))
from kws.cli import main
main("run", sys.argv[1:])
"""


@dataclass(frozen=True)
class Word:
    """One spoken word with silence around it.

    Parameters
    ----------
    samples : array of int16, shape (N,)
    end_s : float
        End of the word within `samples`.
    fires_s : float
        Where the model fires within `samples`, from a fresh start.
    """

    samples: PcmArray
    end_s: float
    fires_s: float


def demo_words(before_s: float = 1.2, after_s: float = 0.9) -> list[Word]:
    """Cut the words out of the bundled recording; only those that are detected on their own, once."""
    samples = read_audio(DEMO)
    detector = Detector.open(MODEL)
    words = []
    for end_s in json.loads((DEMO.parent / "demo.json").read_text())["word_ends_s"]:
        first, last = (round(s * SAMPLE_RATE_HZ) for s in (end_s - before_s, end_s + after_s))
        cut = to_pcm16(samples[first:last])
        detector.reset()
        events = detector.process(np.concatenate([cut, np.zeros(SAMPLE_RATE_HZ, np.int16)]))
        if len(events) == 1:
            words.append(Word(cut, before_s, events[0].time_s))
    return words


@dataclass(frozen=True)
class Line:
    """One line of the program, with the time (monotonic) at which it arrived."""

    at_s: float
    record: dict[str, Any]


class LiveRun:
    """A running `kws run --jsonl` whose lines are read as they come."""

    def __init__(self, card: SoundCard, arguments: Sequence[str] = ()) -> None:
        command = [sys.executable, "-c", _PROGRAM, "--model", str(MODEL), "--jsonl", *arguments]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **card.environment},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # What a shell starts in the background ignores SIGINT, and hands that down.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.lines: list[Line] = []
        self._queue: queue.Queue[Line] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            line = Line(time.monotonic(), json.loads(text))
            self.lines.append(line)
            self._queue.put(line)

    def wait_for(self, kind: str, timeout_s: float, text: str = "") -> Line | None:
        """Return the next line of a kind (whose notice holds `text`), None if it does not come in time."""
        until_s = time.monotonic() + timeout_s
        while (left_s := until_s - time.monotonic()) > 0:
            try:
                line = self._queue.get(timeout=left_s)
            except queue.Empty:
                return None
            if line.record["event"] == kind and text in line.record.get("text", ""):
                return line
        return None

    def drain(self) -> None:
        """Forget the lines that have come so far."""
        while not self._queue.empty():
            self._queue.get()

    def end(self) -> tuple[int, float, str]:
        """Ask it to end; return its exit code, the seconds it took, and what it wrote to stderr."""
        started_s = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        took_s = time.monotonic() - started_s
        assert self.process.stderr is not None
        return code, took_s, self.process.stderr.read()


@contextmanager
def live_run(card: SoundCard, arguments: Sequence[str] = (), warm_up_s: float = 2.0) -> Iterator[LiveRun]:
    """Start the program and give it time to hear its first audio."""
    run = LiveRun(card, arguments)
    try:
        time.sleep(warm_up_s)
        code = run.process.poll()
        if code is not None:
            assert run.process.stderr is not None
            raise RuntimeError(f"kws run ended with {code}: {run.process.stderr.read()}")
        yield run
    finally:
        run.process.kill()
        run.process.wait()


@contextmanager
def busy_loops(n: int) -> Iterator[None]:
    """Keep `n` processors busy."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
