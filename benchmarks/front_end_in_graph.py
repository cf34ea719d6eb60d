"""What the front-end costs inside the ONNX graph, against numpy beside it, at 80 ms blocks in one run.

    python benchmarks/front_end_in_graph.py

Both forms of one network (random weights) hear the same blocks on one thread and take turns; the lowest of the
rounds counts. The cheaper form is `export.DEFAULT_INPUT`.
"""

from __future__ import annotations

import argparse
import dataclasses
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
from kws.audio import FloatArray  # noqa: E402
from kws.config import SAMPLE_RATE_HZ, FrontEndConfig  # noqa: E402
from kws.features import NumpyFrontEnd  # noqa: E402
from kws.models import PRESETS, build_model  # noqa: E402
from kws.runtime.onnx_runner import OnnxRunner  # noqa: E402
from kws.spec import ModelSpec  # noqa: E402

BLOCKS_PER_ROUND = 300
BLOCK_MS = 80

BlockRunner = Callable[[FloatArray], object]


def make_runners(preset: str, compression: str, folder: Path) -> dict[str, BlockRunner]:
    """Return, by the kind of input, what takes one block of samples (1, N) through front-end and network."""
    config = FrontEndConfig(compression=compression)
    model = build_model(PRESETS[preset], config.n_bands, 1).eval()
    spec = ModelSpec(
        preset, ("word",), front_end=config, model=PRESETS[preset], step_frames=model.step_frames, input="features"
    )
    runners: dict[str, BlockRunner] = {}
    for takes in ("features", "samples"):
        path = folder / f"{preset}_{takes}.onnx"
        write_onnx(dataclasses.replace(spec, input=takes), model.to_graph(), path)
        runner = OnnxRunner(path)
        runners[takes] = _behind(NumpyFrontEnd(config), runner) if takes == "features" else runner.run
    return runners


def _behind(front_end: NumpyFrontEnd, runner: OnnxRunner) -> BlockRunner:
    return lambda block: runner.run(front_end.process(block))


def measure_us(runners: dict[str, BlockRunner], rounds: int) -> dict[str, float]:
    """Return the CPU time of one block of each runner in microseconds."""
    rng = np.random.default_rng(0)
    block = (0.1 * rng.standard_normal((1, BLOCK_MS * SAMPLE_RATE_HZ // 1000))).astype(np.float32)
    lowest = dict.fromkeys(runners, float("inf"))
    for _ in range(rounds):
        for name, run in runners.items():
            start_s = time.process_time()
            for _ in range(BLOCKS_PER_ROUND):
                run(block)
            lowest[name] = min(lowest[name], 1e6 * (time.process_time() - start_s) / BLOCKS_PER_ROUND)
    return lowest


def main() -> None:
    """Print one line for each network and compression."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="rounds, of which the lowest counts (default 20)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"us of CPU per {BLOCK_MS} ms block  numpy + features graph  samples graph  inside / outside")
    with tempfile.TemporaryDirectory() as folder:
        for preset in ("small", "tcn"):
            for compression in ("log", "pcen"):
                cost = measure_us(make_runners(preset, compression, Path(folder)), arguments.rounds)
                ratio = cost["samples"] / cost["features"]
                label = f"{preset} {compression}"
                print(f"{label:26s}  {cost['features']:22.1f}  {cost['samples']:13.1f}  {ratio:16.2f}")


if __name__ == "__main__":
    main()
