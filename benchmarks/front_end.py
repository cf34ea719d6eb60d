"""Measure the numpy front-end: microseconds for a block of audio, CPU seconds for an hour of it."""

from __future__ import annotations

import argparse
import time

import numpy as np

from kws.config import SAMPLE_RATE_HZ, FrontEndConfig
from kws.features import NumpyFrontEnd


def block_us(compression: str, n_channels: int, block_samples: int, repeats: int) -> float:
    """Return the CPU time of one block in microseconds: the lowest of `repeats` means over 500 blocks."""
    front_end = NumpyFrontEnd(FrontEndConfig(compression=compression), n_channels)
    rng = np.random.default_rng(0)
    samples = (0.1 * rng.standard_normal((n_channels, block_samples))).astype(np.float32)
    means_s = []
    for _ in range(repeats):
        start_s = time.process_time()
        for _ in range(500):
            front_end.process(samples)
        means_s.append((time.process_time() - start_s) / 500)
    return 1e6 * min(means_s)


def main() -> None:
    """Print one line for each compression and number of channels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--block-ms", type=int, default=80, help="length of a block in milliseconds (default 80)")
    parser.add_argument("--repeats", type=int, default=10, help="measurements, of which the lowest counts (default 10)")
    arguments = parser.parse_args()
    block_samples = arguments.block_ms * SAMPLE_RATE_HZ // 1000
    print(f"compression  channels  us per {arguments.block_ms} ms block  CPU s per hour of audio")
    for compression in ("log", "pcen"):
        for n_channels in (1, 4):
            cost_us = block_us(compression, n_channels, block_samples, arguments.repeats)
            hour_s = cost_us * 1e-6 * 3600.0 * 1000.0 / arguments.block_ms
            print(f"{compression:11s}  {n_channels:8d}  {cost_us:18.1f}  {hour_s:23.2f}")


if __name__ == "__main__":
    main()
