"""The front-end as ONNX nodes, by itself, against the executors in numpy and torch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnxruntime
import pytest
import torch

from export.onnx.builder import OnnxBuilder
from export.onnx.front_end import add_front_end, front_end_states
from export.trained import synthetic_signals
from kws.config import FrontEndConfig, PcenConfig
from kws.features import clip_features
from kws.features.torch_front_end import TorchFrontEnd
from kws.spec import StateSpec

# The largest distance between any two executors, in the log domain. A clean chirp, whose quiet bands hold only
# the rounding of float32, comes to 9e-4 here and to 1.6e-3 in torch.
LOG_TOLERANCE = 2e-3

CONFIGS = {
    "default": FrontEndConfig(),
    "pcen": FrontEndConfig(compression="pcen"),
    "pcen a value a band": FrontEndConfig(
        compression="pcen",
        n_bands=4,
        pcen=PcenConfig((0.9, 0.95, 0.98, 1.0), (2.0, 1.0, 0.5, 0.0), (0.5, 0.4, 0.3, 1.0), (0.02, 0.05, 0.5, 1.0)),
    ),
    "window of no whole hops": FrontEndConfig(window_samples=400),
    "odd window": FrontEndConfig(window_samples=399, n_fft=400, hop_samples=133),
    "no overlap": FrontEndConfig(window_samples=160, hop_samples=160, n_bands=12),
    "many hops": FrontEndConfig(hop_samples=31),
    "classic": FrontEndConfig(window_samples=200, hop_samples=80, n_fft=200, n_bands=101, scale="linear", f_min_hz=0.0),
}


class InGraph:
    """The front-end alone as an ONNX model, with its states."""

    def __init__(self, config: FrontEndConfig) -> None:
        self.states = front_end_states(config)
        builder, new = OnnxBuilder(), {}
        samples = builder.input("samples", ["batch", "samples"])
        for state in self.states:
            builder.input(state.name, ["batch", *state.shape])
        builder.output(add_front_end(builder, config, samples, new), "features", ["batch", "frames", config.n_bands])
        for state in self.states:
            builder.output(new[state.name], f"new_{state.name}", ["batch", *state.shape])
        self._session = onnxruntime.InferenceSession(
            builder.model("front_end", {}).SerializeToString(), providers=["CPUExecutionProvider"]
        )

    def run(self, chunks: Iterator[np.ndarray], batch: int) -> tuple[np.ndarray, list[np.ndarray]]:
        states = [np.zeros((batch, *state.shape), np.float32) for state in self.states]
        features = []
        for chunk in chunks:
            feed = {"samples": chunk} | {s.name: v for s, v in zip(self.states, states, strict=True)}
            frames, *states = self._session.run(None, feed)
            features.append(frames)
        return np.concatenate(features, axis=1), states


@pytest.fixture(params=CONFIGS, scope="module")
def config(request: pytest.FixtureRequest) -> FrontEndConfig:
    return CONFIGS[request.param]


@pytest.fixture(scope="module")
def in_graph(config: FrontEndConfig) -> InGraph:
    return InGraph(config)


def signals(config: FrontEndConfig) -> np.ndarray:
    rows = np.stack(list(synthetic_signals().values()))[:, :8000]
    return np.ascontiguousarray(rows[:, : 8000 // config.hop_samples * config.hop_samples])


@pytest.mark.parametrize("frames_per_chunk", [1, 2, 8, 10**6])
def test_equals_numpy_in_any_chunks(config: FrontEndConfig, in_graph: InGraph, frames_per_chunk: int) -> None:
    samples = signals(config)
    step = min(frames_per_chunk * config.hop_samples, samples.shape[1])
    chunks = (samples[:, start : start + step] for start in range(0, samples.shape[1], step))
    features, _ = in_graph.run(chunks, len(samples))
    assert np.abs(features - clip_features(samples, config)).max() <= LOG_TOLERANCE


def test_equals_torch_and_its_states(config: FrontEndConfig, in_graph: InGraph) -> None:
    samples = signals(config)
    features, states = in_graph.run(iter([samples]), len(samples))
    with torch.inference_mode():
        expected, expected_states = TorchFrontEnd(config)(torch.from_numpy(samples))
    assert np.abs(features - expected.numpy()).max() <= LOG_TOLERANCE
    # Where frames do not overlap torch keeps zero samples, the graph no state.
    kept = [state.numpy() for state in expected_states if state.numel()]
    for have, want in zip(states, kept, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-6)


def test_silence_is_exactly_zero(config: FrontEndConfig, in_graph: InGraph) -> None:
    features, states = in_graph.run(iter([np.zeros((2, 4 * config.hop_samples), np.float32)]), 2)
    assert features.shape == (2, 4, config.n_bands)
    np.testing.assert_allclose(features, 0.0, atol=1e-7 if config.compression == "pcen" else 0.0)
    assert not any(state.any() for state in states)


def test_states() -> None:
    assert front_end_states(CONFIGS["default"]) == (StateSpec("state_samples", (320,)),)
    assert front_end_states(CONFIGS["no overlap"]) == ()
    assert front_end_states(CONFIGS["pcen"]) == (StateSpec("state_samples", (320,)), StateSpec("state_pcen", (40,)))
