"""Faults of sound card, driver and machine, over and over, while `kws run` listens.

    python benchmarks/fault_drill.py [--repeats 50] [--fault NAME ...]

Each fault gets a virtual sound card and a program of its own, which must live through all repeats. In each
repeat a word is said, the fault happens, and when the program says that it is over (or after a second) the
word is said again. Printed is one JSON line a fault: words heard before and after, events that belong to no
word, events told too late, time to recover, and how the program ended.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.live_rig import LiveRun, Word, busy_loops, demo_words, live_run  # noqa: E402
from tests.sound_card import SoundCard, sound_card  # noqa: E402

MAX_AGE_S = 1.0
# From playing a word to its line: the word itself, the card, the detector.
_WORD_S = 5.0
_BACK_S = 40.0
_LINE_S = 0.5


def kill_daemon(card: SoundCard, run: LiveRun) -> None:
    """The sound server crashes and comes back a second later."""
    card.kill()
    time.sleep(1.0)
    card.start()


def suspend(card: SoundCard, run: LiveRun) -> None:
    """The microphone is suspended for 2.5 s."""
    card.suspend(True)
    time.sleep(2.5)
    card.suspend(False)


def unplug(card: SoundCard, run: LiveRun) -> None:
    """The microphone is taken away for a second; the server moves the stream to another one."""
    card.unplug()
    time.sleep(1.0)
    card.replug()


def freeze(card: SoundCard, run: LiveRun) -> None:
    """The sound server stands still for 3 s."""
    card.freeze()
    time.sleep(3.0)
    card.thaw()


def stall(card: SoundCard, run: LiveRun) -> None:
    """The detector itself stands still for 2 s."""
    run.process.send_signal(signal.SIGUSR1)
    time.sleep(2.0)


def pause(card: SoundCard, run: LiveRun) -> None:
    """The whole program is stopped for 5 s, as when a machine sleeps."""
    run.process.send_signal(signal.SIGSTOP)
    time.sleep(5.0)
    run.process.send_signal(signal.SIGCONT)


def load(card: SoundCard, run: LiveRun) -> None:
    """Two other programs take all processors for 3 s."""
    with busy_loops(2):
        time.sleep(3.0)


# What happens, and whether the program says that it is over.
FAULTS: dict[str, tuple[Callable[[SoundCard, LiveRun], None], bool]] = {
    "daemon-killed": (kill_daemon, True),
    "suspended": (suspend, True),
    "unplugged": (unplug, True),
    "frozen": (freeze, True),
    "inference-stall": (stall, False),
    "machine-pause": (pause, False),
    "cpu-load": (load, False),
}


# Faults that halt the card in the middle of what it plays.
HALTING = ("suspended", "frozen")


class Drill:
    """One fault, repeated; `said` are the times at which words ended."""

    def __init__(self, name: str, repeats: int, words: list[Word]) -> None:
        self.name, self.repeats, self.words = name, repeats, words
        self.fault, self.is_told = FAULTS[name]
        self.spans: list[tuple[float, float]] = []
        self.missed_before = self.missed_after = self.not_back = 0
        self.recoveries_s: list[float] = []

    def run(self) -> dict[str, Any]:
        """Run all repeats and return the figures."""
        with sound_card() as card, live_run(card, ["--chime", "none"]) as run:
            for number in range(self.repeats):
                if run.process.poll() is not None:
                    break
                self._repeat(card, run, self.words[number % len(self.words)])
            code, took_s, stderr = run.end()
            time.sleep(_LINE_S)
            return self._figures(run, code, took_s, stderr)

    def _repeat(self, card: SoundCard, run: LiveRun, word: Word) -> None:
        self.missed_before += not self._say(card, run, word)
        # A word that the fault cuts off must not be told of long after.
        self._play(card, word)
        time.sleep(0.6)
        run.drain()
        began_s = time.monotonic()
        self.fault(card, run)
        over_s = time.monotonic()
        if self.name in HALTING:
            # The card went on with the word where it had stopped.
            start_s, end_s = self.spans[-1]
            self.spans[-1] = (start_s, end_s + over_s - began_s)
        if self.is_told:
            back = run.wait_for("notice", _BACK_S, "back after")
            self.not_back += back is None
            self.recoveries_s.append((back.at_s if back else time.monotonic()) - over_s)
        time.sleep(1.0)
        run.drain()
        self.missed_after += not self._say(card, run, word)

    def _play(self, card: SoundCard, word: Word) -> None:
        start_s = time.monotonic()
        card.play(word.samples)
        self.spans.append((start_s, start_s + word.end_s))

    def _say(self, card: SoundCard, run: LiveRun, word: Word) -> bool:
        self._play(card, word)
        return run.wait_for("detection", _WORD_S) is not None

    def _figures(self, run: LiveRun, code: int, took_s: float, stderr: str) -> dict[str, Any]:
        events = [line.at_s for line in run.lines if line.record["event"] == "detection"]
        stale = false = 0
        answered: set[float] = set()
        for at_s in events:
            # By this process's clock: an event is the answer to the word that was begun last, once and soon.
            start_s, end_s = max(span for span in self.spans if span[0] <= at_s)
            false += start_s in answered
            stale += start_s not in answered and at_s - end_s > MAX_AGE_S + _LINE_S
            answered.add(start_s)
        end = run.lines[-1].record if run.lines else {}
        return {
            "fault": self.name,
            "repeats": self.repeats,
            "missed_before": self.missed_before,
            "missed_after": self.missed_after,
            "false_events": false,
            "stale_events": stale,
            "not_back": self.not_back,
            "recovery_s": _spread(self.recoveries_s),
            "exit_code": code,
            "end_took_s": round(took_s, 2),
            "stderr": stderr.splitlines()[:3],
            "counters": {k: end.get(k) for k in ("lost_samples", "stale_events", "stalls")},
        }


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": round(statistics.median(values), 2), "max": round(max(values), 2)}


def main() -> None:
    """Run the drills and print one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=50)
    parser.add_argument("--fault", action="append", choices=sorted(FAULTS), help="by default all")
    parser.add_argument("--together", type=int, default=3, help="faults drilled at once, each on its own card")
    given = parser.parse_args()
    names = given.fault or list(FAULTS)
    words = demo_words()
    # The load would disturb the others.
    apart = [name for name in names if name == "cpu-load"]
    with ThreadPoolExecutor(given.together) as pool:
        for figures in pool.map(
            lambda name: Drill(name, given.repeats, words).run(), [n for n in names if n not in apart]
        ):
            print(json.dumps(figures), flush=True)
    for name in apart:
        print(json.dumps(Drill(name, given.repeats, words).run()), flush=True)


if __name__ == "__main__":
    main()
