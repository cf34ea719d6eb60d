"""The Java engine against PyTorch, the numpy executor and `Detector`: the same scores and events on real recordings."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import nn

from export.graph_writer import write_graph, write_graph_int8
from kws.config import DecisionConfig, FrontEndConfig
from kws.features import clip_features
from kws.features.torch_front_end import TorchFrontEnd
from kws.graph import Graph
from kws.models import PRESETS, StreamingModel, build_model
from kws.runtime.detector import Detector
from kws.spec import ModelSpec
from tests.golden.make_front_end import CONFIGS, STORED_EVERY
from tests.graphs import every_operation, spec_of
from tests.java_engine import ROOT, JavaEngine

KEYWORDS = ("computer", "lights on")
GOLDEN = ROOT / "tests" / "golden" / "front_end.npz"
TOLERANCE = 1e-4


def demo(duration_s: float = 60.0) -> np.ndarray:
    samples, rate = soundfile.read(ROOT / "kws" / "assets" / "demo.flac", dtype="int16")
    assert rate == 16_000
    return samples[: round(duration_s * rate)]


def network(preset: str, front_end: FrontEndConfig) -> StreamingModel:
    torch.manual_seed(0)
    model = build_model(PRESETS[preset], front_end.n_bands, len(KEYWORDS))
    # Norms as after training: without them the scores of a deep network hardly move.
    for norm in (m for m in model.modules() if isinstance(m, nn.BatchNorm1d)):
        norm.momentum = None
    with torch.no_grad():
        model.train()(torch.from_numpy(clip_features(demo(12.0), front_end)[None]))
    return model.eval()


def lively(model: StreamingModel, samples: np.ndarray, spec: ModelSpec) -> Graph:
    """Return the network's graph with its last layer scaled so that its scores on a recording go up and down."""
    graph = model.to_graph()
    features = clip_features(samples, spec.front_end)[None]
    usable = features[:, : features.shape[1] // spec.step_frames * spec.step_frames]
    with torch.inference_mode():
        logits = model(torch.from_numpy(usable), model.initial_state(1))[0][0].numpy()
    *others, dense, sigmoid = graph.operations
    # A tenth of the steps lies above 0.5, whatever the outliers are.
    middle, high, highest = np.quantile(logits, [0.5, 0.9, 0.99], axis=0)
    gain = 4.0 / (highest - middle)
    weight = dense.weight * gain.reshape(-1, *(1,) * (dense.weight.ndim - 1))  # type: ignore[union-attr]
    bias = (dense.bias - high) * gain  # type: ignore[union-attr]
    scaled = dataclasses.replace(dense, weight=weight.astype(np.float32), bias=bias.astype(np.float32))  # type: ignore[call-arg]
    return dataclasses.replace(graph, operations=(*others, scaled, sigmoid))


def python_run(path: Path, samples: np.ndarray) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    scores: list[np.ndarray] = []
    detector = Detector.open(path, on_scores=lambda block: scores.append(block[0].copy()))
    events = detector.process(samples) + detector.flush()
    return np.concatenate(scores), [(event.keyword, event.time_s, event.score) for event in events]


def assert_same_events(found: list[tuple[str, float, float]], expected: list[tuple[str, float, float]]) -> None:
    assert [event[:2] for event in found] == [event[:2] for event in expected]
    assert [event[2] for event in found] == pytest.approx([event[2] for event in expected], abs=TOLERANCE)


@pytest.mark.parametrize("compression", ["log", "pcen"])
@pytest.mark.parametrize("preset", PRESETS)
def test_scores_and_events_of_every_preset(engine: JavaEngine, preset: str, compression: str, tmp_path: Path) -> None:
    front_end, samples = FrontEndConfig(compression=compression), demo(12.0)
    model = network(preset, front_end)
    rules = {KEYWORDS[1]: DecisionConfig(threshold=0.4, smoothing_steps=3, patience_steps=2, refractory_s=0.28)}
    spec = ModelSpec("test", KEYWORDS, front_end, PRESETS[preset], model.step_frames, decision=rules)
    path = tmp_path / "model.kws"
    write_graph(spec, lively(model, samples, spec), path)
    expected, events = python_run(path, samples)
    assert {keyword for keyword, _, _ in events} == set(KEYWORDS) and expected.std() > 0.05
    scores, told = engine.run(path, samples, tmp_path)
    assert np.abs(scores.reshape(expected.shape) - expected).max() <= TOLERANCE
    assert_same_events(told, events)


@pytest.mark.parametrize("preset", ["small", "crnn", "bc"])
def test_scores_equal_pytorch_from_the_samples_on(engine: JavaEngine, preset: str, tmp_path: Path) -> None:
    front_end, samples = FrontEndConfig(), demo()
    model = network(preset, front_end)
    spec = ModelSpec("test", KEYWORDS, front_end, PRESETS[preset], model.step_frames)
    path = tmp_path / "model.kws"
    write_graph(spec, model.to_graph(), path)
    usable = len(samples) // spec.step_samples * spec.step_samples
    with torch.inference_mode():
        features, _ = TorchFrontEnd(front_end)(torch.from_numpy(samples[None, :usable] / np.float32(32768)))
        expected = torch.sigmoid(model(features, model.initial_state(1))[0])[0].numpy()
    scores, _ = engine.run(path, samples, tmp_path)
    assert np.abs(scores.reshape(expected.shape) - expected).max() <= TOLERANCE


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("write", [write_graph, write_graph_int8])
def test_every_operation(engine: JavaEngine, write: type, seed: int, tmp_path: Path) -> None:
    graph, samples = every_operation(seed), demo(20.0)
    path = tmp_path / "model.kws"
    write(spec_of(graph), graph, path)
    expected, events = python_run(path, samples)
    scores, told = engine.run(path, samples, tmp_path)
    assert expected.std() > 0.003
    assert np.abs(scores.reshape(expected.shape) - expected).max() <= TOLERANCE
    assert_same_events(told, events)


@pytest.mark.parametrize("name", CONFIGS)
def test_golden_features(engine: JavaEngine, name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    with np.load(GOLDEN) as golden:
        samples, expected = golden["pcm16"], golden[name]
    path = tmp_path / "model.kws"
    model = network("small", config)
    spec = ModelSpec("test", KEYWORDS, config, PRESETS["small"], model.step_frames)
    write_graph(spec, model.to_graph(), path)
    samples.astype("<i2").tofile(tmp_path / "audio.pcm")
    engine.call("features", path, tmp_path / "audio.pcm", tmp_path / "features.f32")
    features = np.fromfile(tmp_path / "features.f32", "<f4").reshape(-1, config.n_bands)[:: STORED_EVERY[name]]
    # Frames that do not fill a step of the model are not computed.
    assert len(expected) - len(features) < model.step_frames
    assert np.abs(features - expected[: len(features)]).max() <= 2e-3


@pytest.mark.parametrize(
    "settings",
    [
        dict(window_samples=401, n_fft=401, hop_samples=97, n_bands=12),
        dict(window_samples=400, n_fft=1000, n_bands=30),
        dict(window_samples=320, hop_samples=320),
        dict(scale="linear", n_bands=101, f_min_hz=0.0, f_max_hz=8000.0),
        dict(window_samples=16, n_fft=16, hop_samples=1, n_bands=2),
    ],
    ids=str,
)
def test_front_ends_of_any_size(engine: JavaEngine, settings: dict, tmp_path: Path) -> None:
    config, samples = FrontEndConfig(**settings), demo(5.0)
    model = network("small", config)
    spec = ModelSpec("test", KEYWORDS, config, PRESETS["small"], model.step_frames)
    path = tmp_path / "model.kws"
    write_graph(spec, model.to_graph(), path)
    samples.astype("<i2").tofile(tmp_path / "audio.pcm")
    engine.call("features", path, tmp_path / "audio.pcm", tmp_path / "features.f32")
    features = np.fromfile(tmp_path / "features.f32", "<f4").reshape(-1, config.n_bands)
    expected = clip_features(samples, config)[: len(features)]
    assert np.abs(features - expected).max() <= 2e-3


@pytest.mark.parametrize("chunk", [1, 160, 1279, 1280, 10**6])
def test_any_chunks_give_the_same_to_the_last_bit(engine: JavaEngine, chunk: int, tmp_path: Path) -> None:
    graph, samples = every_operation(2), demo(5.0)
    path = tmp_path / "model.kws"
    write_graph(spec_of(graph), graph, path)
    at_random = engine.run(path, samples, tmp_path)
    in_chunks = engine.run(path, samples, tmp_path, chunk)
    assert np.array_equal(at_random[0], in_chunks[0])
    assert at_random[1] == in_chunks[1]


def test_nothing_is_allocated_in_steady_state(engine: JavaEngine, tmp_path: Path) -> None:
    import subprocess

    model = network("crnn", FrontEndConfig())
    spec = ModelSpec("test", KEYWORDS, FrontEndConfig(), PRESETS["crnn"], model.step_frames)
    write_graph(spec, model.to_graph(), tmp_path / "model.kws")
    command = engine.command("time", tmp_path / "model.kws", 2000)
    told = subprocess.run(command, input="\n" * 5, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr
    ready, *figures = told.stdout.splitlines()
    assert ready == "ready" and len(figures) == 5
    # The smallest object takes 16 bytes. Less a step is the compiler's own, when it takes back what it assumed.
    allocated = [float(line.split("\t")[2]) for line in figures]
    assert max(allocated) < 16.0 and sorted(allocated)[2] == 0.0, allocated


def test_tanh_of_the_kernels(engine: JavaEngine) -> None:
    # The largest error over the whole range, against Java's own in double precision.
    assert float(engine.call("tanh")) <= 4e-7
