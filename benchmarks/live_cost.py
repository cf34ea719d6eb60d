"""What it costs to listen: CPU-seconds an hour of audio, and peak memory, of one model at 80 ms blocks.

    python benchmarks/live_cost.py [MODEL] [--source FILE]

Runs `Detector.process` over a recording (repeated to the length asked for) as int16 blocks, as a microphone
gives them. Everything is counted: conversion, features, network, decision. The lowest of the rounds is the cost of
the code; the highest says how busy the machine was.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import read_audio, to_pcm16  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.runtime import Detector  # noqa: E402

BLOCK_SAMPLES = 1280


def load_blocks(source: Path | None, round_s: float) -> list[npt.NDArray[np.int16]]:
    """Return `round_s` seconds of audio in blocks of 80 ms: a recording repeated, or noise."""
    if source is None:
        samples = np.random.default_rng(0).normal(0.0, 0.05, SAMPLE_RATE_HZ).astype(np.float32)
    else:
        samples = read_audio(source)
    n_blocks = round(round_s * SAMPLE_RATE_HZ / BLOCK_SAMPLES)
    return list(np.resize(to_pcm16(samples), (n_blocks, BLOCK_SAMPLES)))


def measure(detector: Detector, blocks: list[npt.NDArray[np.int16]], rounds: int) -> list[float]:
    """Return the CPU-seconds an hour of audio of each round, the warm-up left out."""
    audio_h = len(blocks) * BLOCK_SAMPLES / SAMPLE_RATE_HZ / 3600
    costs = []
    for _ in range(rounds + 1):
        start_s = time.process_time()
        for block in blocks:
            detector.process(block)
        costs.append((time.process_time() - start_s) / audio_h)
    return costs[1:]


def peak_rss_mb() -> float | None:
    """Return this process's peak memory in MB; None where the kernel does not tell."""
    try:
        match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    except OSError:
        return None
    return int(match[1]) * 1024 / 1e6 if match else None


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--source", type=Path, help="recording; by default noise")
    parser.add_argument("--round-s", type=float, default=120.0, help="seconds of audio a round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    blocks = load_blocks(given.source, given.round_s)
    costs = measure(Detector.open(given.model), blocks, given.rounds)
    figures = {"model": given.model.name, "cpu_s_per_hour": round(min(costs), 3), "highest": round(max(costs), 3)}
    print(json.dumps({**figures, "peak_rss_mb": round(peak_rss_mb() or 0.0, 1), "numpy": np.__version__}))


if __name__ == "__main__":
    main()
