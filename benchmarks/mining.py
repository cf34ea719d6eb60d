"""How much faster than real time ``kws mine`` goes through audio, and what memory a long file takes.

    python benchmarks/mining.py [--model kws/assets/computer.onnx] [--data ../shared/data] [--hours 12] [--jobs 2]

Real recordings are strung together into files of one hour and one of six, as 16-bit FLAC; the real command mines them,
from its start to its end, clips and manifest included. Time is that of the clock; on a computer that does other things
as well, the CPU time tells more: all processes together, by their own clocks, as if each had a core. Memory is the
largest resident set of any of the processes. The six hours alone are mined by one process, for its memory.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import read_audio, to_pcm16  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.evaluate.mining.files import find_audio  # noqa: E402

_LONG_H = 6
_FOLDERS = ("negative_speech", "noise", "dspspeech20")


def make_audio(data: Path, folder: Path, hours: int) -> None:
    """Write files of one hour, and one of six where there is room for it."""
    pieces = [to_pcm16(read_audio(path)) for name in _FOLDERS for path in find_audio([data / name], folder)]
    order = np.random.default_rng(1).permutation(len(pieces))
    hour = np.resize(np.concatenate([pieces[i] for i in order]), 3600 * SAMPLE_RATE_HZ)
    lengths_h = [_LONG_H] * (hours >= 2 * _LONG_H) + [1] * (hours - _LONG_H * (hours >= 2 * _LONG_H))
    for index, length_h in enumerate(lengths_h):
        with soundfile.SoundFile(folder / f"{index}-{length_h}h.flac", "w", SAMPLE_RATE_HZ, 1, "PCM_16") as file:
            for part in range(length_h):
                file.write(np.roll(hour, (index + part) * 12_345))


def mine(model: Path, audio: Path, out: Path, jobs: int) -> tuple[float, float, float, str]:
    """Run the command; return seconds of the clock, seconds of CPU, the largest MiB of a process, and what it said."""
    command = [sys.executable, "-c", "from kws.cli import main; main()", "mine", str(model), str(audio)]
    began_s = time.perf_counter()
    command += ["--out", str(out), "--jobs", str(jobs)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as run:
        said = run.stdout.read()
        # Of this child and its own children alone.
        _, status, used = os.wait4(run.pid, 0)
        run.returncode = os.waitstatus_to_exitcode(status)
    if run.returncode:
        raise SystemExit(f"kws mine ended with {run.returncode}")
    elapsed_s = time.perf_counter() - began_s
    return elapsed_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, " ".join(said.split())


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--hours", type=int, default=12)
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mining-") as name:
        folder = Path(name)
        (folder / "audio").mkdir()
        # In a process of its own: a child counts what its parent held when it began as its own memory.
        maker = get_context("spawn").Process(target=make_audio, args=(options.data, folder / "audio", options.hours))
        maker.start()
        maker.join()
        audio_s = 3600.0 * options.hours
        print("| audio | processes | times real time | CPU s per hour | times real time by CPU time | MiB | found |")
        print("|---|---|---|---|---|---|---|")
        long = sorted((folder / "audio").glob(f"*-{_LONG_H}h.flac"))[:1]
        # The largest resident set is kept over all children: the single process comes first.
        for place, seconds, jobs in [
            *((p, 3600.0 * _LONG_H, 1) for p in long),
            (folder / "audio", audio_s, options.jobs),
        ]:
            elapsed_s, cpu_s, mib, found = mine(options.model, place, folder / f"out-{jobs}", jobs)
            by_cpu = jobs * seconds / cpu_s
            print(
                f"| {seconds / 3600:.0f} h | {jobs} | {seconds / elapsed_s:.0f} | {3600 * cpu_s / seconds:.2f} "
                f"| {by_cpu:.0f} | {mib:.0f} | {found} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
