"""Thousands of damaged and mutated model files: no crash, no hang, no huge allocation, one clear error each.

    OMP_NUM_THREADS=1 python benchmarks/hostile_models.py [--files 10000] [--seed 0]

Each file is a sound model with flipped bits, overwritten words, cut or doubled stretches, or other characters in its
spec. Formats with a checksum are mutated as they are, and once more with the checksum mended, as an attacker would. A
file is opened as `kws run` opens it and, if it is accepted, runs a step. That happens in processes of their own, so
that a crash is seen; a file that takes more than ten seconds, or a gigabyte, fails.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.errors import KwsError  # noqa: E402
from kws.runtime.flatbuffer import FlatbufferError  # noqa: E402
from kws.runtime.runner import Runner, open_runner  # noqa: E402
from kws.runtime.tflite_file import with_checksum  # noqa: E402

LIMIT_S = 10
LIMIT_BYTES = 1_000_000_000
BATCH = 500
PRESET = "crnn"

Mutation = Callable[[bytes, np.random.Generator], bytes]


def flip_bits(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip one to eight bits."""
    changed = bytearray(data)
    for place in rng.integers(0, len(data), int(rng.integers(1, 9))):
        changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def overwrite_words(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite whole words with sizes and offsets that hurt; mostly at the end and the start, where tables are."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        reach = len(data) // 4 if rng.random() < 0.3 else min(4000, len(data) // 4)
        place = 4 * int(rng.integers(reach))
        word = int(rng.choice([0, 1, 2, 2**15, 2**31 - 1, 2**31, 2**32 - 1, rng.integers(2**20)]))
        changed[place : place + 4] = word.to_bytes(4, "little")
    return bytes(changed)


def cut(data: bytes, rng: np.random.Generator) -> bytes:
    """Leave out the end, or a stretch."""
    start = int(rng.integers(len(data)))
    return data[:start] if rng.random() < 0.5 else data[:start] + data[start + int(rng.integers(1, 500)) :]


def double(data: bytes, rng: np.random.Generator) -> bytes:
    """Put a stretch somewhere else as well."""
    start, length, place = int(rng.integers(len(data))), int(rng.integers(1, 500)), int(rng.integers(len(data)))
    return data[:place] + data[start : start + length] + data[place:]


def change_spec(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite characters of the spec."""
    start = data.find(b'{"decision"')
    if start < 0:
        return flip_bits(data, rng)
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        changed[start + int(rng.integers(400))] = int(rng.choice(list(b'0123456789-{}[]",:e\x00\xff')))
    return bytes(changed)


MUTATIONS: tuple[Mutation, ...] = (flip_bits, overwrite_words, cut, double, change_spec)


def mutants(data: bytes, suffix: str, seed: int, n_files: int) -> Iterator[bytes]:
    """Iterate over damaged files; every second one of those with a checksum has it mended where that can be."""
    rng = np.random.default_rng(seed)
    for index in range(n_files):
        mutant = MUTATIONS[index % len(MUTATIONS)](data, rng)
        if suffix == ".tflite" and index // len(MUTATIONS) % 2:
            with contextlib.suppress(FlatbufferError):
                mutant = with_checksum(mutant)
        yield mutant


def write_models(folder: Path) -> list[Path]:
    """Write one sound model of each format."""
    import torch

    from export.targets import EXPORTERS, Job
    from kws.config import FrontEndConfig
    from kws.models import PRESETS, build_model
    from kws.spec import ModelSpec

    torch.manual_seed(0)
    config = FrontEndConfig()
    model = build_model(PRESETS[PRESET], config.n_bands, 1).eval()
    spec = ModelSpec(PRESET, ("word",), config, PRESETS[PRESET], model.step_frames)
    tracks = [np.random.default_rng(0).uniform(0, 10, (400, config.n_bands)).astype(np.float32)]
    paths = []
    for name, exporter in EXPORTERS.items():
        if not exporter.is_for_detectors:
            continue
        path = folder / f"{name}.{exporter.suffix.rpartition('.')[2]}"
        job_spec = dataclasses.replace(spec, input=exporter.inputs[0])
        exporter.write(Job(job_spec, model.to_graph(), path, tracks))
        paths.append(path)
    return paths


def run_one_step(runner: Runner) -> None:
    """Give a model that was accepted one step of noise."""
    spec = runner.spec
    shape = (1, spec.step_samples) if spec.input == "samples" else (1, spec.step_frames, spec.front_end.n_bands)
    runner.run(np.random.default_rng(0).uniform(0, 0.5, shape).astype(np.float32))


def judge(path: Path) -> str:
    """Open one file and say what came of it."""
    try:
        run_one_step(open_runner(path))
    except KwsError as error:
        message = str(error)
        return "refused" if "\n" not in message and len(message) < 1000 else "unclear error"
    except MemoryError:
        return "huge allocation"
    except TimeoutError:
        return "hang"
    except Exception as error:  # Whatever it is, it is no clear error.
        return f"foreign error {type(error).__name__}: {str(error)[:80]}"
    return "accepted"


def peak_bytes() -> int:
    """Return the most memory that this process has had."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def work(model: Path, seed: int, n_files: int) -> None:
    """Judge files in this process, and print counts and the longest time as JSON."""

    def stop(*_: object) -> None:
        raise TimeoutError

    signal.signal(signal.SIGALRM, stop)
    run_one_step(open_runner(model))
    # From here on the peak counts anew.
    Path("/proc/self/clear_refs").write_text("5")
    used = peak_bytes()
    found: collections.Counter[str] = collections.Counter()
    longest_s = 0.0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m{model.suffix}"
        for mutant in mutants(model.read_bytes(), model.suffix, seed, n_files):
            path.write_bytes(mutant)
            signal.alarm(LIMIT_S)
            start_s = time.perf_counter()
            found[judge(path)] += 1
            longest_s = max(longest_s, time.perf_counter() - start_s)
            signal.alarm(0)
    more_bytes = peak_bytes() - used
    if more_bytes > LIMIT_BYTES:
        found["huge allocation"] += 1
    print(json.dumps({"found": found, "longest_s": longest_s, "more_bytes": more_bytes}))


def judge_format(model: Path, n_files: int, seed: int) -> tuple[collections.Counter[str], float, int]:
    """Judge mutants of one model in processes of their own."""
    found: collections.Counter[str] = collections.Counter()
    longest_s, more_bytes = 0.0, 0
    for start in range(0, n_files, BATCH):
        count = min(BATCH, n_files - start)
        command = [sys.executable, __file__, "--work", str(model), "--seed", str(seed + start), "--files", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=count * LIMIT_S)
        if done.returncode:
            found["crash"] += 1
            print(f"{model.name}, seed {seed + start}: exit {done.returncode}: {done.stderr[-300:]}", file=sys.stderr)
            continue
        result = json.loads(done.stdout.splitlines()[-1])
        found.update(result["found"])
        longest_s, more_bytes = max(longest_s, result["longest_s"]), max(more_bytes, result["more_bytes"])
    return found, longest_s, more_bytes


def main() -> int:
    """Print one line a format; return 1 if anything but a clear error or a sound model was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000, help="files in all, or of one worker (default 10000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="formats whose name begins so")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        work(arguments.work, arguments.seed, arguments.files)
        return 0
    is_sound = True
    with tempfile.TemporaryDirectory() as folder:
        models = [path for path in write_models(Path(folder)) if path.name.startswith(arguments.only or "")]
        for model in models:
            found, longest_s, more_bytes = judge_format(model, -(-arguments.files // len(models)), arguments.seed)
            shown = ", ".join(f"{count} {name}" for name, count in found.most_common())
            print(f"{model.name:24s} {shown}; longest {longest_s:.2f} s, at most {more_bytes / 1e6:.0f} MB more")
            is_sound &= not found.keys() - {"refused", "accepted"}
    return 0 if is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
