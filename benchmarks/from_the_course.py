"""What the known traps of the trigger-word assignment do, each measured beside what the toolkit does instead.

    python benchmarks/from_the_course.py loop
    python benchmarks/from_the_course.py reshape batch-first --data ../shared/data
    python benchmarks/from_the_course.py dev --clips path/to/raw_data/dev --model runs/course/activate.onnx

Traps: labels, loop, queue (no audio is needed); reshape, batch-first, imbalance, loss-up, resume, mode, takes (short
trainings on the speakers of a recipe); dev (scores of finished models on recordings). Each prints its figures and,
where there is something to see, draws ``course-TRAP.png`` into --out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import course_assignment, course_pictures  # noqa: E402
from benchmarks.course_training import TRAINED  # noqa: E402
from benchmarks.course_traps import ORDERS, block_ages  # noqa: E402
from data_tools.synthesize import Segment, Stream, place_clips  # noqa: E402
from kws.activity import active_region  # noqa: E402
from kws.audio import read_audio  # noqa: E402
from kws.errors import KwsError, NoRoomError  # noqa: E402
from kws.evaluate.scoring import score_recording  # noqa: E402
from kws.runtime import open_runner  # noqa: E402
from kws.runtime.detector import Detector  # noqa: E402
from kws.train.folders import find_audio  # noqa: E402
from kws.train.targets import frame_labels  # noqa: E402

# On a grid of 1/11 ms a step of the assignment, 10 s / 1375, is exactly 80 units.
UNITS_PER_MS, STEP_UNITS = 11, 80


def labels(options: argparse.Namespace) -> None:
    """Count where the toolkit's labels and the assignment's differ, for a word that ends at any millisecond."""
    frames = course_assignment.n_frames(10 * course_assignment.RATE_HZ)
    outputs = course_assignment.n_outputs(frames)
    first, last = course_assignment.heard_ms(0), course_assignment.heard_ms(outputs - 1)
    print(f"10 s: Tx {frames}, Ty {outputs}; output 0 has heard {first:.1f} ms, the last one {last:.1f} ms")
    same = sum(same_but_one_step(end_ms, outputs) for end_ms in range(course_assignment.EXAMPLE_MS))
    print(
        f"frame_labels and step_labels are insert_ones, one step earlier: {same} of {course_assignment.EXAMPLE_MS} ends"
    )
    if options.clips:
        late = [late_ms(path) for path in find_audio(options.clips, ["activates"])]
        listed = ", ".join(f"{ms:.0f}" for ms in late)
        print(
            f"{options.clips}/activates: the file ends {np.median(late):.0f} ms (median) after the word does: {listed}"
        )


def same_but_one_step(end_ms: int, outputs: int) -> bool:
    """Return whether both of the toolkit's label functions give the assignment's 50 ones, one step earlier."""
    theirs = course_assignment.insert_ones([end_ms], outputs)
    end = end_ms * UNITS_PER_MS
    label_s = course_assignment.N_ONES * STEP_UNITS / 16_000
    ours = frame_labels([Segment(0, end, end, "activate")], ["activate"], outputs, STEP_UNITS, label_s)[:, 0]
    # Their end is the last unit of the word, the end of a stream's segment is the first one after it.
    stream = Stream(np.zeros(outputs * STEP_UNITS, np.float32), (Segment(0, end + 1, end + 1, "activate"),))
    steps = stream.step_labels(["activate"], STEP_UNITS, label_s)[:, 0]
    return bool(np.array_equal(ours[:-1], theirs[1:]) and np.array_equal(steps, ours) and theirs[0] == 0)


def late_ms(path: Path) -> float:
    """Return how long after the active part of a recording its file ends."""
    samples = read_audio(path)
    return 1000 * (len(samples) - active_region(samples)[1]) / 16_000


def loop(options: argparse.Namespace) -> None:
    """Place clips by trial, as the assignment does, and at once, as the toolkit does."""
    rng = np.random.default_rng(options.seed)
    lengths_ms = list(range(600, 2500, 100))
    stuck: dict[str, list[float]] = {"6 clips": [], "4 clips": []}
    left_out = []
    for clip_ms in lengths_ms:
        for name, shares in stuck.items():
            clips_ms = [clip_ms] * int(name[0])
            shares.append(report_loop(f"{name} of {clip_ms} ms", [clips_ms] * options.trials, rng))
            print(f"  place_clips {placed_at_once(clips_ms, rng)}")
        later = [left_out_later([clip_ms] * 6, rng) for _ in range(options.trials)]
        left_out.append(sum(n > 0 for n in later) / len(later))
        print(f"later edition, 6 clips of {clip_ms} ms: {sum(later)} of {6 * len(later)} clips left out")
    if options.clips:
        drawn = [drawn_clips_ms(options.clips, rng) for _ in range(10 * options.trials)]
        report_loop(f"the recordings of {options.clips}", drawn, rng)
        later = [left_out_later(clips_ms, rng) for clips_ms in drawn]
        print(f"later edition: {sum(later)} of {sum(map(len, drawn))} clips left out")
    course_pictures.draw_loop(options.out / "course-loop.png", [ms / 1000 for ms in lengths_ms], stuck, left_out)


def report_loop(name: str, examples: Sequence[Sequence[int]], rng: np.random.Generator) -> float:
    """Print what became of examples that were filled by trial; return the share that never ends."""
    fills = [course_assignment.fill_by_trial(clips_ms, rng)[0] for clips_ms in examples]
    never = sum(any(i.is_stuck for i in fill) for fill in fills)
    unlucky = sum(any(i.place is None for i in fill) for fill in fills) - never
    most = max(i.draws for fill in fills for i in fill if i.place is not None)
    print(
        f"{name}: {never} of {len(fills)} examples never end, {unlucky} more take over 1000 draws, "
        f"most draws that succeeded {most}"
    )
    return never / len(fills)


def drawn_clips_ms(folder: Path, rng: np.random.Generator) -> list[int]:
    """Draw the clips of one example as the assignment does: 0 to 4 activates, 0 to 2 negatives."""
    lengths_ms = []
    for kind, most in (("activates", 4), ("negatives", 2)):
        paths = find_audio(folder, [kind])
        picks = rng.integers(len(paths), size=rng.integers(most + 1))
        lengths_ms += [clip_ms(paths[pick]) for pick in picks]
    return lengths_ms


@cache
def clip_ms(path: Path) -> int:
    """Return the length of a recording."""
    return round(len(read_audio(path)) / 16)


def left_out_later(clips_ms: Sequence[int], rng: np.random.Generator) -> int:
    """Return how many clips the later edition, which gives up after six more draws, leaves out of an example."""
    outcomes, _ = course_assignment.fill_by_trial(clips_ms, rng, 1 + course_assignment.LATER_TRIES)
    return sum(outcome.place is None for outcome in outcomes)


def placed_at_once(clips_ms: Sequence[int], rng: np.random.Generator) -> str:
    """Return what the toolkit does with the same clips."""
    try:
        place_clips([ms * 16 for ms in clips_ms], 160_000, rng)
    except NoRoomError as error:
        return f"says: {error}"
    return "places all"


def queue(options: argparse.Namespace) -> None:
    """Compute how late results are after one stall of the detector of 2 s, for two orders of the queue."""
    results = {name: block_ages(600, 0.08, 0.065, [(10.0, 2.0)], pick) for name, pick in ORDERS.items()}
    for name, pairs in results.items():
        ages = np.array([age for _, age in pairs])
        print(f"{name}: {np.sum(ages > 1)} of {len(ages)} blocks later than 1 s, the latest {ages.max():.1f} s")
    course_pictures.draw_queue(options.out / "course-queue.png", results, 1.0)


def dev(options: argparse.Namespace) -> None:
    """Run finished models over recordings: their events, the assignment's chimes, and a picture of the scores."""
    paths = find_audio(options.clips, ["."])
    clips = {path.name: (read_audio(path), {}) for path in paths}
    for model in options.model:
        runner = open_runner(model)
        for path in paths:
            samples, tracks = clips[path.name]
            scores = score_recording(runner, samples)[0, :, 0]
            tracks[model.parent.name] = scores
            events = [f"{event.time_s:.2f}" for event in Detector.open(model).process(samples)]
            rule = [f"{step * runner.spec.step_s:.2f}" for step in course_assignment.chimes(scores.tolist())]
            print(f"{model.parent.name}, {path.name}: events {events}; chimes by the assignment's rule {rule}")
    course_pictures.draw_scores(options.out / "course-dev.png", clips, 0.5)


UNTRAINED = {"labels": labels, "loop": loop, "queue": queue, "dev": dev}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traps", nargs="+", metavar="TRAP", choices=[*UNTRAINED, *TRAINED])
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images", help="folder for the picture")
    parser.add_argument("--clips", type=Path, help="labels, loop: the raw_data folder; dev: a folder of recordings")
    parser.add_argument(
        "--model", type=Path, action="append", default=[], help="dev: model; may be given several times"
    )
    parser.add_argument("--steps", type=int, help="training steps, instead of the trap's own")
    parser.add_argument("--examples", type=int, default=1200, help="training examples of 10 s")
    parser.add_argument("--held-out", type=int, default=240, help="examples of 10 s that judge")
    parser.add_argument("--trials", type=int, default=400, help="loop: examples of each kind")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if "dev" in options.traps and not (options.clips and options.model):
        parser.error("dev needs --clips and --model")
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the traps that are asked for."""
    options = parse(arguments)
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for trap in options.traps:
        print(f"\n{trap}")
        {**UNTRAINED, **TRAINED}[trap](options)


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
