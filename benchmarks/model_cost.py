"""What each network costs: its size, its arithmetic, the CPU it takes live and in training, beside the first one.

    OMP_NUM_THREADS=1 python benchmarks/model_cost.py [PRESET ...] [--rounds 9]

Live is `OnnxRunner.run` in blocks of 80 ms of samples, front-end inside, as `kws run` works. A training step is
forward and backward of a batch of 64 streams of 4 s. Both are CPU time in one thread. A busy machine slows all
networks, so each round measures all of them, the ratio to the first one is taken within the round, and the median over
the rounds is printed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from export.onnx.writer import write_onnx  # noqa: E402
from kws.config import SAMPLE_RATE_HZ, FrontEndConfig  # noqa: E402
from kws.models import PRESETS, StreamingModel, build_model  # noqa: E402
from kws.runtime.onnx_runner import OnnxRunner  # noqa: E402
from kws.spec import ModelSpec  # noqa: E402

BLOCK_S = 0.08
BLOCKS_PER_ROUND = 250
BATCH, FRAMES = 64, 400
# The classic network has other features, and is not meant for a device.
DEFAULT_PRESETS = ("compact", "small", "compact_tcn", "tcn", "bc", "bc_teacher")

Work = Callable[[], float]
"""Does one round of work and returns its CPU time in seconds."""


@dataclass(frozen=True)
class Size:
    """What is known without running a network."""

    n_parameters: int
    macs_per_s: float
    receptive_field_s: float
    n_state_values: int


def size_of(model: StreamingModel, front_end: FrontEndConfig) -> Size:
    """Return the size of a network behind a front-end."""
    graph = model.to_graph()
    step_s = graph.step_frames * front_end.hop_s
    n_state_values = sum(int(np.prod(state.shape)) for state in graph.states)
    receptive_field_s = graph.receptive_field_frames * front_end.hop_s
    return Size(model.n_parameters, graph.macs_per_step / step_s, receptive_field_s, n_state_values)


def live_work(preset: str, model: StreamingModel, front_end: FrontEndConfig, folder: Path) -> Work:
    """Return a round of live blocks through ONNX Runtime, in CPU-seconds a block."""
    spec = ModelSpec(preset, ("word",), front_end, PRESETS[preset], model.step_frames, input="samples")
    path = folder / f"{preset}.onnx"
    write_onnx(spec, model.to_graph(), path)
    runner = OnnxRunner(path)
    block = (0.1 * np.random.default_rng(0).standard_normal((1, round(BLOCK_S * SAMPLE_RATE_HZ)))).astype(np.float32)

    def work() -> float:
        start_s = time.process_time()
        for _ in range(BLOCKS_PER_ROUND):
            runner.run(block)
        return (time.process_time() - start_s) / BLOCKS_PER_ROUND

    return work


def training_work(model: StreamingModel, front_end: FrontEndConfig) -> Work:
    """Return one training step, optimiser left out."""
    features = torch.randn(BATCH, FRAMES, front_end.n_bands, generator=torch.Generator().manual_seed(0))

    def work() -> float:
        start_s = time.process_time()
        logits, _ = model.train()(features)
        logits.square().mean().backward()
        return time.process_time() - start_s

    return work


def measure(works: dict[str, Work], rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median cost of each work, and the median of its ratio to the first one in the same round."""
    for work in works.values():
        work()
    costs = [{name: work() for name, work in works.items()} for _ in range(rounds)]
    first = next(iter(works))
    return (
        {name: statistics.median(cost[name] for cost in costs) for name in works},
        {name: statistics.median(cost[name] / cost[first] for cost in costs) for name in works},
    )


def main() -> None:
    """Print one line a preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", help=f"default: {' '.join(DEFAULT_PRESETS)}")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    names = given.presets or DEFAULT_PRESETS
    unknown = [name for name in names if name not in PRESETS]
    if unknown:
        parser.error(f"unknown preset {unknown[0]!r}; accepted are: {', '.join(PRESETS)}")
    torch.set_num_threads(1)
    torch.manual_seed(0)
    front_end = FrontEndConfig()
    models = {name: build_model(PRESETS[name], front_end.n_bands, 1) for name in names}
    sizes = {name: size_of(model, front_end) for name, model in models.items()}
    with tempfile.TemporaryDirectory() as folder:
        # The graph is written from the network in evaluation mode; training work switches it.
        lives = {n: live_work(n, model.eval(), front_end, Path(folder)) for n, model in models.items()}
        live_s, live_ratio = measure(lives, given.rounds)
    training_s, training_ratio = measure({n: training_work(m, front_end) for n, m in models.items()}, given.rounds)
    print(f"{'':12s} parameters  MMAC/s  states  sees s  live us/block  CPU s/h  ratio  training ms/step  ratio")
    for name, size in sizes.items():
        live_us, live_s_per_h = live_s[name] * 1e6, live_s[name] / BLOCK_S * 3600
        print(
            f"{name:12s} {size.n_parameters:10,d}  {size.macs_per_s / 1e6:6.2f}  {size.n_state_values:6d}"
            f"  {size.receptive_field_s:6.2f}  {live_us:13.0f}  {live_s_per_h:7.2f}  {live_ratio[name]:5.2f}"
            f"  {training_s[name] * 1e3:16.0f}  {training_ratio[name]:5.2f}"
        )


if __name__ == "__main__":
    main()
