"""Small graphs with random weights for tests of what reads and runs graphs."""

from __future__ import annotations

import dataclasses

import numpy as np

from kws.config import FrontEndConfig, ModelConfig
from kws.graph import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Conv1d,
    Conv2d,
    Dense,
    Graph,
    Gru,
    MeanOverBands,
)
from kws.graph.shapes import check_graph
from kws.spec import ModelSpec

N_BANDS = 12


def every_operation(seed: int) -> Graph:
    """Return a graph with every operation, with strides, dilation and all kinds of groups; a step takes 4 frames."""
    rng = np.random.default_rng(seed)

    def weight(*shape: int) -> np.ndarray:
        return (rng.standard_normal(shape) / np.sqrt(max(1, int(np.prod(shape[1:]))))).astype(np.float32)

    operations = (
        # 12 bands to 6 channels of 5 bands, two frames to one.
        Conv2d("features", "a", weight(6, 1, 5, 3), weight(6), 12, 2, 1, 2, 1, "state_a"),
        Affine("a", "b", 1 + weight(30), weight(30)),
        # A kernel in groups of two channels, and one of each channel alone.
        Conv2d("b", "c", weight(6, 2, 3, 2), weight(6), 5, 1, 1, 1, 3, "state_c"),
        Activation("c", "d", "relu"),
        Conv2d("d", "e", weight(6, 1, 3, 1), weight(6), 5, 1, 1, 1, 6, ""),
        MeanOverBands("e", "f", 5),
        Conv1d("f", "g", weight(6, 1, 3), weight(6), 1, 2, 6, "state_g"),
        AddToBands("e", "g", "h", 5),
        Add("h", "b", "i"),
        # A kernel over bands without groups, a stride that skips bands, no padding.
        Conv2d("i", "j", weight(4, 6, 2, 2), weight(4), 5, 3, 0, 1, 1, "state_j"),
        Conv1d("j", "k", weight(10, 8, 3), weight(10), 1, 3, 1, "state_k"),
        Conv1d("k", "l", weight(8, 5, 4), weight(8), 2, 1, 2, "state_l"),
        Gru("l", "m", weight(21, 8), weight(21, 7), weight(21), weight(21), "state_m"),
        Dense("m", "n", 3 * weight(2, 7), weight(2)),
        Activation("n", "o", "sigmoid"),
    )
    return Graph(operations, "features", "o", N_BANDS, 2, 4)


def spec_of(graph: Graph, **front_end: object) -> ModelSpec:
    """Return a spec that fits a graph of :func:`every_operation`."""
    check_graph(graph)
    config = dataclasses.replace(
        FrontEndConfig(window_samples=64, hop_samples=32, n_fft=96, n_bands=N_BANDS),
        **front_end,  # type: ignore[arg-type]
    )
    return ModelSpec("every operation", ("one", "two"), config, ModelConfig("bc_resnet"), graph.step_frames)
