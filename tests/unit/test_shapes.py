"""Graphs whose parts do not fit are found without running them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from kws.errors import ConfigError
from kws.graph import Activation, Conv1d, Dense, Graph, Operation
from kws.graph.shapes import check_graph
from kws.models import PRESETS, build_model
from tests.graphs import every_operation

GRAPH = every_operation(0)


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def changed(index: int, **fields: Any) -> Graph:
    operations = list(GRAPH.operations)
    operations[index] = dataclasses.replace(operations[index], **fields)  # type: ignore[type-var]
    return dataclasses.replace(GRAPH, operations=tuple(operations))


def test_shapes_of_every_value() -> None:
    shapes = check_graph(GRAPH)
    assert shapes["features"] == (4, 12)
    # Kernel 5 over 12 + 2 bands in steps of 2: 5 bands; two frames to one.
    assert shapes["a"] == (2, 30)
    assert shapes["f"] == (2, 6) and shapes["j"] == (2, 8)
    assert shapes["l"] == (1, 8) and shapes["o"] == (1, 2)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_far_within_the_limits(preset: str) -> None:
    graph = build_model(PRESETS[preset], 40, 2).to_graph()
    assert check_graph(graph)[graph.target] == (1, 2)
    assert graph.macs_per_step < 1_000_000


@pytest.mark.parametrize(
    ("index", "fields", "problem"),
    [
        (0, {"n_bands": 5}, "5 bands for 12"),
        (0, {"n_bands": 0}, "0 bands"),
        (0, {"band_stride": 0}, "stride 0 over bands"),
        (0, {"band_padding": 65_000}, "features; accepted are 65536|has over"),
        (0, {"stride": 3}, "3 frames a stride for 4"),
        (0, {"stride": 0}, "0 frames a stride"),
        (0, {"groups": 5}, "5 groups for 6"),
        (0, {"groups": 2}, "in 2 groups for 1"),
        (0, {"weight": zeros(6, 1, 15, 3)}, "kernel of 15 of 14 bands"),
        (0, {"weight": zeros(6, 1, 5)}, "weights with 3 axes"),
        (0, {"weight": zeros(6, 1, 5, 1)}, "-1 frames of context"),
        (0, {"bias": zeros(5)}, "biases"),
        (0, {"state": ""}, "state"),
        (1, {"weight": zeros(29)}, "weights"),
        (5, {"n_bands": 4}, "4 bands for 30"),
        (6, {"dilation": 0}, "dilation 0"),
        (6, {"dilation": 65_537}, "dilation 65537"),
        (7, {"n_bands": 6}, "adds"),
        (8, {"right": "features"}, "adds"),
        (12, {"weight_hidden": zeros(21, 6)}, r"accepted are \(3 H, H\)"),
        (12, {"weight_input": zeros(21, 9)}, "input weights"),
        (12, {"bias_hidden": zeros(20)}, "hidden biases"),
        (13, {"weight": zeros(2, 8)}, "weights"),
        (14, {"kind": "tanh"}, "accepted are relu and sigmoid"),
    ],
)
def test_what_does_not_fit(index: int, fields: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        check_graph(changed(index, **fields))


def test_outputs_of_another_size() -> None:
    with pytest.raises(ConfigError, match="output of a step"):
        check_graph(dataclasses.replace(GRAPH, n_keywords=3))
    with pytest.raises(ConfigError, match="output of a step"):
        check_graph(dataclasses.replace(GRAPH, target="a"))


def test_too_much_for_one_step() -> None:
    many: list[Operation] = [Activation("features" if i == 0 else f"v{i - 1}", f"v{i}", "relu") for i in range(400)]
    with pytest.raises(ConfigError, match="values"):
        check_graph(Graph(tuple(many), "features", "v399", 2000, 2000, 10))
    # The same weights for each of a thousand frames.
    dense = Dense("features", "a", zeros(1000, 200), zeros(1000))
    with pytest.raises(ConfigError, match="multiplications"):
        check_graph(Graph((dense,), "features", "a", 200, 1000, 1000))
    stem = Conv1d("features", "a", zeros(1, 1, 60_000), zeros(1), 1, 60_000, 1, "state")
    with pytest.raises(ConfigError, match="context"):
        check_graph(Graph((stem,), "features", "a", 1, 1, 1))
