"""The small model of docs/model-format.md: two bands, one keyword, one dense layer."""

from __future__ import annotations

import numpy as np

from kws.config import FrontEndConfig, ModelConfig
from kws.graph import Activation, Dense, Graph
from kws.spec import ModelSpec


def example_spec() -> ModelSpec:
    """Return the spec of the page's example."""
    front_end = FrontEndConfig(window_samples=16, hop_samples=16, n_fft=16, n_bands=2, f_min_hz=0.0, f_max_hz=8000.0)
    return ModelSpec("example", ("go",), front_end, ModelConfig("conv_gru"))


def example_graph() -> Graph:
    """Return ``score = sigmoid(0.5 a + 0.25 b - 4)`` of the features a and b of one frame."""
    weight, bias = np.array([[0.5, 0.25]], np.float32), np.array([-4.0], np.float32)
    operations = (Dense("features", "logits", weight, bias), Activation("logits", "scores", "sigmoid"))
    return Graph(operations, "features", "scores", 2, 1, 1)
