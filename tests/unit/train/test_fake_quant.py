"""Rounding as int8 does it, in training: numbers by hand, gradients, and the network around it."""

from __future__ import annotations

import copy
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from export.quantize import quantize_weight
from kws.config import FrontEndConfig, ModelConfig
from kws.errors import CheckpointError, ConfigError
from kws.graph import Ranges, calibrate, run_graph
from kws.models import PRESETS, StreamingModel, build_model
from kws.spec import ModelSpec
from kws.train.checkpoint import save_checkpoint
from kws.train.data_config import DataConfig
from kws.train.fake_quant import Int8Arithmetic, apply_qat, open_start
from kws.train.network import Network
from kws.train.recipe import QuantisationConfig, Recipe, TrainingConfig
from kws.train.tensor_graph import TensorBuilder, run_tensors

N_BANDS = 40


class Untouched:
    """A rounding that leaves everything as it is."""

    def value(self, name: str, x: Tensor) -> Tensor:
        return x

    def unit(self, x: Tensor) -> Tensor:
        return x

    def gate(self, x: Tensor) -> Tensor:
        return x

    def weight(self, weight: Tensor, output_axis: int | None) -> Tensor:
        return weight


def network(preset: str) -> StreamingModel:
    torch.manual_seed(0)
    model = build_model(PRESETS[preset], N_BANDS, 2)
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm1d)):
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)
    return model


def features(model: StreamingModel, n_steps: int = 6) -> Tensor:
    return 4 * torch.rand(2, n_steps * model.step_frames, N_BANDS)


@pytest.mark.parametrize("preset", PRESETS)
def test_tensors_compute_what_the_numpy_graph_does(preset: str) -> None:
    # In training mode too: norms are folded as they are on a device.
    model = network(preset).train()
    x, states = features(model), [s + 0.3 for s in model.initial_state(2)]
    logits, new = run_tensors(model.to_graph(TensorBuilder()), x, states, Untouched())
    scores, expected = run_graph(model.to_graph(), x.numpy(), [s.numpy() for s in states])
    np.testing.assert_allclose(torch.sigmoid(logits).detach().numpy(), scores, atol=1e-5)
    for have, want in zip(new, expected, strict=True):
        np.testing.assert_allclose(have.detach().numpy(), want, atol=2e-5)


@pytest.mark.parametrize("preset", ["crnn", "compact", "tcn", "bc"])
def test_gradients_reach_every_parameter_through_the_rounding(preset: str) -> None:
    model = network(preset)
    x = features(model)
    arithmetic = Int8Arithmetic(calibrate(model.eval().to_graph(), list(x.numpy())))
    logits, _ = arithmetic(model, x, model.initial_state(2))
    exact, _ = model(x, model.initial_state(2))
    # Close to what it stands for, and not the same.
    assert 0 < (logits - exact).abs().max() < 0.25 * exact.abs().max()
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_values_by_hand() -> None:
    arithmetic = Int8Arithmetic(Ranges({"v": (-1.0, 254.0), "g.reset_sum": (-100.0, 100.0), "none": (0.0, 0.0)}))
    x = torch.tensor([-3.0, -1.0, -0.4, 0.0, 0.6, 253.7, 300.0], requires_grad=True)
    y = arithmetic.value("v", x)
    assert y.tolist() == [-1.0, -1.0, 0.0, 0.0, 1.0, 254.0, 254.0]
    y.sum().backward()
    # Straight through inside the range, nothing beyond it.
    assert x.grad is not None and x.grad.tolist() == [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0]
    # What goes into a sigmoid is not looked at beyond 8.
    assert arithmetic.value("g.reset_sum", torch.tensor([50.0])).item() == pytest.approx(8.0, abs=16 / 255)
    assert arithmetic.value("none", torch.zeros(1)).item() == 0.0
    assert arithmetic.unit(torch.tensor([-1.0, 0.004, 1.0])).tolist() == [-1.0, 1 / 128, 127 / 128]
    assert arithmetic.gate(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0.0, 0.5, 255 / 256]


@pytest.mark.parametrize("output_axis", [None, 0])
def test_weights_are_those_of_the_export(output_axis: int | None) -> None:
    weight = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
    rounded = Int8Arithmetic(Ranges({})).weight(weight, output_axis)
    integers, scale = quantize_weight(weight.detach().numpy(), output_axis)
    np.testing.assert_allclose(rounded.detach().numpy(), integers * scale, rtol=1e-6)
    rounded.sum().backward()
    assert weight.grad is not None and bool((weight.grad == 1).all())


SPEC = ModelSpec("word", ("word",), model=PRESETS["compact"], step_frames=4)


def checkpoint(path: Path, spec: ModelSpec = SPEC) -> QuantisationConfig:
    torch.manual_seed(1)
    save_checkpoint(path, {"spec": spec.to_dict(), "ema": Network(spec).model.state_dict()})
    return QuantisationConfig(str(path))


def audio() -> list[np.ndarray]:
    return [np.random.default_rng(0).uniform(-0.3, 0.3, 16_000).astype(np.float32)]


def test_a_network_with_the_arithmetic_keeps_the_names_of_its_weights(tmp_path: Path) -> None:
    start = open_start(checkpoint(tmp_path / "best.pt"), SPEC, audio())
    rounded = Network(SPEC, start.arithmetic)
    assert rounded.state_dict().keys() == Network(SPEC).state_dict().keys()
    rounded.load_state_dict(start.network.state_dict())
    x = 4 * torch.rand(2, 40, N_BANDS)
    with torch.no_grad():
        logits, exact = rounded(x)[0], start.network(x)[0]
        assert 0 < (logits - exact).abs().max() < 0.1
        # The average of weights is a copy, and is judged with the same rounding.
        assert torch.equal(copy.deepcopy(rounded)(x)[0], logits)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keywords": ("other",)}, r"checkpoint .*best.pt has keywords \('other',\)"),
        ({"front_end": FrontEndConfig(f_max_hz=4000.0)}, "has another front-end"),
        ({"model": ModelConfig("conv_gru", {**PRESETS["compact"].settings, "n_hidden": 32})}, "has the network"),
    ],
)
def test_another_network_is_refused(changes: dict[str, object], message: str, tmp_path: Path) -> None:
    config = checkpoint(tmp_path / "best.pt", dataclasses.replace(SPEC, **changes))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        open_start(config, SPEC, audio())


def test_a_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such checkpoint"):
        open_start(QuantisationConfig(str(tmp_path / "none.pt")), SPEC, audio())


def test_recipe_of_a_fine_tune() -> None:
    recipe = Recipe("word", DataConfig(".", {"word": ("w",)}, ("others",)), training=TrainingConfig(steps=4000))
    tuned = apply_qat(recipe, Path("runs/best.pt")).training
    assert (tuned.steps, tuned.warm_up_steps, tuned.validate_every) == (500, 50, 125)
    assert tuned.learning_rate == pytest.approx(2e-4)
    assert (tuned.loss.warm_up_share, tuned.quantisation.start) == (0.0, "runs/best.pt")
    short = apply_qat(dataclasses.replace(recipe, training=TrainingConfig(steps=3)), Path("best.pt")).training
    assert (short.steps, short.warm_up_steps, short.validate_every) == (1, 0, 1)
    assert math.isclose(short.loss.negative_weight, recipe.training.loss.negative_weight)
