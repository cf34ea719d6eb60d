"""What every registered network family and preset must honour; a new one is tested without another line."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kws.config import ModelConfig, to_dict
from kws.errors import ConfigError
from kws.graph import run_graph, zero_states
from kws.models import MODELS, PRESETS, StreamingModel, build_model

N_FEATURES = 12
N_KEYWORDS = 2
N_STEPS = 40
CONFIGS = {**PRESETS, **{f"{name}_default": ModelConfig(name) for name in MODELS}}


@pytest.fixture(params=CONFIGS, scope="module")
def model(request: pytest.FixtureRequest) -> StreamingModel:
    torch.manual_seed(0)
    network = build_model(CONFIGS[request.param], N_FEATURES, N_KEYWORDS)
    randomise_norms(network)
    return network.eval()


def randomise_norms(network: nn.Module) -> None:
    """Give each BatchNorm statistics and weights far from its start, so that a forgotten fold is seen."""
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm1d)):
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.uniform_(norm.bias, -0.5, 0.5)


def features(model: StreamingModel, batch: int = 3, steps: int = N_STEPS) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, steps * model.step_frames, N_FEATURES, generator=generator)


def worst(left: Tensor, right: Tensor) -> float:
    assert left.shape == right.shape
    return float((left - right).abs().max()) if left.numel() else 0.0


@pytest.mark.parametrize("chunk_frames", [1, 3, 4, 7, 64])
def test_full_equals_step(model: StreamingModel, chunk_frames: int) -> None:
    x, state = features(model), model.initial_state(3)
    with torch.inference_mode():
        full, full_state = model(x, model.initial_state(3))
        outputs = []
        for chunk in x.split(chunk_frames, dim=1):
            y, state = model(chunk, state)
            outputs.append(y)
    assert worst(torch.cat(outputs, dim=1), full) <= 1e-5
    assert len(state) == len(full_state)
    assert max(map(worst, state, full_state)) <= 1e-5


def test_step_equals_full_when_it_starts_without_a_state(model: StreamingModel) -> None:
    x = features(model)
    with torch.inference_mode():
        full, _ = model(x)
        state, outputs = None, []
        for chunk in x.split(7, dim=1):
            y, state = model(chunk, state)
            outputs.append(y)
    assert worst(torch.cat(outputs, dim=1), full) <= 1e-5


def test_none_is_the_state_of_silence(model: StreamingModel) -> None:
    x = features(model)
    with torch.inference_mode():
        fresh, from_silence = model(x)[0], model(x, model.initial_state(3))[0]
    if getattr(getattr(model, "conv", None), "padding", "causal") == "valid":
        # The classic network waits for a full kernel instead, and says nothing until then.
        assert fresh.shape[1] < from_silence.shape[1]
    else:
        assert torch.equal(fresh, from_silence)
    assert all(not state.any() for state in model.initial_state(3))


def test_one_output_a_step(model: StreamingModel) -> None:
    x = features(model)
    with torch.inference_mode():
        y, state = model(x, model.initial_state(3))
    assert y.shape == (3, N_STEPS, N_KEYWORDS)
    assert [s.shape for s in state] == [s.shape for s in model.initial_state(3)]


def test_no_frames_give_no_output_and_keep_the_state(model: StreamingModel) -> None:
    with torch.inference_mode():
        _, state = model(features(model), model.initial_state(3))
        y, after = model(torch.zeros(3, 0, N_FEATURES), state)
    assert y.shape == (3, 0, N_KEYWORDS)
    assert max(map(worst, after, state)) == 0.0


def test_future_leaves_the_past_alone(model: StreamingModel) -> None:
    x, cut_steps = features(model), 17
    changed = x.clone()
    changed[:, cut_steps * model.step_frames :] += 10.0
    with torch.inference_mode():
        before, _ = model(x, model.initial_state(3))
        after, _ = model(changed, model.initial_state(3))
    assert worst(before[:, :cut_steps], after[:, :cut_steps]) <= 1e-6
    assert worst(before[:, cut_steps:], after[:, cut_steps:]) > 1e-4


def test_receptive_field_is_what_a_score_depends_on(model: StreamingModel) -> None:
    frames = model.receptive_field_frames
    # One step more than it sees; a recurrent network sees all there is.
    n_steps = 20 if frames == math.inf else math.ceil(frames / model.step_frames) + 1
    x = features(model, steps=n_steps).requires_grad_()
    model(x, model.initial_state(3))[0][:, -1].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=(0, 2)).nonzero()
    assert int(seen[0]) == (0 if frames == math.inf else x.shape[1] - int(frames))


def test_batch_items_are_independent(model: StreamingModel) -> None:
    x = features(model)
    changed = x.clone()
    changed[1] = -5.0
    with torch.inference_mode():
        before, alone = model(x)[0], model(x[2:3])[0]
        after = model(changed)[0]
    assert worst(before[[0, 2]], after[[0, 2]]) <= 1e-6
    assert worst(before[2:3], alone) <= 1e-5
    assert worst(before[1], after[1]) > 1e-4


@pytest.mark.parametrize("batch", [1, 4])
def test_graph_computes_the_same(model: StreamingModel, batch: int) -> None:
    graph, x = model.to_graph(), features(model, batch)
    states = zero_states(graph, batch)
    with torch.inference_mode():
        logits, expected_states = model(x, model.initial_state(batch))
    scores = []
    for start in range(0, x.shape[1], 3 * model.step_frames):
        y, states = run_graph(graph, x[:, start : start + 3 * model.step_frames].numpy(), states)
        scores.append(y)
    assert np.abs(np.concatenate(scores, axis=1) - torch.sigmoid(logits).numpy()).max() <= 1e-5
    for have, want in zip(states, expected_states, strict=True):
        assert np.abs(have - want.numpy()).max() <= 1e-4


def test_graph_describes_itself(model: StreamingModel) -> None:
    graph = model.to_graph()
    assert (graph.n_features, graph.n_keywords, graph.step_frames) == (N_FEATURES, N_KEYWORDS, model.step_frames)
    assert [s.shape for s in graph.states] == [tuple(s.shape[1:]) for s in model.initial_state(1)]
    assert len({s.name for s in graph.states}) == len(graph.states)


def test_gradient_reaches_every_parameter(model: StreamingModel) -> None:
    model.train()
    try:
        torch.manual_seed(2)
        logits, _ = model(features(model))
        model.zero_grad()
        (logits * torch.linspace(-1, 1, logits.numel()).reshape(logits.shape)).sum().backward()
        without = [name for name, p in model.named_parameters() if p.grad is None]
        # A BatchNorm takes the bias before it away again, so only weights must have a slope.
        flat = [name for name, p in model.named_parameters() if p.ndim > 1 and p.grad is not None and not p.grad.any()]
    finally:
        model.eval()
    assert not without
    assert not flat


@pytest.mark.parametrize("name", [name for name in PRESETS if name not in ("classic", "bc_teacher")])
def test_presets_for_devices_are_small(name: str) -> None:
    assert build_model(PRESETS[name], 40, 1).n_parameters <= 100_000


@pytest.mark.parametrize("name", ["compact", "crnn", "compact_tcn", "bc"])
def test_compact_presets_compare_families_at_one_size(name: str) -> None:
    model = build_model(PRESETS[name], 40, 1).eval()
    assert 78_000 <= model.n_parameters <= 80_000
    steps_per_s = 100 / model.step_frames
    assert model.to_graph().macs_per_step * steps_per_s <= 3e6


def test_classic_has_the_sizes_of_the_assignment() -> None:
    classic = build_model(PRESETS["classic"], 101, 1).eval()
    with torch.inference_mode():
        logits, _ = classic(torch.zeros(1, 5511, 101))
    assert logits.shape == (1, 1375, 1)
    # Conv1D 101*15*196 + 196, BatchNorm 2*196, GRU 3*(196+128+2)*128, BatchNorm, GRU 3*(128+128+2)*128,
    # BatchNorm, dense 129.
    assert classic.n_parameters == 297_136 + 392 + 125_184 + 256 + 99_072 + 256 + 129


@pytest.mark.parametrize("name", MODELS)
def test_settings_class_gives_the_family_its_defaults(name: str) -> None:
    defaults = ModelConfig(name, to_dict(MODELS[name].settings()))
    torch.manual_seed(0)
    left = build_model(ModelConfig(name), N_FEATURES, 1).state_dict()
    torch.manual_seed(0)
    right = build_model(defaults, N_FEATURES, 1).state_dict()
    assert all(torch.equal(left[key], right[key]) for key in left | right)


def test_unknown_family_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"model\.family is 'conv_gro' \(did you mean 'conv_gru'\?\)"):
        build_model(ModelConfig("conv_gro"), 40, 1)


@pytest.mark.parametrize("name", MODELS)
def test_unknown_setting_is_refused(name: str) -> None:
    right = dataclasses.fields(MODELS[name].settings)[0].name
    with pytest.raises(ConfigError, match=rf"unknown key '{right}x' in model\.settings \(did you mean '{right}'\?\)"):
        build_model(ModelConfig(name, {f"{right}x": 2}), 40, 1)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("value", [0, -1, 10**9, True, 1.5, "4", None, [4]])
def test_whole_numbers_are_checked(name: str, value: object) -> None:
    for field in dataclasses.fields(MODELS[name].settings):
        if field.type in ("int", int):
            with pytest.raises(ConfigError, match=field.name):
                build_model(ModelConfig(name, {field.name: value}), 40, 1)
