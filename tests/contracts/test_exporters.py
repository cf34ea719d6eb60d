"""What every export target must honour for every preset; a new one is tested without another line."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export import EXPORTERS, Exporter, Job, Trained, export_model
from export.parity import Artefact, Tolerance
from export.targets import FLOAT
from export.trained import synthetic_signals
from kws.config import DecisionConfig, FrontEndConfig
from kws.errors import ConfigError, ParityError
from kws.features import clip_features
from kws.graph import run_graph, zero_states
from kws.models import PRESETS, StreamingModel, build_model
from kws.spec import ModelSpec

KEYWORDS = ("computer", "lights on")
FORMS = [(target, takes) for target, exporter in EXPORTERS.items() for takes in exporter.inputs]
"""Every target with each of its inputs."""
OPENED = [(target, runtime, takes) for target, takes in FORMS for runtime in EXPORTERS[target].runtimes]
"""And in each of its runtimes."""


@dataclasses.dataclass(frozen=True)
class Made:
    """A network with random weights, and what describes it."""

    spec: ModelSpec
    model: StreamingModel

    @property
    def trained(self) -> Trained:
        return Trained.of_model(self.spec, self.model)


def make_trained(preset: str, **front_end: object) -> Made:
    torch.manual_seed(0)
    config = FrontEndConfig(**front_end)  # type: ignore[arg-type]
    model = build_model(PRESETS[preset], config.n_bands, len(KEYWORDS)).eval()
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm1d)):
        nn.init.uniform_(norm.running_mean, -0.5, 0.5)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    rules = {KEYWORDS[1]: DecisionConfig(threshold=0.4, smoothing_steps=3)}
    spec = ModelSpec("test", KEYWORDS, config, PRESETS[preset], model.step_frames, decision=rules)
    return Made(spec, model)


@pytest.fixture(params=PRESETS, scope="module")
def made(request: pytest.FixtureRequest) -> Made:
    return make_trained(request.param)


@pytest.fixture(params=EXPORTERS, scope="module")
def target(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@dataclasses.dataclass(frozen=True)
class Opened:
    """An exported file in one of its runtimes, and what it may differ by."""

    artefact: Artefact
    tolerance: Tolerance


@pytest.fixture(params=OPENED, ids="-".join, scope="module")
def opened_once(request: pytest.FixtureRequest, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    target, runtime, takes = request.param
    path, exporter = tmp_path_factory.mktemp("exported") / name_of(target), EXPORTERS[target]
    export_model(made.trained, path, target, [noise(1, made.spec)[0]], takes)
    return Opened(exporter.runtimes[runtime](path), exporter.tolerances[takes])


@pytest.fixture
def opened(opened_once: Opened) -> Opened:
    """Return the file as it is when it has just been opened: exported once, and asked by many tests."""
    opened_once.artefact.reset()
    return opened_once


def is_exact(target: str) -> bool:
    return EXPORTERS[target].tolerances is FLOAT


def name_of(target: str) -> str:
    return f"model{EXPORTERS[target].suffix}"


def noise(batch: int, spec: ModelSpec, steps: int = 24) -> np.ndarray:
    rng = np.random.default_rng(3)
    level = rng.uniform(0.01, 0.3, (batch, 1))
    return (level * rng.standard_normal((batch, steps * spec.step_samples))).astype(np.float32)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("steps_per_chunk", [1, 2, 5, 24])
def test_scores_and_states_in_any_chunks(made: Made, opened: Opened, batch: int, steps_per_chunk: int) -> None:
    samples = noise(batch, made.spec)
    features = clip_features(samples, made.spec.front_end)
    graph = made.model.to_graph()
    expected, expected_states = run_graph(graph, features, zero_states(graph, batch))
    artefact, tolerance = opened.artefact, opened.tolerance
    inputs = features if artefact.spec.input == "features" else samples
    chunk = steps_per_chunk * (inputs.shape[1] // 24)
    scores = [artefact.run(inputs[:, start : start + chunk]) for start in range(0, inputs.shape[1], chunk)]
    assert np.abs(np.concatenate(scores, axis=1) - expected).max() <= tolerance.score
    assert bool(artefact.states) == bool(artefact.spec.states)
    for want, have in zip(expected_states, artefact.states[-len(expected_states) :], strict=False):
        assert np.abs(want - have).max() <= tolerance.state * max(1.0, np.abs(want).max())


def test_scores_equal_torch(made: Made, opened: Opened) -> None:
    samples = noise(2, made.spec)
    features = clip_features(samples, made.spec.front_end)
    with torch.inference_mode():
        logits, _ = made.model(torch.from_numpy(features), made.model.initial_state(2))
    scores = opened.artefact.run(features if opened.artefact.spec.input == "features" else samples)
    assert scores.shape == logits.shape
    assert np.abs(scores - torch.sigmoid(logits).numpy()).max() <= opened.tolerance.score


def test_the_file_describes_itself(made: Made, opened: Opened) -> None:
    spec = opened.artefact.spec
    assert dataclasses.replace(spec, states=(), input="features") == made.spec
    shapes = [tuple(s.shape[1:]) for s in made.model.initial_state(1)]
    assert [s.shape for s in spec.states[-len(shapes) :]] == shapes


def test_digital_silence_keeps_the_front_end_states_at_zero(opened: Opened) -> None:
    spec = opened.artefact.spec
    shape = (1, 3 * spec.step_samples) if spec.input == "samples" else (1, 3 * spec.step_frames, spec.front_end.n_bands)
    opened.artefact.run(np.zeros(shape, np.float32))
    # The first state holds samples, or features: both are exactly zero in silence.
    assert not opened.artefact.states[0].any()


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
@pytest.mark.parametrize("target", [target for target, takes in FORMS if takes == "samples"])
def test_every_front_end_passes_the_gate_inside(target: str, settings: dict[str, object], tmp_path: Path) -> None:
    made = make_trained("tcn", **settings)
    audio = [noise(1, made.spec)[0]]
    reports = export_model(made.trained, tmp_path / name_of(target), target, audio, "samples")
    # Far inside what the gate accepts: the gate leaves room for other processors, not for errors.
    bound = 5e-4 if is_exact(target) else 0.1
    assert all(report.max_score_error <= bound for report in reports.values())


def test_report(made: Made, target: str, tmp_path: Path) -> None:
    path = tmp_path / name_of(target)
    recording = noise(1, made.spec, 50)[0]
    reports = export_model(made.trained, path, target, [recording, recording[:5]])
    whole = (len(recording) + sum(map(len, synthetic_signals().values()))) / 16_000
    exporter = EXPORTERS[target]
    assert reports.keys() == exporter.runtimes.keys()
    for report in reports.values():
        assert report.audio_s == pytest.approx(whole, abs=0.5)
        assert report.size_bytes == path.stat().st_size
        assert report.events_equal
        assert report.step_us > 0.0
        assert 0.0 <= report.max_score_error <= exporter.tolerances[exporter.inputs[0]].score
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_same_network_same_bytes(made: Made, target: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_model(made.trained, tmp_path / (name + name_of(target)), target, [noise(1, made.spec)[0]])
    first, second = (path.read_bytes() for path in tmp_path.iterdir())
    assert first == second


def tampering(exporter: Exporter, change: float) -> Exporter:
    """Return the exporter with a writer that gets one weight of the first layer wrong."""

    def write(job: Job) -> None:
        first, *rest = job.graph.operations
        weight = first.weight.copy()  # type: ignore[union-attr]
        weight.flat[0] += change
        broken = dataclasses.replace(first, weight=weight)  # type: ignore[type-var]
        exporter.write(dataclasses.replace(job, graph=dataclasses.replace(job.graph, operations=(broken, *rest))))

    return dataclasses.replace(exporter, write=write)


@pytest.mark.parametrize(("target", "takes"), FORMS)
@pytest.mark.parametrize("change", [3.0, float("nan")])
def test_a_tampered_weight_is_found_and_no_file_is_left(
    made: Made, target: str, takes: str, change: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXPORTERS, target, tampering(EXPORTERS[target], change))
    with pytest.raises(ParityError, match=rf"^{re.escape(name_of(target))} was not written: "):
        export_model(made.trained, tmp_path / name_of(target), target, [noise(1, made.spec)[0]], takes)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_stood_there_survives_a_failure(
    made: Made, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name_of(target)
    path.write_bytes(b"the old one")
    monkeypatch.setitem(EXPORTERS, target, tampering(EXPORTERS[target], 3.0))
    with pytest.raises(ParityError):
        export_model(made.trained, path, target)
    assert path.read_bytes() == b"the old one"


def test_a_spec_of_another_network_is_refused(made: Made, target: str, tmp_path: Path) -> None:
    for wrong in (
        dataclasses.replace(made.spec, step_frames=made.spec.step_frames + 1),
        dataclasses.replace(made.spec, keywords=("one",), decision={}),
        dataclasses.replace(made.spec, front_end=FrontEndConfig(n_bands=13)),
    ):
        with pytest.raises(ConfigError, match="the spec says"):
            export_model(Trained.of_model(wrong, made.model), tmp_path / name_of(target), target)
    assert list(tmp_path.iterdir()) == []
