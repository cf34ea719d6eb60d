"""Wall time, CPU time and memory of a whole training run, data loading and export included.

    python benchmarks/training.py --out /tmp/run [--recipe recipes/computer.toml] [--data ../shared/data]
        [--profile low]

Memory is the proportional set size of all processes of the run, the largest of samples taken every two seconds:
what the run adds to a machine, shared pages counted once.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent


def memory_mib(process: psutil.Process) -> float:
    """Return the proportional set size of a process and its children."""
    total_bytes = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total_bytes += member.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total_bytes / 2**20


def main() -> None:
    """Train once and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--profile", help="Gear: low or high.")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    command = [sys.executable, str(ROOT / "train.py"), str(options.recipe), "--out", str(options.out)]
    command += ["--data", str(options.data)] if options.data else []
    command += ["--profile", options.profile] if options.profile else []
    start_s, most_mib = time.monotonic(), 0.0
    before = psutil.Process().cpu_times()
    run = psutil.Popen(command)
    while True:
        try:
            run.wait(timeout=2)
            break
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            most_mib = max(most_mib, memory_mib(run))
    used = psutil.Process().cpu_times()
    cpu_s = used.children_user + used.children_system - before.children_user - before.children_system
    wall_min = (time.monotonic() - start_s) / 60
    print(
        f"{wall_min:.1f} minutes on {psutil.cpu_count()} cores, {cpu_s / 60:.1f} CPU-minutes, peak {most_mib:.0f} MiB"
    )
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
