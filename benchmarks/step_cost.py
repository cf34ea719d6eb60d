"""What one step of a network costs in each format, one thread: the runtime alone, and the runner around it.

    OMP_NUM_THREADS=1 python benchmarks/step_cost.py [PRESET] [--rounds 15]

Random weights; a step is what one score takes (40 ms of audio). "Alone" is the call of the runtime with
everything in place, "runner" is `Runner.run` of one step with its copies and checks. Rows with the front-end outside
take features: add the row of the front-end in numpy. All forms are measured in every round, in turns; the median over
the rounds of CPU time is printed, with the quartiles. A busy machine slows all of them.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from export.onnx.writer import write_onnx  # noqa: E402
from export.tflite.writer import write_tflite, write_tflite_dynamic, write_tflite_int8  # noqa: E402
from kws.config import FrontEndConfig  # noqa: E402
from kws.features import NumpyFrontEnd, clip_features  # noqa: E402
from kws.graph import calibrate  # noqa: E402
from kws.models import PRESETS, build_model  # noqa: E402
from kws.runtime.onnx_runner import OnnxRunner  # noqa: E402
from kws.runtime.tflite_runner import TfliteRunner  # noqa: E402
from kws.spec import ModelSpec  # noqa: E402

STEPS_PER_ROUND = 300

Call = Callable[[], object]


def make_calls(preset: str, folder: Path) -> dict[str, Call]:
    """Return what is measured, by its name."""
    config = FrontEndConfig()
    model = build_model(PRESETS[preset], config.n_bands, 1).eval()
    graph = model.to_graph()
    spec = ModelSpec(preset, ("word",), front_end=config, model=PRESETS[preset], step_frames=model.step_frames)
    noise = (0.1 * np.random.default_rng(0).standard_normal((1, 200 * spec.step_samples))).astype(np.float32)
    ranges = calibrate(graph, [clip_features(noise[0], config)])
    writers = {
        "ONNX Runtime": (".onnx", write_onnx),
        "LiteRT float": (".tflite", write_tflite),
        "LiteRT int8 weights": (".tflite", write_tflite_dynamic),
        "LiteRT int8, int16 states": (".tflite", lambda s, g, path: write_tflite_int8(s, g, ranges, path, "int16")),
        "LiteRT int8, int8 states": (".tflite", lambda s, g, path: write_tflite_int8(s, g, ranges, path, "int8")),
    }
    samples = noise[:, : spec.step_samples].copy()
    front_end = NumpyFrontEnd(config)
    calls: dict[str, Call] = {"front-end in numpy": lambda: front_end.process(samples)}
    for takes, inputs in (("features", clip_features(samples, config)), ("samples", samples)):
        for name, (suffix, write) in writers.items():
            path = folder / f"m{len(calls)}{suffix}"
            write(dataclasses.replace(spec, input=takes), graph, path)
            calls |= _calls(f"{name}, {takes}, {path.stat().st_size / 1000:.0f} kB", path, inputs)
    return calls


def _calls(name: str, path: Path, inputs: np.ndarray) -> dict[str, Call]:
    runner: OnnxRunner | TfliteRunner = OnnxRunner(path) if path.suffix == ".onnx" else TfliteRunner(path)
    runner.run(inputs)
    if isinstance(runner, OnnxRunner):
        binding = runner._bindings[inputs.shape].turns[0]
        alone: Call = lambda: runner._session.run_with_iobinding(binding)  # noqa: E731
    else:
        alone = runner._interpreter.invoke
    return {f"{name} | alone": alone, f"{name} | runner": lambda: runner.run(inputs)}


def measure_us(calls: dict[str, Call], rounds: int) -> dict[str, list[float]]:
    """Return the CPU time of one call in microseconds, round by round."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start_s = time.process_time()
            for _ in range(STEPS_PER_ROUND):
                call()
            times[name].append(1e6 * (time.process_time() - start_s) / STEPS_PER_ROUND)
    return times


def main() -> None:
    """Print one line for each form."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", nargs="?", default="crnn", choices=PRESETS, help="network (default crnn)")
    parser.add_argument("--rounds", type=int, default=15, help="rounds, of which the median counts (default 15)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        times = measure_us(make_calls(arguments.preset, Path(folder)), arguments.rounds)
    print(f"{arguments.preset}: us of CPU a step, median (quartiles) of {arguments.rounds} rounds")
    for name, values in times.items():
        low, middle, high = statistics.quantiles(values, n=4)
        print(f"{name:62s} {middle:8.1f}  ({low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
