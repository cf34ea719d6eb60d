"""What is exported: a trained network as a graph, its spec, and the way to run it that every file is compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.errors import ConfigError
from kws.features import clip_features
from kws.graph import Graph, run_graph, zero_states
from kws.spec import ModelSpec

if TYPE_CHECKING:
    from kws.models import StreamingModel

SYNTHETIC_SAMPLES = 2 * SAMPLE_RATE_HZ


@dataclass(frozen=True)
class Run:
    """What one signal gives, from silence to its end.

    Parameters
    ----------
    samples : array, shape (N,)
        N a multiple of the model's step.
    features : array, shape (1, T, F)
    scores : array, shape (T', K)
        Probabilities.
    states : list of array, each (1, *shape)
        Final states of the graph.
    """

    samples: FloatArray
    features: FloatArray
    scores: FloatArray
    states: list[FloatArray]


@dataclass(frozen=True)
class Trained:
    """A trained network, ready for any writer.

    Parameters
    ----------
    spec : ModelSpec
    graph : Graph
    run : callable
        Maps samples (N,), N a multiple of the model's step, to features (1, T, F), scores (T', K) and final states.

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """

    spec: ModelSpec
    graph: Graph
    run: Callable[[FloatArray], tuple[FloatArray, FloatArray, list[FloatArray]]]

    def __post_init__(self) -> None:
        require_fit(self.spec, self.graph)

    @classmethod
    def of_model(cls, spec: ModelSpec, model: StreamingModel) -> Trained:
        """Return a PyTorch network, which is put into evaluation mode and is itself what files are compared with."""
        import torch

        from kws.features.torch_front_end import TorchFrontEnd

        front_end, model = TorchFrontEnd(spec.front_end), model.eval()

        def run(samples: FloatArray) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
            with torch.inference_mode():
                features, _ = front_end(torch.from_numpy(samples)[None])
                # Not `None`: a network with valid padding would wait, where the file starts from silence.
                logits, states = model(features, model.initial_state(1))
            return features.numpy(), torch.sigmoid(logits)[0].numpy(), [state.numpy() for state in states]

        return cls(spec, model.to_graph(), run)

    @classmethod
    def of_graph(cls, spec: ModelSpec, graph: Graph) -> Trained:
        """Return a graph that was read from a file; files are compared with its numpy executor."""

        def run(samples: FloatArray) -> tuple[FloatArray, FloatArray, list[FloatArray]]:
            features = clip_features(samples[None], spec.front_end)
            scores, states = run_graph(graph, features, zero_states(graph))
            return features, scores[0], states

        return cls(spec, graph, run)

    def runs(self, signals: Sequence[FloatArray]) -> list[Run]:
        """Run signals, each (N,) at 16 kHz; what does not fill a step at their ends is left off."""
        step = self.spec.step_samples
        whole = [signal[: len(signal) // step * step] for signal in signals]
        usable = [np.ascontiguousarray(signal, dtype=np.float32) for signal in whole if len(signal)]
        return [Run(signal, *self.run(signal)) for signal in usable]


def require_fit(spec: ModelSpec, graph: Graph) -> None:
    """Raise ConfigError unless the graph is the one that the spec describes."""
    pairs = {
        "bands": (spec.front_end.n_bands, graph.n_features),
        "keywords": (len(spec.keywords), graph.n_keywords),
        "step_frames": (spec.step_frames, graph.step_frames),
    }
    for name, (stated, actual) in pairs.items():
        if stated != actual:
            raise ConfigError(f"the spec says {name} {stated}, the network has {actual}")


def synthetic_signals() -> dict[str, FloatArray]:
    """Return signals of two seconds that stress a front-end, by name."""
    seconds = np.arange(SYNTHETIC_SAMPLES) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, SYNTHETIC_SAMPLES)
    sweep_hz_per_s = SAMPLE_RATE_HZ / 2 / seconds[-1]
    signals = {
        "silence": np.zeros(SYNTHETIC_SAMPLES),
        "noise": noise,
        "chirp": 0.99 * np.sin(np.pi * sweep_hz_per_s * seconds**2),
        "dc": np.full(SYNTHETIC_SAMPLES, 0.5),
        "clipped": np.clip(8.0 * np.sin(2 * np.pi * 440.0 * seconds) + noise, -1.0, 32767 / 32768),
    }
    return {name: signal.astype(np.float32) for name, signal in signals.items()}
