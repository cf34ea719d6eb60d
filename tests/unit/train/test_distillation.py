"""Distillation: the loss by hand, and teachers that do not fit."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from kws.config import FrontEndConfig, ModelConfig
from kws.errors import CheckpointError, ConfigError
from kws.spec import ModelSpec
from kws.train.checkpoint import encode_checkpoint
from kws.train.distillation import Teachers, distillation_loss
from kws.train.network import Network

SPEC = ModelSpec(
    name="small",
    keywords=("word",),
    front_end=FrontEndConfig(),
    model=ModelConfig("conv_gru", {"n_filters": 4, "n_hidden": 4, "n_layers": 1}),
    step_frames=4,
)


def teacher(folder: Path, spec: ModelSpec, seed: int) -> str:
    torch.manual_seed(seed)
    path = folder / f"teacher-{seed}.pt"
    path.write_bytes(encode_checkpoint({"spec": spec.to_dict(), "ema": Network(spec).model.state_dict()}))
    return str(path)


def test_steps_with_and_without_a_word_weigh_the_same() -> None:
    # One step at which the teacher is sure of the word, three at which it is sure of none.
    taught = torch.tensor([40.0, -40.0, -40.0, -40.0]).reshape(1, 4, 1)
    loss = distillation_loss(torch.tensor([0.0, 2.0, 2.0, 2.0]).reshape(1, 4, 1), taught)
    assert float(loss) == pytest.approx(0.5 * (math.log(2.0) + math.log1p(math.exp(2.0))), abs=1e-5)


def test_the_teachers_own_logits_are_the_best() -> None:
    taught = torch.randn(2, 9, 1, generator=torch.Generator().manual_seed(0))
    logits = taught.clone().requires_grad_()
    distillation_loss(logits, taught).backward()
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) < 1e-7


def test_teachers_are_averaged_and_do_not_learn(tmp_path: Path) -> None:
    paths = [teacher(tmp_path, SPEC, seed) for seed in (1, 2)]
    inputs = torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(0))
    both = Teachers(paths, SPEC)
    one, two = (Teachers([path], SPEC)(inputs) for path in paths)
    torch.testing.assert_close(both(inputs), (one + two) / 2)
    assert not any(p.requires_grad for p in both.parameters())
    assert not both.training


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keywords": ("other",)}, "has keywords"),
        ({"front_end": FrontEndConfig(n_bands=32)}, "another front-end"),
        ({"step_frames": 2, "model": ModelConfig("conv_gru", {**SPEC.model.settings, "stride": 2})}, "step_samples"),
    ],
)
def test_a_teacher_of_something_else_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = teacher(tmp_path, dataclasses.replace(SPEC, **change), 1)
    with pytest.raises(ConfigError, match=message):
        Teachers([path], SPEC)


def test_a_missing_teacher_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.pt: no such checkpoint"):
        Teachers([str(tmp_path / "none.pt")], SPEC)
