"""Several processes on CPUs: together they make the step that one makes of the same streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kws.errors import ConfigError
from kws.train.processes import Processes
from kws.train.recipe import TrainingConfig

ROOT = Path(__file__).parents[3]
SCRIPT = "tests.unit.train.gradient_of_a_step"


def step(path: Path, n_processes: int, *settings: str) -> dict[str, torch.Tensor]:
    command = [sys.executable, "-m", SCRIPT]
    if n_processes > 1:
        launch = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", str(n_processes)]
        command = [sys.executable, *launch, "--main_process_port", "0", "-m", SCRIPT]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [*command, str(path), *settings], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    assert int(found["count"]) == n_processes
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    """One process that computes the streams of a step in two parts."""
    return step(tmp_path_factory.mktemp("alone") / "found.pt", 1, "accumulate_batches=2")


def distance(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], start: str = "") -> float:
    """Return the largest difference of the first gradients (and the loss), or of the weights three steps later."""
    # Before batch norm a bias has no gradient but rounding, of which AdamW makes whole steps.
    left_out = ("running", "num_batches", "conv.conv.bias")
    names = [n for n in one if n.startswith(start) and not any(word in n for word in left_out)]
    names = [n for n in names if start or not n.startswith(("spread", "count", "then"))]
    assert len(names) > 8
    return max(float((one[name] - other[name]).abs().max()) for name in names)


def test_two_processes_make_the_gradient_of_one(tmp_path: Path, alone: dict[str, torch.Tensor]) -> None:
    # Batch norm included: each process normalises its own half, as one process does each of its two parts.
    together = step(tmp_path / "found.pt", 2)
    assert distance(together, alone) < 1e-6
    assert distance(together, alone, "then") < 1e-6
    # The weights and the statistics that are used agree; running statistics are the main process's, sent at each step.
    spreads = {name: float(value) for name, value in together.items() if name.startswith("spread")}
    assert all(value == 0.0 for name, value in spreads.items() if "running" not in name)


@pytest.mark.parametrize(("hook", "most"), [("fp16", 2e-3), ("power_sgd", 1e-6)])
def test_hooks_are_registered_by_the_recipe(
    tmp_path: Path, alone: dict[str, torch.Tensor], hook: str, most: float
) -> None:
    # PowerSGD exchanges plain gradients for its first two steps; the third is of low rank.
    found = step(tmp_path / "found.pt", 2, f"comm_hook={hook}", "power_sgd_start_step=2")
    assert distance(found, alone) < most
    assert distance(found, alone, "then") > 1e-6


def test_settings_that_the_machine_cannot() -> None:
    with pytest.raises(ConfigError, match="mixed_precision is 'fp16', which a CPU cannot"):
        Processes(TrainingConfig(mixed_precision="fp16"), cpu=True)
    with pytest.raises(ConfigError, match="training.comm_hook is 'fp17' .did you mean 'fp16'"):
        TrainingConfig(comm_hook="fp17")


def test_one_process_that_was_meant_to_be_several_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    processes = Processes(TrainingConfig(), cpu=True)
    assert processes.warning == "" and processes.is_main and processes.count == 1
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    assert "--multi_gpu --num_processes N train.py" in processes.warning


def test_alone_nothing_is_exchanged() -> None:
    processes = Processes(TrainingConfig(), cpu=True)
    assert processes.agree(0.25, True, False) == (0.25, True, False)
    tensor = torch.arange(6).reshape(3, 2)
    assert torch.equal(processes.gather(tensor), tensor) and processes.broadcast("x") == "x"
    assert torch.equal(processes.share(tensor), tensor)
