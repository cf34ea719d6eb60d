"""Float against each quantised form of a checkpoint: size, time of a step, and what the detector misses.

    OMP_NUM_THREADS=1 python benchmarks/quantised.py runs/computer/best.pt --data ../shared/data --unseen wuw2

Each form is written as the export writes it, runs in its own runtime through the chain of the live program, and is
compared with the float file on the recipe's validation speakers: as recorded, noise and other speech 10 dB below, in
simulated rooms, and hours without the word (those of the recipe and of ``--unseen``). Thresholds are chosen for each
form by itself at 0, 1, 2 and 4 false accepts in all of those hours; the loss is the mean over them, of all words.

Time is CPU time in one thread, front-end excluded, in blocks of 80 ms and in single steps; each round measures all
forms, and the median over the rounds of the ratio to float is what a busy machine leaves right. A new form is one line
in FORMS.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.ablation import load_trials  # noqa: E402
from benchmarks.onnx_int8_forms import UncheckedRunner, write_integers  # noqa: E402
from export import load_trained  # noqa: E402
from export.onnx.int8_writer import write_onnx_int8  # noqa: E402
from export.onnx.writer import write_onnx  # noqa: E402
from export.quantize_report import (  # noqa: E402
    OperatingPoint,
    compare_forms,
    mean_loss_points,
    tensor_lines,
    tensor_rows,
)
from export.tflite.writer import write_tflite_dynamic, write_tflite_int8  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.evaluation import evaluate  # noqa: E402
from kws.evaluate.results import ScoredTrial, Trial  # noqa: E402
from kws.evaluate.subject import Subject  # noqa: E402
from kws.features import clip_features  # noqa: E402
from kws.graph import Array, Graph, Ranges, calibrate  # noqa: E402
from kws.models import StreamingModel  # noqa: E402
from kws.runtime.runner import RUNNERS, open_runner  # noqa: E402
from kws.spec import ModelSpec  # noqa: E402
from kws.train.fake_quant import Int8Arithmetic  # noqa: E402

Write = Callable[[ModelSpec, Graph, Ranges, Path], None]
CALIBRATION_S = 900.0
CALLS_PER_ROUND = 300
BLOCK_S = 0.08


@dataclass(frozen=True)
class Form:
    """One form of a model: how its file is written, and the suffix that chooses its runtime."""

    write: Write
    suffix: str = ".onnx"


FLOAT = "onnx"
FORMS: dict[str, Form] = {
    FLOAT: Form(lambda spec, graph, ranges, path: write_onnx(spec, graph, path)),
    "onnx-int8": Form(lambda spec, graph, ranges, path: write_onnx_int8(spec, graph, path)),
    "tflite dynamic": Form(lambda spec, graph, ranges, path: write_tflite_dynamic(spec, graph, path), ".tflite"),
    "tflite int16": Form(write_tflite_int8, ".tflite"),
    "tflite int8": Form(functools.partial(write_tflite_int8, state_type="int8"), ".tflite"),
    # Not exported: integer arithmetic, with scales from calibration and with each call's own.
    "onnx static": Form(write_integers, ".scan"),
    "onnx dynamic": Form(lambda spec, graph, ranges, path: write_integers(spec, graph, None, path), ".scan"),
}
FORMS |= {
    "tflite-dynamic": Form(lambda spec, graph, ranges, path: write_tflite_dynamic(spec, graph, path), ".tflite"),
    "tflite-int8": Form(lambda spec, graph, ranges, path: write_tflite_int8(spec, graph, ranges, path), ".tflite"),
    "tflite, int8 states": Form(
        lambda spec, graph, ranges, path: write_tflite_int8(spec, graph, ranges, path, "int8"), ".tflite"
    ),
}
RUNNERS[".scan"] = UncheckedRunner


@dataclass(frozen=True)
class Result:
    """What was measured of one form."""

    size_bytes: int
    size_with_front_end_bytes: int
    block_us: float
    block_ratio: float
    step_us: float
    points: list[OperatingPoint]


def calibration_tracks(trials: Sequence[Trial], spec: ModelSpec) -> list[Array]:
    """Return features of trials from all conditions, 15 minutes of them."""
    order = np.random.default_rng(0).permutation(len(trials))
    tracks, audio_s = [], 0.0
    for index in order:
        tracks.append(clip_features(trials[index].samples, spec.front_end))
        audio_s += len(trials[index].samples) / 16_000
        if audio_s > CALIBRATION_S:
            break
    return tracks


def step_times(paths: dict[str, Path], rounds: int) -> dict[str, tuple[float, float, float]]:
    """Return for each form microseconds a step in blocks of 80 ms, their ratio to float, and in single steps."""
    rng = np.random.default_rng(0)
    runners = {name: open_runner(path) for name, path in paths.items()}

    def measure(name: str, n_steps: int) -> float:
        runner = runners[name]
        spec = runner.spec
        inputs = rng.uniform(0, 8, (1, n_steps * spec.step_frames, spec.front_end.n_bands)).astype(np.float32)
        runner.run(inputs)
        start_s = time.process_time()
        for _ in range(CALLS_PER_ROUND):
            runner.run(inputs)
        return (time.process_time() - start_s) / CALLS_PER_ROUND / n_steps * 1e6

    n_steps = max(1, round(BLOCK_S / runners[FLOAT].spec.step_s))
    found = [{name: (measure(name, n_steps), measure(name, 1)) for name in runners} for _ in range(rounds)]
    return {
        name: (
            statistics.median(r[name][0] for r in found),
            statistics.median(r[name][0] / r[FLOAT][0] for r in found),
            statistics.median(r[name][1] for r in found),
        )
        for name in runners
    }


def measure_forms(
    forms: dict[str, Form],
    spec: ModelSpec,
    graph: Graph,
    ranges: Ranges,
    trials: Sequence[Trial],
    folder: Path,
    rounds: int,
) -> dict[str, Result]:
    """Write, run and compare forms, float the first of them."""
    paths, sizes = {}, {}
    for name, form in forms.items():
        for model_input in ("samples", "features"):
            path = folder / f"{name}-{model_input}{form.suffix}"
            form.write(dataclasses.replace(spec, input=model_input), graph, ranges, path)
            sizes[name, model_input] = path.stat().st_size
        paths[name] = path
    times = step_times(paths, rounds)
    reference: Subject | None = None
    results = {}
    for name, path in paths.items():
        subject = evaluate(path, trials, name=name)[0].subject
        reference = reference or subject
        points = list(compare_forms(reference, subject))
        results[name] = Result(sizes[name, "features"], sizes[name, "samples"], *times[name], points)
    return results


def loss_of_coarse_scores(subject: Subject) -> float:
    """Return the loss of the float form when nothing but its scores is rounded, to the 256 values of int8."""
    coarse = [
        ScoredTrial(item.trial, (np.minimum(np.rint(item.scores * 256), 255) / 256).astype(np.float32))
        for item in subject.scored
    ]
    return mean_loss_points(list(compare_forms(subject, dataclasses.replace(subject, scored=coarse))))


def training_ratio(model: StreamingModel, spec: ModelSpec, ranges: Ranges, rounds: int) -> float:
    """Return how much longer forward and backward of 64 streams of 4 s take with the rounding of ``--qat``."""
    n_frames = round(4.0 / spec.step_s) * model.step_frames
    inputs = 8 * torch.rand(64, n_frames, spec.front_end.n_bands, generator=torch.Generator().manual_seed(0))
    rounded = functools.partial(Int8Arithmetic(ranges), model.train())

    def measure(network: Callable[..., tuple[Tensor, list[Tensor]]]) -> float:
        start_s = time.process_time()
        network(inputs, model.initial_state(64))[0].square().mean().backward()
        return time.process_time() - start_s

    found = [(measure(model), measure(rounded)) for _ in range(rounds + 1)]
    return statistics.median(after / before for before, after in found[1:])


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path, nargs="+")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--unseen", nargs="*", type=Path, default=[Path("wuw2")], help="negatives that nobody chose on")
    parser.add_argument("--only", nargs="*", choices=FORMS, default=list(FORMS), metavar="FORM", help="besides float")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tensors", action="store_true", help="print range and error of each tensor as well")
    return parser.parse_args(arguments)


def main() -> None:
    """Print, for each checkpoint, a table of the forms and then the counts of each."""
    options = parse()
    torch.set_num_threads(1)
    forms = {name: form for name, form in FORMS.items() if name in {FLOAT, *options.only}}
    trials = load_trials(options.recipe, options.data, options.unseen)
    for checkpoint in options.checkpoint:
        spec, model = load_trained(checkpoint)
        graph = model.to_graph()
        tracks = calibration_tracks(trials, spec)
        ranges = calibrate(graph, tracks)
        with tempfile.TemporaryDirectory() as folder:
            results = measure_forms(forms, spec, graph, ranges, trials, Path(folder), options.rounds)
        print(f"{checkpoint}\n")
        print("| form | kB | with front-end | us a step, 80 ms blocks | ratio | single steps | loss, points |")
        print("|---|---|---|---|---|---|---|")
        for name, r in results.items():
            times = f"{r.block_us:.1f} | {r.block_ratio:.2f} | {r.step_us:.1f}"
            sizes = f"{r.size_bytes / 1000:.1f} | {r.size_with_front_end_bytes / 1000:.1f}"
            print(f"| {name} | {sizes} | {times} | {mean_loss_points(r.points):+.2f} |")
        coarse = loss_of_coarse_scores(results[FLOAT].points[0].comparison.a)
        print(f"\nfloat, with scores of 8 bits: {coarse:+.2f} points")
        ratio = training_ratio(model, spec, ranges, options.rounds)
        print(f"a step of training with --qat takes {ratio:.1f} times as long")
        for name, result in results.items():
            if name != FLOAT:
                print("\n" + "\n".join(line for point in result.points for line in point.lines()))
        if options.tensors:
            print("\n" + "\n".join(tensor_lines(list(tensor_rows(graph, ranges, tracks)))))


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
