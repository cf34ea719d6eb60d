"""The tiny model of :mod:`tests.tiny_model` as a graph, for writers that take one; its only layer sees two steps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from export.tflite.writer import write_tflite
from kws.graph import Activation, Conv1d, Graph
from kws.spec import ModelSpec
from tests.tiny_model import LOUDNESS, N_BANDS, STEP_FRAMES, tiny_spec


def tiny_graph(n_keywords: int = 1) -> Graph:
    """Return ``score = sigmoid(mean feature of this step and the last one - LOUDNESS)``; later keywords are harder."""
    weight = np.full((n_keywords, N_BANDS, 2 * STEP_FRAMES), 1 / (2 * STEP_FRAMES * N_BANDS), np.float32)
    bias = -LOUDNESS - np.arange(n_keywords, dtype=np.float32)
    operations = (
        Conv1d("features", "raised", weight, bias, STEP_FRAMES, 1, 1, "before"),
        Activation("raised", "score", "sigmoid"),
    )
    return Graph(operations, "features", "score", N_BANDS, n_keywords, STEP_FRAMES)


def write_tiny_tflite(path: Path, spec: ModelSpec | None = None) -> Path:
    """Write the tiny model and return its path."""
    spec = spec or tiny_spec(states=())
    write_tflite(spec, tiny_graph(len(spec.keywords)), path)
    return path
