"""What one step of a network costs in the Java engine of ``export/android``, beside the same step in LiteRT.

    OMP_NUM_THREADS=1 python benchmarks/java_step.py [PRESET ...] [--checkpoint runs/computer/best.pt] [--rounds 31]

Java runs in a process of its own, after a warm-up; LiteRT on one thread in this one: `invoke` alone, inputs and states
set once. Where LiteRT or the TFLite writer is missing it is ONNX Runtime through `OnnxRunner`. Both are CPU time. A
busy machine slows both, so each round measures both, one right after the other; printed are the medians over the rounds
and the median of the rounds' ratios. "allocated" is what Java allocates in a step after the warm-up.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import subprocess
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

from export import load_trained  # noqa: E402
from export.graph_writer import write_graph, write_graph_int8  # noqa: E402
from export.onnx.writer import write_onnx  # noqa: E402
from kws.config import FrontEndConfig  # noqa: E402
from kws.graph import Graph  # noqa: E402
from kws.models import PRESETS, build_model  # noqa: E402
from kws.runtime.onnx_runner import OnnxRunner  # noqa: E402
from kws.spec import ModelSpec  # noqa: E402
from tests.java_engine import JavaEngine  # noqa: E402

DEFAULT_PRESETS = ("small", "crnn", "tcn", "bc")
WARM_UP_STEPS = 20_000
STEPS_PER_ROUND = 200

Work = Callable[[], float]
"""Does one round and returns CPU nanoseconds a step."""


@dataclass(frozen=True)
class Round:
    """One round: nanoseconds a step, and bytes that Java allocated in one."""

    java_ns: float
    java_with_front_end_ns: float
    allocated_bytes: float
    other_ns: float


class JavaProcess:
    """The engine at work; a line of input makes it measure one round."""

    def __init__(self, engine: JavaEngine, model: Path) -> None:
        pipe = subprocess.PIPE
        command = engine.command("time", model, WARM_UP_STEPS)
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1)
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the Java process ended; its error is above")
        return line

    def round(self) -> tuple[float, float, float]:
        """Return nanoseconds of the network, with the front-end, and bytes allocated."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        network, whole, allocated = map(float, self._read().split())
        return network, whole, allocated

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10)


def timed(call: Callable[[], object]) -> Work:
    """Return a round of calls."""

    def work() -> float:
        start_ns = time.process_time_ns()
        for _ in range(STEPS_PER_ROUND):
            call()
        return (time.process_time_ns() - start_ns) / STEPS_PER_ROUND

    return work


def other_work(spec: ModelSpec, graph: Graph, folder: Path) -> tuple[str, Work]:
    """Return the runtime that Java is compared with, and a round of it."""
    features = np.random.default_rng(0).normal(5, 1, (1, spec.step_frames, spec.front_end.n_bands)).astype(np.float32)
    try:
        from ai_edge_litert.interpreter import Interpreter

        from export.tflite.writer import write_tflite
    except ImportError:
        write_onnx(spec, graph, folder / "model.onnx")
        runner = OnnxRunner(folder / "model.onnx")
        return "ONNX Runtime", timed(lambda: runner.run(features))
    write_tflite(spec, graph, folder / "model.tflite")
    interpreter = Interpreter(str(folder / "model.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        values = features if tuple(detail["shape"]) == features.shape else np.zeros(detail["shape"], np.float32)
        interpreter.set_tensor(detail["index"], values)
    return "LiteRT", timed(interpreter.invoke)


def measure(engine: JavaEngine, spec: ModelSpec, graph: Graph, is_int8: bool, rounds: int) -> tuple[str, list[Round]]:
    """Return what was compared with, and the rounds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (write_graph_int8 if is_int8 else write_graph)(spec, graph, folder / "model.kws")
        other, work = other_work(spec, graph, folder)
        java = JavaProcess(engine, folder / "model.kws")
        work()
        found = []
        for _ in range(rounds):
            found.append(Round(*java.round(), work()))
        java.close()
    return other, found


def networks(presets: list[str], checkpoint: Path | None) -> dict[str, tuple[ModelSpec, Graph]]:
    """Return what is measured, by name: presets with random weights, or a trained network."""
    torch.manual_seed(0)
    if checkpoint is not None:
        spec, model = load_trained(checkpoint)
        return {spec.name: (dataclasses.replace(spec, input="features"), model.to_graph())}
    front_end = FrontEndConfig()
    found = {}
    for name in presets:
        network = build_model(PRESETS[name], front_end.n_bands, 1).eval()
        spec = ModelSpec(name, ("word",), front_end, PRESETS[name], network.step_frames)
        found[name] = (spec, network.to_graph())
    return found


def main() -> None:
    """Print one line a network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("presets", nargs="*", help=f"default: {' '.join(DEFAULT_PRESETS)}")
    parser.add_argument("--checkpoint", type=Path, help="a trained network instead of presets")
    parser.add_argument("--int8", action="store_true", help="int8 weights in the .kws file; the arithmetic is the same")
    parser.add_argument("--rounds", type=int, default=31)
    given = parser.parse_args()
    presets = given.presets or list(DEFAULT_PRESETS)
    unknown = [name for name in presets if name not in PRESETS]
    if unknown:
        parser.error(f"unknown preset {unknown[0]!r}; accepted are: {', '.join(PRESETS)}")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        engine = JavaEngine.build(Path(folder) / "classes")
        print(f"{'':12s} {'MACs':>8s}  Java us/step  with front-end  allocated    other us/step  ratio")
        for name, (spec, graph) in networks(presets, given.checkpoint).items():
            other, rounds = measure(engine, spec, graph, given.int8, given.rounds)
            java, whole, bytes_, theirs = (
                statistics.median(getattr(r, field.name) for r in rounds) for field in dataclasses.fields(Round)
            )
            ratio = statistics.median(r.java_ns / r.other_ns for r in rounds)
            print(
                f"{name:12s} {graph.macs_per_step:8,d}  {java / 1e3:12.1f}  {whole / 1e3:14.1f}  {bytes_:7.0f} B"
                f"  {theirs / 1e3:15.1f}  {ratio:5.2f}  ({other})",
                flush=True,
            )


if __name__ == "__main__":
    main()
