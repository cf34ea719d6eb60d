"""What every export target must honour for every preset; a new one is tested without another line."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from export import EXPORTERS, Exporter, Job, Trained, export_model
from export.parity import Artefact, Tolerance
from export.runtimes import TfliteProcess, python_of
from export.targets import FLOAT
from export.trained import synthetic_signals
from kws.config import DecisionConfig, FrontEndConfig
from kws.errors import ConfigError, ParityError
from kws.features import clip_features
from kws.graph import Dense, run_graph, zero_states
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
    max_channels: int


@pytest.fixture(params=OPENED, ids="-".join, scope="module")
def opened_once(
    request: pytest.FixtureRequest, made: Made, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    target, runtime, takes = request.param
    path, exporter = tmp_path_factory.mktemp("exported") / name_of(target), EXPORTERS[target]
    export_model(made.trained, path, target, recordings(made.spec), takes)
    n_channels = 4 if exporter.is_for_detectors else 1
    artefact = exporter.runtimes[runtime](path)
    yield Opened(artefact, exporter.tolerances[takes], n_channels)
    if isinstance(artefact, TfliteProcess):
        artefact.close()


@pytest.fixture
def only_our_runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave those of devices to the tests of opened files: each is a process, and slow to start."""
    for name, exporter in list(EXPORTERS.items()):
        monkeypatch.setitem(EXPORTERS, name, dataclasses.replace(exporter, further={}))


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


def recordings(spec: ModelSpec) -> list[np.ndarray]:
    """Return audio on which the ranges of every value are those that the gate will meet."""
    return [noise(1, spec, 100)[0], *synthetic_signals().values()]


@pytest.mark.parametrize("runtime", sorted({name for exporter in EXPORTERS.values() for name in exporter.further}))
def test_every_runtime_of_a_device_is_installed(runtime: str) -> None:
    python_of(runtime)


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("steps_per_chunk", [1, 2, 5, 24])
def test_scores_and_states_in_any_chunks(made: Made, opened: Opened, batch: int, steps_per_chunk: int) -> None:
    batch = min(batch, opened.max_channels)
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
    samples = noise(min(2, opened.max_channels), made.spec)
    features = clip_features(samples, made.spec.front_end)
    with torch.inference_mode():
        logits, _ = made.model(torch.from_numpy(features), made.model.initial_state(len(samples)))
    scores = opened.artefact.run(features if opened.artefact.spec.input == "features" else samples)
    assert scores.shape == logits.shape
    assert np.abs(scores - torch.sigmoid(logits).numpy()).max() <= opened.tolerance.score


def test_the_file_describes_itself(made: Made, opened: Opened) -> None:
    spec = opened.artefact.spec
    assert dataclasses.replace(spec, states=(), input="features") == made.spec
    shapes = [tuple(s.shape[1:]) for s in made.model.initial_state(1)]
    # A file that keeps its states to itself tells none.
    assert [s.shape for s in spec.states[-len(shapes) :]] in (shapes, [])
    assert bool(spec.states) or opened.max_channels == 1


def test_digital_silence_keeps_the_front_end_states_at_zero(opened: Opened) -> None:
    spec = opened.artefact.spec
    shape = (1, 3 * spec.step_samples) if spec.input == "samples" else (1, 3 * spec.step_frames, spec.front_end.n_bands)
    opened.artefact.run(np.zeros(shape, np.float32))
    # The first state holds samples, or features: both are exactly zero in silence.
    assert not any(state.any() for state in opened.artefact.states[:1])


@pytest.mark.usefixtures("only_our_runtimes")
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
    audio = recordings(made.spec)
    reports = export_model(made.trained, tmp_path / name_of(target), target, audio, "samples")
    # Far inside what the gate accepts: the gate leaves room for other processors, not for errors.
    bound = 5e-4 if is_exact(target) else 0.1
    assert all(report.max_score_error <= bound for report in reports.values())


@pytest.mark.usefixtures("only_our_runtimes")
def test_report(made: Made, target: str, tmp_path: Path) -> None:
    path = tmp_path / name_of(target)
    audio = recordings(made.spec)
    reports = export_model(made.trained, path, target, [*audio, audio[0][:5]])
    whole = (sum(map(len, audio)) + sum(map(len, synthetic_signals().values()))) / 16_000
    exporter = EXPORTERS[target]
    assert reports.keys() == exporter.runtimes.keys()
    for report in reports.values():
        assert report.audio_s == pytest.approx(whole, abs=0.5)
        assert report.size_bytes == path.stat().st_size
        assert report.events_equal
        assert report.step_us > 0.0 or not exporter.is_for_detectors
        assert 0.0 <= report.max_score_error <= exporter.tolerances[exporter.inputs[0]].score
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.usefixtures("only_our_runtimes")
def test_same_network_same_bytes(made: Made, target: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        export_model(made.trained, tmp_path / (name + name_of(target)), target, recordings(made.spec))
    first, second = (path.read_bytes() for path in tmp_path.iterdir())
    assert first == second


def tampering(exporter: Exporter, change: float) -> Exporter:
    """Return an exporter whose writer gets one number wrong; where int8 rounds, one that rounding cannot hide."""

    def write(job: Job) -> None:
        operations = list(job.graph.operations)
        if exporter.is_quantised and np.isfinite(change):
            index = max(i for i, operation in enumerate(operations) if isinstance(operation, Dense))
            operations[index] = dataclasses.replace(operations[index], bias=operations[index].bias + 10 * change)
        else:
            weight = operations[0].weight.copy()  # type: ignore[union-attr]
            weight.flat[0] += change
            operations[0] = dataclasses.replace(operations[0], weight=weight)  # type: ignore[type-var]
        exporter.write(dataclasses.replace(job, graph=dataclasses.replace(job.graph, operations=tuple(operations))))

    return dataclasses.replace(exporter, write=write)


@pytest.mark.usefixtures("only_our_runtimes")
@pytest.mark.parametrize(("target", "takes"), FORMS)
@pytest.mark.parametrize("change", [3.0, float("nan")])
def test_a_tampered_weight_is_found_and_no_file_is_left(
    made: Made, target: str, takes: str, change: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXPORTERS, target, tampering(EXPORTERS[target], change))
    with pytest.raises(ParityError, match=rf"^{re.escape(name_of(target))} was not written: "):
        export_model(made.trained, tmp_path / name_of(target), target, recordings(made.spec), takes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("only_our_runtimes")
def test_a_file_that_stood_there_survives_a_failure(
    made: Made, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name_of(target)
    path.write_bytes(b"the old one")
    monkeypatch.setitem(EXPORTERS, target, tampering(EXPORTERS[target], 3.0))
    with pytest.raises(ParityError):
        export_model(made.trained, path, target, recordings(made.spec))
    assert path.read_bytes() == b"the old one"


@pytest.mark.usefixtures("only_our_runtimes")
def test_a_spec_of_another_network_is_refused(made: Made, target: str, tmp_path: Path) -> None:
    for wrong in (
        dataclasses.replace(made.spec, step_frames=made.spec.step_frames + 1),
        dataclasses.replace(made.spec, keywords=("one",), decision={}),
        dataclasses.replace(made.spec, front_end=FrontEndConfig(n_bands=13)),
    ):
        with pytest.raises(ConfigError, match="the spec says"):
            export_model(Trained.of_model(wrong, made.model), tmp_path / name_of(target), target)
    assert list(tmp_path.iterdir()) == []
