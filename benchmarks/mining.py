"""How much faster than real time ``kws mine`` goes through audio, and what memory a long file takes.

    python benchmarks/mining.py [--model kws/assets/computer.onnx] [--data ../shared/data] [--hours 12] [--jobs 2]

Real recordings are strung together into files of one hour and one of six, as 16-bit FLAC; the real command mines them,
from its start to its end, clips and manifest included. Time is that of the clock; on a computer that does other things
as well, the CPU time tells more: all processes together, by their own clocks, as if each had a core. Memory is the
largest resident set of any of the processes. The six hours alone are mined by one process, for its memory.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
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


def make_audio(data: Path, folder: Path, hours: int) -> float:
    """Write files of one hour, and one of six where there is room for it; return how many seconds they are."""
    pieces = [to_pcm16(read_audio(path)) for name in _FOLDERS for path in find_audio([data / name], folder)]
    order = np.random.default_rng(1).permutation(len(pieces))
    hour = np.resize(np.concatenate([pieces[i] for i in order]), 3600 * SAMPLE_RATE_HZ)
    lengths_h = [_LONG_H] * (hours >= 2 * _LONG_H) + [1] * (hours - _LONG_H * (hours >= 2 * _LONG_H))
    for index, length_h in enumerate(lengths_h):
        with soundfile.SoundFile(folder / f"{index}-{length_h}h.flac", "w", SAMPLE_RATE_HZ, 1, "PCM_16") as file:
            for part in range(length_h):
                file.write(np.roll(hour, (index + part) * 12_345))
    return 3600.0 * sum(lengths_h)


def mine(model: Path, audio: Path, out: Path, jobs: int) -> tuple[float, float, float, str]:
    """Run the command; return seconds of the clock, seconds of CPU, the largest MiB of a process, and what it said."""
    command = [sys.executable, "-c", "from kws.cli import main; main()", "mine", str(model), str(audio)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began_s = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(out), "--jobs", str(jobs)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    elapsed_s = time.perf_counter() - began_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return elapsed_s, cpu_s, after.ru_maxrss / 1024, " ".join(done.stdout.split())


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
        audio_s = make_audio(options.data, folder / "audio", options.hours)
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
