"""One step of learning: parts of a step, carried states, and what is restored."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kws.train.batches import Batch
from kws.train.learner import Learner
from kws.train.processes import Processes
from kws.train.recipe import Recipe
from tests.unit.train.runs import make_batch, make_recipe, make_spec


def make_learner(recipe: Recipe) -> Learner:
    return Learner(recipe, make_spec(recipe), Processes(recipe.training, cpu=True))


def halves(batch: Batch) -> list[Batch]:
    chunks = [tensor.chunk(2) for tensor in (batch.inputs, batch.windows, batch.labels)]
    return [Batch(*part) for part in zip(*chunks, strict=True)]


def gradients(learner: Learner) -> dict[str, torch.Tensor]:
    return {n: p.grad.clone() for n, p in learner.network.named_parameters() if p.grad is not None}


def test_parts_of_a_step_add_up_to_the_step() -> None:
    # Without what mixes streams: batch norm by its fixed statistics, no dropout, halves with as many words each.
    recipe = make_recipe(dropout=0.0, gradient_clip=1e6)
    batch, found = make_batch(0, 8), []
    for parts in ([batch], halves(batch)):
        learner = make_learner(recipe)
        norm = learner.network.model.conv_norm.eval()
        norm.train = lambda mode, norm=norm: norm  # type: ignore[method-assign, union-attr]
        loss = learner.step(parts, 0)
        found.append({**gradients(learner), "loss": torch.tensor(loss), "states": learner.state()["states"][1]})
    assert found[0].keys() == found[1].keys() and len(found[0]) > 8
    for name, whole in found[0].items():
        torch.testing.assert_close(found[1][name], whole, rtol=0.0, atol=1e-6)


def test_a_step_by_hand() -> None:
    recipe = make_recipe(dropout=0.0, gradient_clip=0.01, keep_state=1.0)
    learner, by_hand = make_learner(recipe), make_learner(recipe)
    network, optimizer = by_hand.network, by_hand._optimizer
    ends: list[torch.Tensor] = []
    for number in range(2):
        learner.step([make_batch(number, 8)], number)
        batch = make_batch(number, 8)
        network.train()
        start = None
        if number:
            order = torch.randperm(8, generator=by_hand._generator)
            torch.rand(8, generator=by_hand._generator)
            start = [state.detach()[order] for state in ends]
        logits, ends = network(batch.inputs, start)
        positive, negative = batch.labels > 0.5, (batch.windows == 0) & (batch.labels <= 0.5)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.labels, reduction="none")
        optimizer.zero_grad()
        (losses[positive].mean() + losses[negative].mean()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.01)
        # The second of two steps of warm-up has the full rate.
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = (1e-3, 2e-3)[number]
        optimizer.step()
    for mine, its in zip(learner.network.parameters(), network.parameters(), strict=True):
        torch.testing.assert_close(mine, its, rtol=0.0, atol=1e-6)
    for mine, its in zip(learner.state()["states"], ends, strict=True):
        torch.testing.assert_close(mine, its, rtol=0.0, atol=1e-6)


def test_states_of_other_processes_and_their_chance() -> None:
    recipe = make_recipe()
    learner, other = make_learner(recipe), make_learner(recipe)
    learner.step([make_batch(0, 8)], 0)
    values = learner.state()
    assert other.restore(values, 1)
    assert torch.equal(other.state()["rng"], values["rng"])
    # From two processes, chance cannot go on: it is drawn anew, from the place and not as at the start.
    assert not other.restore({**values, "processes": 2}, 1)
    anew = other.state()
    assert not torch.equal(anew["generators"], values["generators"])
    assert not torch.equal(anew["rng"], make_learner(recipe).state()["rng"])
    assert not other.restore({**values, "processes": 2}, 1) and torch.equal(other.state()["rng"], anew["rng"])


def test_bf16_trains_in_half_precision_and_keeps_full_weights(tmp_path: Path) -> None:
    script = tmp_path / "half.py"
    script.write_text(
        "from tests.unit.train.runs import *\n"
        "from tests.unit.train.test_learner import make_learner\n"
        "learner = make_learner(make_recipe(mixed_precision='bf16', dropout=0.0))\n"
        "kinds = []\n"
        "learner.network.model.conv.register_forward_hook(lambda m, i, o: kinds.append(o[0].dtype))\n"
        "first = learner.step([make_batch(0, 8)], 0)\n"
        "assert kinds == [torch.bfloat16], kinds\n"
        "assert all(p.dtype == torch.float32 for p in learner.averaged.parameters())\n"
        "learner.averaged(make_batch(0, 8).inputs)\n"
        "for number in range(1, 60): last = learner.step([make_batch(number, 8)], 5)\n"
        "assert last < 0.9 * first, (first, last)\n"
    )
    # In a process of its own: Accelerate keeps one precision a process.
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    result = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("place", [(0,), (1,), (0, 5)])
def test_chance_depends_on_process_and_place(place: tuple[int, ...]) -> None:
    learner = make_learner(make_recipe())
    learner._seed(0)
    first = torch.get_rng_state()
    learner._seed(*place)
    assert torch.equal(first, torch.get_rng_state()) == (place == (0,))
