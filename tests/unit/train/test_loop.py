"""The loop: a run that was stopped anywhere ends bit for bit as one that was not, and survives a full disk."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from kws.errors import CheckpointError, ConfigError, DataError
from kws.train import loop, saving
from kws.train.batches import Batch
from kws.train.checkpoint import load_checkpoint
from kws.train.learner import Learner
from kws.train.loop import StepReport, Trainer
from kws.train.recipe import Recipe
from kws.train.validation import Outcome
from tests.unit.train.runs import WeightJudge, make_batches, make_recipe, make_trainer


@pytest.fixture(autouse=True)
def _quick_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "draw_curves", lambda path, history, best: path.write_text(f"{len(history)} {best}"))


def silent(report: StepReport) -> None:
    """Take a report and say nothing."""


def assert_same(one: Trainer, other: Trainer) -> None:
    """Check that two runs have come to the same: weights, average, optimiser, carried states and chance."""
    first, second = dict(flat(one.learner.state())), dict(flat(other.learner.state()))
    assert first.keys() == second.keys()
    assert not [key for key in first if not equal(first[key], second[key])]


def whole_run(out: Path, recipe: Recipe) -> Trainer:
    trainer = make_trainer(out, recipe)
    trainer.run(make_batches(recipe), silent)
    return trainer


def resumed(out: Path, recipe: Recipe) -> Trainer:
    # Nothing may depend on what chance has drawn in this process so far.
    torch.manual_seed(0)
    trainer = make_trainer(out, recipe)
    trainer.resume()
    trainer.run(make_batches(recipe, trainer.step), silent)
    return trainer


def assert_same_files(one: Path, other: Path) -> None:
    assert (one / "history.json").read_text() == (other / "history.json").read_text()
    for name in ("last.pt", "best.pt"):
        # Not their bytes: how often pickle meets the same text object is chance.
        first, second = dict(flat(load_checkpoint(one / name))), dict(flat(load_checkpoint(other / name)))
        assert first.keys() == second.keys()
        assert not [key for key in first if not equal(first[key], second[key])]


def flat(values: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every single value of nested tables and lists, with its place."""
    if isinstance(values, (dict, list, tuple)):
        for key, value in values.items() if isinstance(values, dict) else enumerate(values):
            yield from flat(value, f"{where}/{key}")
    else:
        yield where, values


def equal(one: Any, other: Any) -> bool:
    """Compare bit for bit."""
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def stopped_by(batches: Iterator[Batch], after: int, what: BaseException) -> Iterator[Batch]:
    """Yield some batches, then fail where the next one is waited for."""
    yield from itertools.islice(batches, after)
    raise what


# Of 12 steps, the first half are on frame labels; validations come after 4, 8 and 12.
KINDS = {
    "log": make_recipe(),
    "pcen": make_recipe("pcen"),
    "in parts": make_recipe(accumulate_batches=4),
    "saved now and then": make_recipe(save_every=3),
}


