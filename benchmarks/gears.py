"""What each gear of training costs: streams a second, CPU time, memory; and two processes against one.

    python benchmarks/gears.py [--gears low default high] [--processes 1 2] [--steps 40] [--data ../shared/data]

Each gear is a process of its own that loads the recipe's data, makes its pool of streams if it wants one, and makes
some steps. CPU time and memory are those of all its processes. Memory is the largest proportional set size, sampled
five times a second, for each part of the run: shared pages counted once, and pages of the pool only while a batch is
read from it. Times of one gear mean little; the ratios of gears of the same run do, on an idle computer.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

_WARM_STEPS = 10
_SAMPLE_S = 0.2


def main() -> None:
    """Measure every gear and print a table."""
    options = _options()
    if options.child:
        return _child(options)
    rows = [_measure(options, gear, count) for gear in options.gears for count in options.processes]
    print(
        "| gear | processes | workers | streams a step | streams/s | CPU s per 1000 streams | pool: CPU s, "
        "MiB on disk per 1000 streams | memory MiB: loading, pool, training, validation |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(_line(row))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--gears", nargs="+", default=["low", "default", "high"])
    parser.add_argument("--processes", nargs="+", type=int, default=[1], help="Processes of `accelerate launch`.")
    parser.add_argument("--steps", type=int, default=40, help="Measured steps of 64 streams; as many streams in all.")
    parser.add_argument("--pool", type=int, default=2048, help="Streams of the pool of the low gear.")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def _measure(options: argparse.Namespace, gear: str, n_processes: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="gears-") as folder:
        command = [sys.executable, __file__, "--child", gear, "--recipe", str(options.recipe)]
        command += ["--steps", str(options.steps), "--pool", str(options.pool)]
        command += ["--data", str(options.data)] if options.data else []
        if n_processes > 1:
            # So even where they are CPUs: it is what makes Accelerate start several.
            launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(n_processes)]
            launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
            command = [sys.executable, *launch, *command[1:]]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GEARS_OUT": folder}
        run = psutil.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        watch = _Watch(run)
        for line in run.stdout:
            watch.take(line)
        if run.wait() != 0:
            raise SystemExit(f"{gear} with {n_processes} processes failed")
    return {"gear": gear, "processes": n_processes, "mib": watch.most_mib, **watch.result}


class _Watch:
    """Samples the memory of a run, and what its parts say of themselves."""

    def __init__(self, run: psutil.Popen) -> None:
        self._run = run
        self._part = "loading"
        self.most_mib: dict[str, float] = {}
        self.result: dict[str, Any] = {}
        threading.Thread(target=self._sample, daemon=True).start()

    def take(self, line: str) -> None:
        """Take a line of the run: the name of its next part, its CPU time so far, or its figures."""
        if not line.startswith("{"):
            return
        message = json.loads(line)
        if "part" in message:
            self._part = message["part"]
        if message.get("part") in ("training", "validation"):
            # The clocks of all processes, workers included, at the beginning and the end of the measured steps.
            self.result[f"cpu_s {message['part']}"] = _cpu_s(self._run)
        self.result |= message.get("result", {})

    def _sample(self) -> None:
        while self._run.poll() is None:
            mib = sum(_pss_bytes(member) for member in _members(self._run)) / 2**20
            self.most_mib[self._part] = max(self.most_mib.get(self._part, 0.0), mib)
            time.sleep(_SAMPLE_S)


def _members(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pss_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _cpu_s(process: psutil.Process) -> float:
    total = 0.0
    for member in _members(process):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _line(row: dict[str, Any]) -> str:
    cpu_s = row["cpu_s validation"] - row["cpu_s training"]
    memory = [f"{row['mib'].get(part, 0):.0f}" for part in ("loading", "pool", "training", "validation")]
    thousands = row["pool_streams"] / 1000
    pool = f"{row['pool_cpu_s'] / thousands:.1f}, {row['pool_mib'] / thousands:.0f}" if thousands else "–"
    return (
        f"| {row['gear']} | {row['processes']} | {row['workers']} | {row['batch_size']} | "
        f"{row['streams'] / row['wall_s']:.0f} | {1000 * cpu_s / row['streams']:.2f} | {pool} | {', '.join(memory)} |"
    )


def _child(options: argparse.Namespace) -> None:
    """Run one gear, and say on standard output where it is."""
    import dataclasses

    from kws.cli.streams import make_streams_of
    from kws.train.corpus import load_corpus
    from kws.train.feature_cache import FOLDER
    from kws.train.profiles import apply_profile
    from kws.train.recipe import CacheConfig, load_recipe
    from kws.train.session import Session

    recipe = load_recipe(options.recipe, options.data)
    asked = recipe.training.batch_size
    recipe = apply_profile(recipe, None if options.child == "default" else options.child)
    out = Path(os.environ["GEARS_OUT"]) / "run"
    out.mkdir(exist_ok=True)
    training = recipe.training
    n_measured = max(1, options.steps * asked // training.batch_size)
    # The last step ends with the validation.
    n_steps = _WARM_STEPS + n_measured + 1
    training = dataclasses.replace(training, steps=n_steps, validate_every=n_steps)
    if training.cache.streams:
        training = dataclasses.replace(training, cache=CacheConfig(options.pool))
    recipe = dataclasses.replace(recipe, training=training)
    session = Session(recipe, load_corpus(recipe.data), make_streams_of(recipe), out)
    is_main = int(os.environ.get("RANK", "0")) == 0
    _tell(is_main, part="pool" if training.cache.streams else "loading")
    first_s, run = _prepared(session)
    if training.cache.streams:
        # Once more with the pool there: the difference is what making it took.
        again_s, run = _prepared(session)
    result = {
        "workers": training.workers,
        "batch_size": training.batch_size,
        "streams": n_measured * training.batch_size,
        "pool_streams": training.cache.streams,
        "pool_cpu_s": first_s - again_s if training.cache.streams else 0.0,
        "pool_mib": _mib(out.parent / FOLDER),
    }
    began_s = 0.0

    def on_progress(report: Any) -> None:
        nonlocal began_s
        if report.step == _WARM_STEPS:
            began_s = time.monotonic()
            _tell(is_main, part="training")
        if report.step == n_steps - 1:
            result["wall_s"] = time.monotonic() - began_s
            _tell(is_main, part="validation")

    run.train(training.workers, on_progress)
    _tell(is_main, result=result)
    run.processes.close()


def _prepared(session: Any) -> tuple[float, Any]:
    before_s = time.process_time() + _children_s()
    run = session.prepare(False)
    return time.process_time() + _children_s() - before_s, run


def _tell(is_main: bool, **message: Any) -> None:
    if is_main:
        print(json.dumps(message), flush=True)


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _mib(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20 if folder.exists() else 0.0


if __name__ == "__main__":
    main()
