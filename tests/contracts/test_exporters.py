"""What every export target must honour for every preset; a new one is tested without another line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export import EXPORTERS, Exporter, export_model
from export.parity import Artefact, synthetic_signals
from kws.config import DecisionConfig, FrontEndConfig
from kws.errors import ConfigError, ParityError
from kws.features import clip_features
from kws.graph import Graph, run_graph, zero_states
from kws.models import PRESETS, StreamingModel, build_model
from kws.spec import ModelSpec

KEYWORDS = ("computer", "lights on")
INPUTS = ("features", "samples")
TOLERANCE = {"features": 1e-4, "samples": 5e-3}


@dataclasses.dataclass(frozen=True)
class Trained:
    """A network with random weights, and what describes it."""

    spec: ModelSpec
    model: StreamingModel


def make_trained(preset: str, **front_end: object) -> Trained:
    torch.manual_seed(0)
    config = FrontEndConfig(**front_end)  # type: ignore[arg-type]
    model = build_model(PRESETS[preset], config.n_bands, len(KEYWORDS)).eval()
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm1d)):
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    rules = {KEYWORDS[1]: DecisionConfig(threshold=0.4, smoothing_steps=3)}
    spec = ModelSpec("test", KEYWORDS, config, PRESETS[preset], model.step_frames, decision=rules)
    return Trained(spec, model)


@pytest.fixture(params=PRESETS, scope="module")
def trained(request: pytest.FixtureRequest) -> Trained:
    return make_trained(request.param)


@pytest.fixture(params=EXPORTERS, scope="module")
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=INPUTS)
def opened(request: pytest.FixtureRequest, trained: Trained, target: str, tmp_path: Path) -> Artefact:
    path = tmp_path / f"model.{target}"
    export_model(trained.spec, trained.model, path, target, model_input=request.param)
    return EXPORTERS[target].open(path)


def noise(batch: int, spec: ModelSpec, steps: int = 24) -> np.ndarray:
    rng = np.random.default_rng(3)
    level = rng.uniform(0.01, 0.3, (batch, 1))
    return (level * rng.standard_normal((batch, steps * spec.step_samples))).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("steps_per_chunk", [1, 2, 5, 24])
def test_scores_and_states_in_any_chunks(trained: Trained, opened: Artefact, batch: int, steps_per_chunk: int) -> None:
    samples = noise(batch, trained.spec)
    features = clip_features(samples, trained.spec.front_end)
    graph = trained.model.to_graph()
    expected, expected_states = run_graph(graph, features, zero_states(graph, batch))
    inputs = features if opened.spec.input == "features" else samples
    chunk = steps_per_chunk * (inputs.shape[1] // 24)
    scores = [opened.run(inputs[:, start : start + chunk]) for start in range(0, inputs.shape[1], chunk)]
    tolerance = TOLERANCE[opened.spec.input]
    assert np.abs(np.concatenate(scores, axis=1) - expected).max() <= tolerance
    for want, have in zip(expected_states, opened.states[-len(expected_states) :], strict=True):
        assert np.abs(want - have).max() <= tolerance * max(1.0, np.abs(want).max())


def test_scores_equal_torch(trained: Trained, opened: Artefact) -> None:
    samples = noise(2, trained.spec)
    features = clip_features(samples, trained.spec.front_end)
    with torch.inference_mode():
        logits, _ = trained.model(torch.from_numpy(features), trained.model.initial_state(2))
    scores = opened.run(features if opened.spec.input == "features" else samples)
    assert scores.shape == logits.shape
    assert np.abs(scores - torch.sigmoid(logits).numpy()).max() <= TOLERANCE[opened.spec.input]


def test_the_file_describes_itself(trained: Trained, opened: Artefact) -> None:
    spec = opened.spec
    assert dataclasses.replace(spec, states=(), input="features") == trained.spec
    shapes = [tuple(s.shape[1:]) for s in trained.model.initial_state(1)]
    assert [s.shape for s in spec.states[-len(shapes) :]] == shapes


def test_digital_silence_keeps_the_front_end_states_at_zero(opened: Artefact) -> None:
    spec = opened.spec
    shape = (1, 3 * spec.step_samples) if spec.input == "samples" else (1, 3 * spec.step_frames, spec.front_end.n_bands)
    opened.run(np.zeros(shape, np.float32))
    # The first state holds samples, or features: both are exactly zero in silence.
    assert not opened.states[0].any()


@pytest.mark.parametrize(
    "settings",
    [
        dict(compression="pcen"),
        dict(compression="pcen", window_samples=160, n_bands=12),
        dict(window_samples=400, n_bands=12),
        dict(window_samples=401, n_fft=401, hop_samples=97, n_bands=12),
        dict(scale="linear", n_bands=101, f_min_hz=0.0, f_max_hz=8000.0),
        dict(window_samples=320, hop_samples=320),
    ],
    ids=str,
)
def test_every_front_end_passes_the_gate_inside(target: str, settings: dict[str, object], tmp_path: Path) -> None:
    made = make_trained("tcn", **settings)
    audio = [noise(1, made.spec)[0]]
    report = export_model(made.spec, made.model, tmp_path / f"m.{target}", target, audio, "samples")
    # Far inside what the gate accepts: the gate leaves room for other processors, not for errors.
    assert report.max_score_error <= 5e-4


def test_report(trained: Trained, target: str, tmp_path: Path) -> None:
    path = tmp_path / f"model.{target}"
    recording = noise(1, trained.spec, 50)[0]
    report = export_model(trained.spec, trained.model, path, target, [recording, recording[:5]])
    whole = (len(recording) + sum(map(len, synthetic_signals().values()))) / 16_000
    assert report.audio_s == pytest.approx(whole, abs=0.5)
    assert report.size_bytes == path.stat().st_size
    assert report.events_equal
    assert 0.0 <= report.max_score_error <= TOLERANCE["samples"]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_same_network_same_bytes(trained: Trained, target: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_model(trained.spec, trained.model, tmp_path / f"{name}.{target}", target)
    assert (tmp_path / f"a.{target}").read_bytes() == (tmp_path / f"b.{target}").read_bytes()


def tampering(exporter: Exporter, change: float) -> Exporter:
    """Return the exporter with a writer that gets one weight of the first layer wrong."""

    def write(spec: ModelSpec, graph: Graph, path: Path) -> None:
        first = graph.operations[0]
        weight = first.weight.copy()  # type: ignore[union-attr]
        weight.flat[0] += change
        broken = dataclasses.replace(first, weight=weight)  # type: ignore[type-var]
        exporter.write(spec, dataclasses.replace(graph, operations=(broken, *graph.operations[1:])), path)

    return dataclasses.replace(exporter, write=write)


@pytest.mark.parametrize("model_input", INPUTS)
@pytest.mark.parametrize("change", [3.0, float("nan")])
def test_a_tampered_weight_is_found_and_no_file_is_left(
    trained: Trained, target: str, model_input: str, change: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXPORTERS, target, tampering(EXPORTERS[target], change))
    with pytest.raises(ParityError, match=rf"^model\.{target} was not written: "):
        export_model(trained.spec, trained.model, tmp_path / f"model.{target}", target, model_input=model_input)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_stood_there_survives_a_failure(
    trained: Trained, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / f"model.{target}"
    path.write_bytes(b"the old one")
    monkeypatch.setitem(EXPORTERS, target, tampering(EXPORTERS[target], 3.0))
    with pytest.raises(ParityError):
        export_model(trained.spec, trained.model, path, target)
    assert path.read_bytes() == b"the old one"


def test_a_spec_of_another_network_is_refused(trained: Trained, target: str, tmp_path: Path) -> None:
    for wrong in (
        dataclasses.replace(trained.spec, step_frames=trained.spec.step_frames + 1),
        dataclasses.replace(trained.spec, keywords=("one",), decision={}),
        dataclasses.replace(trained.spec, front_end=FrontEndConfig(n_bands=13)),
    ):
        with pytest.raises(ConfigError, match="the spec says"):
            export_model(wrong, trained.model, tmp_path / f"model.{target}", target)
    assert list(tmp_path.iterdir()) == []