@pytest.mark.parametrize("recipe", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("step", [1, 4, 5, 8, 11])
def test_interrupted_while_waiting_for_a_batch(tmp_path: Path, recipe: Recipe, step: int) -> None:
    whole = whole_run(tmp_path / "whole", recipe)
    trainer = make_trainer(tmp_path / "run", recipe)
    batches = make_batches(recipe)
    # With parts, one of the step that is not made is there already.
    n_parts = recipe.training.accumulate_batches
    with pytest.raises(KeyboardInterrupt):
        trainer.run(stopped_by(batches, step * n_parts + n_parts // 2, KeyboardInterrupt()), silent)
    assert (trainer.step, trainer.safe_step) == (step, step)
    assert_same(whole, resumed(tmp_path / "run", recipe))
    assert_same_files(tmp_path / "whole", tmp_path / "run")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_a_step_waits_until_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    recipe = make_recipe()
    whole = whole_run(tmp_path / "whole", recipe)
    inner = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *args: Any, **more: Any) -> Any:
        if trainer.step == 5:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
        return inner(self, *args, **more)

    def terminate(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    trainer = make_trainer(tmp_path / "run", recipe)
    before = signal.signal(number, terminate)
    try:
        with pytest.raises(KeyboardInterrupt):
            trainer.run(make_batches(recipe), silent)
        assert signal.getsignal(number) is terminate
    finally:
        signal.signal(number, before)
    assert (trainer.step, trainer.safe_step) == (6, 6)
    monkeypatch.setattr(torch.optim.AdamW, "step", inner)
    assert_same(whole, resumed(tmp_path / "run", recipe))


class InterruptedJudge(WeightJudge):
    """Is interrupted in its second validation."""

    def judge(self, network: Any) -> Outcome:
        if self.n_judged == 1:
            raise KeyboardInterrupt
        return super().judge(network)


def test_interrupted_in_a_validation_it_is_made_again(tmp_path: Path) -> None:
    recipe = make_recipe()
    whole = whole_run(tmp_path / "whole", recipe)
    trainer = make_trainer(tmp_path / "run", recipe, InterruptedJudge())
    with pytest.raises(KeyboardInterrupt):
        trainer.run(make_batches(recipe), silent)
    values = load_checkpoint(tmp_path / "run" / "last.pt")
    assert values["step"] == 8 and [e["step"] for e in json.loads(values["history"])] == [4]
    assert_same(whole, resumed(tmp_path / "run", recipe))
    assert_same_files(tmp_path / "whole", tmp_path / "run")


def test_interrupted_in_the_last_validation(tmp_path: Path) -> None:
    recipe = make_recipe(validate_every=12)
    trainer = make_trainer(tmp_path / "run", recipe, InterruptedJudge())
    trainer._validator.n_judged = 1
    with pytest.raises(KeyboardInterrupt):
        trainer.run(make_batches(recipe), silent)
    assert not (tmp_path / "run" / "best.pt").exists()
    assert resumed(tmp_path / "run", recipe).step == 12
    assert load_checkpoint(tmp_path / "run" / "best.pt")["step"] == 12


def test_a_finished_run_trains_no_more(tmp_path: Path) -> None:
    recipe = make_recipe()
    whole_run(tmp_path, recipe)
    before = (tmp_path / "last.pt").read_bytes()
    judge = WeightJudge()
    trainer = make_trainer(tmp_path, recipe, judge)
    trainer.resume()
    trainer.run(iter(()), silent)
    assert (tmp_path / "last.pt").read_bytes() == before and judge.n_judged == 0


def test_any_error_outside_a_step_saves_first(tmp_path: Path) -> None:
    recipe = make_recipe()
    whole = whole_run(tmp_path / "whole", recipe)
    trainer = make_trainer(tmp_path / "run", recipe)
    died = RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. ")
    with pytest.raises(DataError, match="a process that makes batches died.*signal: Killed"):
        trainer.run(stopped_by(make_batches(recipe), 3, died), silent)
    assert trainer.safe_step == 3
    assert_same(whole, resumed(tmp_path / "run", recipe))


def test_an_error_inside_a_step_does_not_save_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = make_recipe(save_every=2)
    whole = whole_run(tmp_path / "whole", recipe)
    inner = Learner.step

    def step(self: Learner, batches: Any, number: int) -> float:
        loss = inner(self, batches, number)
        if number == 6:
            raise RuntimeError("out of memory")
        return loss

    monkeypatch.setattr(Learner, "step", step)
    trainer = make_trainer(tmp_path / "run", recipe)
    with pytest.raises(RuntimeError, match="out of memory"):
        trainer.run(make_batches(recipe), silent)
    assert load_checkpoint(tmp_path / "run" / "last.pt")["step"] == 6
    monkeypatch.setattr(Learner, "step", inner)
    assert_same(whole, resumed(tmp_path / "run", recipe))


def test_a_loss_that_is_no_number_ends_the_run_and_spoils_nothing(tmp_path: Path) -> None:
    recipe = make_recipe(save_every=1)

    def batches() -> Iterator[Batch]:
        for number, batch in enumerate(make_batches(recipe)):
            yield Batch(batch.inputs * (float("nan") if number == 2 else 1.0), batch.windows, batch.labels)

    trainer = make_trainer(tmp_path, recipe)
    with pytest.raises(ConfigError, match="the loss is nan at step 3 with training.learning_rate 0.002"):
        trainer.run(batches(), silent)
    values = load_checkpoint(tmp_path / "last.pt")
    assert values["step"] == 2 and all(bool(v.isfinite().all()) for v in values["network"].values())


def test_best_is_the_latest_of_the_lowest_cost_and_survives_a_resume(tmp_path: Path) -> None:
    recipe = make_recipe(steps=4, validate_every=1)

    class Costs(WeightJudge):
        def judge(self, network: Any) -> Outcome:
            outcome = super().judge(network)
            object.__setattr__(outcome, "cost", costs.pop(0))
            return outcome

    costs = [0.5, 0.2]
    trainer = make_trainer(tmp_path, recipe, Costs())
    with pytest.raises(KeyboardInterrupt):
        trainer.run(stopped_by(make_batches(recipe), 2, KeyboardInterrupt()), silent)
    costs = [0.3, 0.2]
    trainer = make_trainer(tmp_path, recipe, Costs())
    trainer.resume()
    reports: list[StepReport] = []
    trainer.run(make_batches(recipe, 2), reports.append)
    assert load_checkpoint(tmp_path / "best.pt")["step"] == 4
    assert [(r.step, r.outcome.cost) for r in reports if r.outcome] == [(3, 0.3), (4, 0.2)]
    assert (tmp_path / "curves.png").read_text() == "4 4"


def test_a_lost_best_network_is_replaced(tmp_path: Path) -> None:
    recipe, lines = make_recipe(), []
    whole_run(tmp_path, recipe)
    best = load_checkpoint(tmp_path / "best.pt")
    (tmp_path / "best.pt").write_bytes(b"?")
    trainer = make_trainer(tmp_path, recipe, on_notice=lines.append)
    trainer.resume()
    assert len(lines) == 1 and "the network of step 12 takes its place" in lines[0]
    again = load_checkpoint(tmp_path / "best.pt")
    assert again["step"] == 12 and again["spec"] == (best["spec"] if best["step"] == 12 else again["spec"])


def test_resume_names_what_differs(tmp_path: Path) -> None:
    whole_run(tmp_path, make_recipe())
    trainer = make_trainer(tmp_path, make_recipe(steps=20, learning_rate=1e-3))
    with pytest.raises(CheckpointError, match=r"training.learning_rate: 0.002 -> 0.001, training.steps: 12 -> 20"):
        trainer.resume()
    lines: list[str] = []
    recipe = make_recipe(workers=3, save_every=7, mixed_precision="no")
    trainer = make_trainer(tmp_path, recipe, on_notice=lines.append)
    trainer.resume()
    assert [line.split(":")[0] for line in lines] == ["goes on with training.mixed_precision"]


def test_resume_with_other_recordings_says_so(tmp_path: Path) -> None:
    recipe, lines = make_recipe(), []
    whole_run(tmp_path, recipe)
    trainer = make_trainer(tmp_path, recipe, on_notice=lines.append)
    trainer._spec.training["train"] = {"clips": 4}
    trainer.resume()
    assert len(lines) == 1 and lines[0].startswith("goes on with other recordings than before: the result is not")


def test_a_run_of_two_processes_goes_on_in_one_and_says_so(tmp_path: Path) -> None:
    recipe, lines = make_recipe(), []
    whole_run(tmp_path, recipe)
    path = tmp_path / "last.pt"
    values = load_checkpoint(path)
    # As two processes leave it: the states of all streams, and chance once for each.
    values |= {"processes": 2, "rng": values["rng"].repeat(2, 1), "generators": values["generators"].repeat(2, 1)}
    loop.write_whole(path, loop.encode_checkpoint(values))
    trainer = make_trainer(tmp_path, recipe, on_notice=lines.append)
    trainer.resume()
    assert len(lines) == 1 and lines[0].startswith("goes on with 1 processes after 2, or elsewhere: the result is not")
    assert [len(state) for state in trainer.learner.state()["states"]] == [8, 8]


@pytest.mark.parametrize("compression", ["log", "pcen"])
def test_the_size_of_a_checkpoint_is_known_in_advance(tmp_path: Path, compression: str) -> None:
    recipe = make_recipe(compression, batch_size=512, steps=2)
    trainer = make_trainer(tmp_path, recipe)
    expected = trainer.checkpoint_bytes
    trainer.run(make_batches(recipe), silent)
    actual = (tmp_path / "last.pt").stat().st_size
    assert actual <= expected <= actual + 100_000


class Disk:
    """A disk that is full for some time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_full = False
        inner = os.fsync

        def fsync(number: int) -> None:
            if self.is_full:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            inner(number)

        monkeypatch.setattr(os, "fsync", fsync)


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, lines, disk = make_recipe(save_every=1), [], Disk(monkeypatch)
    whole = whole_run(tmp_path / "whole", recipe)
    trainer = make_trainer(tmp_path / "run", recipe, on_notice=lines.append)

    def on_progress(report: StepReport) -> None:
        # Full from the save of step 3 on, over the validation of step 4, with room again for that of step 7.
        disk.is_full = 2 <= report.step < 6

    trainer.run(make_batches(recipe), on_progress)
    assert len(lines) == 2, lines
    assert "last.pt: cannot be written (No space left on device); training goes on" in lines[0]
    assert "step 2 is safe on disk" in lines[0]
    assert lines[1] == "can be written again: step 7 is saved"
    assert_same(whole, trainer)
    assert_same_files(tmp_path / "whole", tmp_path / "run")
    assert not list((tmp_path / "run").glob(".*.tmp"))


def test_a_disk_that_stays_full_is_waited_for_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, lines, disk = make_recipe(), [], Disk(monkeypatch)
    whole_run(tmp_path / "whole", recipe)
    trainer = make_trainer(tmp_path / "run", recipe, on_notice=lines.append)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        disk.is_full = len(waits) < 3

    trainer._saver._sleep = sleep
    disk.is_full = True
    trainer.run(make_batches(recipe), silent)
    assert waits == [saving.RETRY_S] * 3
    assert "training is done" in lines[-2] and "nothing is saved yet" in lines[-2]
    assert lines[-1] == "can be written again: step 12 is saved"
    assert_same_files(tmp_path / "whole", tmp_path / "run")


def test_ctrl_c_ends_the_wait_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe, disk = make_recipe(), Disk(monkeypatch)
    trainer = make_trainer(tmp_path, recipe)

    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    trainer._saver._sleep = sleep
    disk.is_full = True
    with pytest.raises(KeyboardInterrupt):
        trainer.run(make_batches(recipe), silent)
    assert trainer.safe_step is None and list(tmp_path.iterdir()) == []
