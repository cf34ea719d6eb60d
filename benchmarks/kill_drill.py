"""Kill a training run again and again with SIGKILL, at random moments, and see what is lost.

    nice python benchmarks/kill_drill.py [--kills 100] [--seed 0]

A tiny network is trained on made-up tones by the real command, in a process that is forked once everything is imported.
It saves every third step, so that most kills fall beside a save and many into one. After each kill the newest state on
disk must be whole and no older than the last save that was reported as done; then the run goes on by ``--resume``. In
the end its weights must be those of a run that nobody killed, bit for bit.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import select
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import matplotlib.pyplot  # noqa: E402, F401

import export  # noqa: E402, F401
import kws.train.session  # noqa: E402, F401
from kws.cli import load_command  # noqa: E402
from kws.cli import main as command_line  # noqa: E402
from kws.errors import CheckpointError  # noqa: E402
from kws.train import saving  # noqa: E402
from kws.train.checkpoint import load_checkpoint, load_newest  # noqa: E402
from kws.train.loop import Trainer  # noqa: E402
from tests.beeps import RECIPE, write_project  # noqa: E402

SAVE_EVERY = 3
# A run that is killed this often must not be done before.
STEPS_A_KILL = 20


@dataclass
class Tally:
    """What the kills met."""

    lost_steps: list[int] = field(default_factory=list)
    in_a_save: int = 0
    before_a_step: int = 0
    fallbacks: int = 0


def train(recipe: Path, out: Path, resume: bool, report: int) -> None:
    """Run the command; report each step ("t"), the begin of each save ("b") and its end ("s"), with the step."""
    inner_step, inner_write = Trainer._train_step, saving.Saver.write

    def step(self, parts, waiting):  # type: ignore[no-untyped-def]
        verdict = inner_step(self, parts, waiting)
        os.write(report, f"t{self.step}\n".encode())
        return verdict

    def write(self, step, writes):  # type: ignore[no-untyped-def]
        os.write(report, f"b{step}\n".encode())
        is_done = inner_write(self, step, writes)
        os.write(report, f"s{step}\n".encode())
        return is_done

    Trainer._train_step, saving.Saver.write = step, write  # type: ignore[method-assign]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    command_line("train", [str(recipe), "--out", str(out), *(["--resume"] if resume else [])])


def start(recipe: Path, out: Path, resume: bool) -> tuple[int, int]:
    """Fork a process that trains; return it and what it reports."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with contextlib.suppress(SystemExit):
            train(recipe, out, resume, write)
        os._exit(0)
    os.close(write)
    return child, read


def kill_at_random(child: int, report: int, delay_s: float) -> list[str]:
    """Wait for the first step or save, then for a while, then kill; return all that was reported."""
    text = b""
    while not text:
        select.select([report], [], [])
        text = os.read(report, 4096)
        if not text:
            break
    time.sleep(delay_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while piece := os.read(report, 4096):
        text += piece
    os.close(report)
    return text.decode().split()


def judge(out: Path, events: list[str], before: int, tally: Tally) -> int:
    """Check what is on disk after a kill; return the step from which it goes on."""
    notices: list[str] = []
    try:
        found = load_newest(out / "last.pt", out / "previous.pt", notices.append)["step"]
    except CheckpointError:
        # Only before the first save was done.
        assert before == 0 and not any(event.startswith("s") for event in events), events[-5:]
        found = 0
    steps = [int(event[1:]) for event in events if event.startswith("t")]
    saved = [int(event[1:]) for event in events if event.startswith("s")]
    assert found >= max([before, *saved]), (found, before, events[-5:])
    tally.lost_steps.append(max([found, *steps]) - found)
    tally.in_a_save += bool(events) and events[-1].startswith("b")
    tally.before_a_step += not steps
    tally.fallbacks += bool(notices)
    return int(found)


def assert_equal(first: Path, second: Path) -> None:
    """Compare the states that two runs ended with, and their models."""
    one, other = load_checkpoint(first / "last.pt"), load_checkpoint(second / "last.pt")
    for part in ("network", "average"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part]), part
    for mine, its in zip(one["optimizer"]["state"].values(), other["optimizer"]["state"].values(), strict=True):
        assert all(torch.equal(mine[name], its[name]) for name in mine)
    assert one["history"] == other["history"] and one["loss"] == other["loss"]
    assert (first / "beep.onnx").read_bytes() == (second / "beep.onnx").read_bytes()


def main() -> None:
    """Kill and count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    load_command("train")
    # What PyTorch imports only when it is used: seconds of each sitting otherwise.
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    rng, tally = random.Random(options.seed), Tally()
    with tempfile.TemporaryDirectory() as place:
        project = write_project(Path(place) / "project")
        steps = STEPS_A_KILL * options.kills
        text = RECIPE.replace("steps = 60", f"steps = {steps}").replace("validate_every = 20", "validate_every = 400")
        # Small batches: the quicker a step, the more kills fall into a save.
        text = text.replace("batch_size = 16", "batch_size = 4")
        recipe = project / "beep.toml"
        recipe.write_text(text.replace("workers = 1", "workers = 0") + f"save_every = {SAVE_EVERY}\n")
        out, step = project / "killed", 0
        while len(tally.lost_steps) < options.kills:
            child, report = start(recipe, out, resume=(out / "last.pt").exists() or (out / "previous.pt").exists())
            # Long enough for a few saves, short enough that the run is not done too soon.
            events = kill_at_random(child, report, rng.uniform(0.0, 1.0))
            step = judge(out, events, step, tally)
            print(f"\rkill {len(tally.lost_steps)}: goes on from step {step} of {steps}", end="", flush=True)
        print()
        for run, resume in ((out, True), (project / "whole", False)):
            child, report = start(recipe, run, resume)
            while os.read(report, 65_536):
                pass
            os.waitpid(child, 0)
        assert_equal(out, project / "whole")
    lost = tally.lost_steps
    print(
        f"{len(lost)} kills, {tally.in_a_save} of them inside a save, {tally.before_a_step} before a step, "
        f"{tally.fallbacks} between its two renames or with a damaged file; steps lost: at most {max(lost)}, "
        f"mean {statistics.mean(lost):.2f} (saved every {SAVE_EVERY}); the end is equal, bit for bit"
    )
    sys.exit(0 if max(lost) <= SAVE_EVERY else 1)


if __name__ == "__main__":
    main()
