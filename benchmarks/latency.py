"""From the last sample of a word leaving the sound card to the line that tells of it.

    python benchmarks/latency.py [--words 100] [--channels 1] [--load]

Words of the bundled recording are played on the virtual sound card, which `kws run` listens to. A second program
records the same card with little buffering and stamps each piece with the time of its arrival; where a word's
last sample lies in that recording is found by correlation. So the time does not rest on what `kws run` itself
says. Printed are, in milliseconds: `word`, from the word's last sample to the line, of which the model itself takes
`model` (where it fires after the word's end, from the samples alone), and `system`, the rest: driver,
blocks, computing, output.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.live_rig import SAMPLE_RATE_HZ, PcmArray, Word, busy_loops, demo_words, live_run  # noqa: E402
from tests.sound_card import SoundCard, sound_card  # noqa: E402

_PIECE_BYTES = 320 * 2


class Recorder:
    """What the card gives, with the time at which each sample could be had first."""

    def __init__(self, card: SoundCard) -> None:
        command = ["parec", "--device=mic.monitor", "--raw", "--format=s16le", f"--rate={SAMPLE_RATE_HZ}"]
        self._process = subprocess.Popen(
            [*command, "--channels=1", "--latency-msec=10"],
            env={**os.environ, **card.environment},
            stdout=subprocess.PIPE,
        )
        self._data = bytearray()
        # The earliest that any sample has come, less its place: the card's own clock.
        self._origin_s = float("inf")
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while data := os.read(self._process.stdout.fileno(), _PIECE_BYTES):
            self._data += data
            self._origin_s = min(self._origin_s, time.monotonic() - len(self._data) / 2 / SAMPLE_RATE_HZ)

    def time_of_end(self, samples: PcmArray, end_s: float) -> float:
        """Return when the sample at `end_s` of what was played last left the card."""
        heard = np.frombuffer(bytes(self._data[: len(self._data) // 2 * 2]), "<i2")
        first = max(0, len(heard) - 8 * SAMPLE_RATE_HZ)
        recent = heard[first:].astype(np.float64)
        n_fft = 1 << int(np.ceil(np.log2(len(recent) + len(samples))))
        spectrum = np.fft.rfft(recent, n_fft) * np.conj(np.fft.rfft(samples.astype(np.float64), n_fft))
        start = first + int(np.argmax(np.fft.irfft(spectrum, n_fft)[: len(recent)]))
        return self._origin_s + start / SAMPLE_RATE_HZ + end_s

    def close(self) -> None:
        """End the recording."""
        self._process.kill()
        self._process.wait()


def measure(n_words: int, n_channels: int, arguments: list[str]) -> tuple[list[float], list[float], int]:
    """Return the time from word's end to line of each word heard, the model's part of it, and the words missed."""
    words = demo_words()
    totals_s, models_s, n_missed = [], [], 0
    with sound_card(n_channels) as card, live_run(card, ["--chime", "none", *arguments]) as run:
        recorder = Recorder(card)
        for number in range(n_words):
            word = words[number % len(words)]
            # At another place of the detector's blocks each time.
            time.sleep(0.3 + 0.0137 * (number % 11))
            run.drain()
            line = _say(card, run, word, n_channels)
            if line is None:
                n_missed += 1
                continue
            time.sleep(1.2)
            totals_s.append(line - recorder.time_of_end(word.samples, word.end_s))
            models_s.append(word.fires_s - word.end_s)
        recorder.close()
    return totals_s, models_s, n_missed


def _say(card: SoundCard, run: object, word: Word, n_channels: int) -> float | None:
    card.play(np.repeat(word.samples[np.newaxis], n_channels, axis=0))
    line = run.wait_for("detection", 5.0)  # type: ignore[attr-defined]
    return None if line is None else float(line.at_s)


def spread_ms(values_s: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum in milliseconds."""
    found = np.percentile(np.array(values_s) * 1000, [50, 99, 100])
    return dict(zip(("median", "p99", "max"), np.round(found, 1).tolist(), strict=True))


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=int, default=100)
    parser.add_argument("--channels", type=int, default=1, choices=(1, 2, 4, 8))
    parser.add_argument("--load", action="store_true", help="under two busy loops")
    parser.add_argument("--run", nargs=argparse.REMAINDER, default=[], help="further arguments of kws run")
    given = parser.parse_args()
    chosen = ["--channels", ",".join(map(str, range(given.channels)))]
    with busy_loops(2) if given.load else contextlib.nullcontext():
        totals_s, models_s, n_missed = measure(given.words, given.channels, chosen + given.run)
    system_s = [total - model for total, model in zip(totals_s, models_s, strict=True)]
    figures = {"channels": given.channels, "load": given.load, "heard": len(totals_s), "missed": n_missed}
    parts = {"word": spread_ms(totals_s), "model": spread_ms(models_s), "system": spread_ms(system_s)}
    print(json.dumps({**figures, "ms": parts}))


if __name__ == "__main__":
    main()
