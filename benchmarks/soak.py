"""Days of listening, faster than they pass: memory, and the times of events at the end.

    python benchmarks/soak.py [--hours 60]

The bundled recording is heard over and over by the live loop, with levels and all, as blocks of 80 ms; every ten hours
audio is lost. Printed are the growth of memory from the end of the first hour to the end, and the greatest difference,
in samples, between where an event lies within the last repeat of the recording and where it lay within the second:
none, if no time drifts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.live_rig import DEMO, MODEL, SAMPLE_RATE_HZ  # noqa: E402
from kws.audio import read_audio  # noqa: E402
from kws.runtime import Detector, Event  # noqa: E402
from kws.runtime.listen import ListenOptions, listen  # noqa: E402
from kws.runtime.sinks import JsonlSink, Sink  # noqa: E402
from kws.runtime.sources import AudioBlock  # noqa: E402

BLOCK_SAMPLES = 1280
_HOURS_A_LOSS = 10
_LOST_SAMPLES = 12_345


def rss_bytes() -> int:
    """Return this process's memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Repeats:
    """The recording, over and over; knows where each repeat began."""

    def __init__(self, hours: float) -> None:
        samples = read_audio(DEMO)[np.newaxis]
        self.period = samples.shape[1] // BLOCK_SAMPLES * BLOCK_SAMPLES
        self._blocks = [samples[:, at : at + BLOCK_SAMPLES] for at in range(0, self.period, BLOCK_SAMPLES)]
        self.n_repeats = round(hours * 3600 * SAMPLE_RATE_HZ / self.period)
        self.starts: list[int] = []
        self.first_hour_bytes = 0

    def __iter__(self) -> Iterator[AudioBlock]:
        position = 0
        an_hour = 3600 * SAMPLE_RATE_HZ // self.period
        for number in range(self.n_repeats):
            lost = _LOST_SAMPLES if number and number % (_HOURS_A_LOSS * an_hour) == 0 else 0
            position += lost
            self.starts.append(position)
            for block in self._blocks:
                yield AudioBlock(block, position, lost)
                position += BLOCK_SAMPLES
                lost = 0
            if number == an_hour:
                self.first_hour_bytes = rss_bytes()


class Offsets(Sink):
    """Where events lie within the second repeat, the first that follows another, and within the last."""

    def __init__(self, source: Repeats) -> None:
        self._source = source
        self.n_events = 0
        self.largest_rounding = 0.0
        self.second: list[int] = []
        self.last: list[int] = []

    def event(self, event: Event, model: str) -> None:
        """Count an event."""
        exact = event.time_s * SAMPLE_RATE_HZ
        sample = round(exact)
        number = len(self._source.starts)
        self.n_events += 1
        self.largest_rounding = max(self.largest_rounding, abs(exact - sample))
        if number == 2:
            self.second.append(sample - self._source.starts[-1])
        if number == self._source.n_repeats:
            self.last.append(sample - self._source.starts[-1])


def main() -> None:
    """Listen and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=60.0)
    given = parser.parse_args()
    source = Repeats(given.hours)
    offsets = Offsets(source)
    began_s = time.process_time()
    with open(os.devnull, "w") as nowhere:
        sinks = [JsonlSink(nowhere), offsets]
        summary = listen(source, [Detector.open(MODEL)], sinks, ListenOptions(has_levels=True))
    figures = {
        "hours": round(summary.audio_s / 3600, 3),
        "events": offsets.n_events,
        "in_the_second_repeat": len(offsets.second),
        "in_the_last_repeat": len(offsets.last),
        "samples_off": max(abs(a - b) for a, b in zip(offsets.second, offsets.last, strict=True)),
        "largest_rounding_samples": offsets.largest_rounding,
        "lost_samples": summary.lost_samples,
        "memory_growth_mb": round((rss_bytes() - source.first_hour_bytes) / 1e6, 3),
        "cpu_s_per_hour": round((time.process_time() - began_s) / (summary.audio_s / 3600), 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
