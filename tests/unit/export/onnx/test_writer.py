"""The ONNX file itself: names, shapes, metadata, versions, and how few nodes turn axes."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import onnxruntime
import pytest

from export.onnx.builder import IR_VERSION, OPSET, OnnxBuilder
from export.onnx.writer import complete_spec, to_onnx
from kws.config import FrontEndConfig, ModelConfig
from kws.errors import ConfigError
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
    run_graph,
    zero_states,
)
from kws.models import PRESETS, build_model
from kws.spec import METADATA_KEY, ModelSpec, StateSpec

SPEC = ModelSpec("computer", ("computer",), model=PRESETS["small"], step_frames=4)


@pytest.fixture(scope="module")
def small() -> Graph:
    return build_model(PRESETS["small"], 40, 1).eval().to_graph()


def shapes(values: list[onnx.ValueInfoProto]) -> dict[str, list[int | str]]:
    return {v.name: [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}


def test_contract_of_the_features_form(small: Graph) -> None:
    model = to_onnx(SPEC, small)
    states = {"state_0_conv": ["batch", 40, 11], "state_1_gru": ["batch", 64], "state_2_gru": ["batch", 64]}
    assert shapes(model.graph.input) == {"features": ["batch", "frames", 40]} | states
    new = {f"new_{name}": shape for name, shape in states.items()}
    assert shapes(model.graph.output) == {"scores": ["batch", "steps", 1]} | new


def test_contract_of_the_samples_form(small: Graph) -> None:
    model = to_onnx(dataclasses.replace(SPEC, input="samples"), small)
    assert list(shapes(model.graph.input).items())[:2] == [
        ("samples", ["batch", "samples"]),
        ("state_samples", ["batch", 320]),
    ]


def test_metadata_carries_the_spec_with_states(small: Graph) -> None:
    model = to_onnx(SPEC, small)
    text = {entry.key: entry.value for entry in model.metadata_props}[METADATA_KEY]
    assert json.loads(text)["states"][0] == {"name": "state_0_conv", "shape": [40, 11]}
    spec = ModelSpec.from_json(text)
    assert spec == dataclasses.replace(SPEC, states=small.states)


def test_old_runtimes_can_read_it(small: Graph) -> None:
    model = to_onnx(SPEC, small)
    # onnxruntime 1.17 reads IR up to 9 and opset up to 20.
    assert (model.ir_version, model.opset_import[0].version) == (IR_VERSION, OPSET)
    assert IR_VERSION <= 9
    assert OPSET <= 20


def test_axes_are_turned_once_between_kinds_of_layers(small: Graph) -> None:
    turns = [node for node in to_onnx(SPEC, small).graph.node if node.op_type == "Transpose"]
    # In, from convolution to GRU, and out: layers of one kind share their order.
    assert len(turns) == 3
    tcn = build_model(PRESETS["tcn"], 40, 1).eval().to_graph()
    spec = ModelSpec("x", ("x",), model=PRESETS["tcn"], step_frames=tcn.step_frames)
    assert sum(node.op_type == "Transpose" for node in to_onnx(spec, tcn).graph.node) == 2
    bc = build_model(PRESETS["bc"], 40, 1).eval().to_graph()
    spec = ModelSpec("x", ("x",), model=PRESETS["bc"], step_frames=bc.step_frames)
    assert sum(node.op_type == "Transpose" for node in to_onnx(spec, bc).graph.node) == 2


def test_spec_and_graph_must_agree(small: Graph) -> None:
    with pytest.raises(ConfigError, match="the spec says bands 12, the network has 40"):
        complete_spec(dataclasses.replace(SPEC, front_end=FrontEndConfig(n_bands=12)), small)
    with pytest.raises(ConfigError, match="the spec says keywords 2, the network has 1"):
        complete_spec(dataclasses.replace(SPEC, keywords=("a", "b")), small)


def test_states_that_the_spec_held_before_are_replaced(small: Graph) -> None:
    stale = dataclasses.replace(SPEC, states=(StateSpec("old", (3,)),))
    assert complete_spec(stale, small).states == small.states


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(0, 0.5, shape).astype(np.float32)


# Graphs that no preset has: what is used twice, turned back, or added in two axis orders.
ODD = {
    "dense on features": (Dense("features", "out", random(2, 5), random(2)),),
    "activation of features": (
        Activation("features", "a", "sigmoid"),
        Dense("a", "out", random(2, 5), random(2)),
    ),
    "conv after gru": (
        Gru("features", "a", random(9, 5), random(9, 3), random(9), random(9), "h"),
        Conv1d("a", "out", random(2, 3, 3), random(2), 1, 1, 1, "c"),
    ),
    "gru beside conv": (
        Conv1d("features", "a", random(3, 5, 4), random(3), 1, 1, 1, "c"),
        Gru("features", "b", random(9, 5), random(9, 3), random(9), random(9), "h"),
        Add("a", "b", "d"),
        Dense("d", "out", random(2, 3), random(2)),
    ),
    "gru first in the sum": (
        Conv1d("features", "a", random(3, 5, 4), random(3), 1, 2, 1, "c"),
        Gru("a", "b", random(9, 3), random(9, 3), random(9), random(9), "h"),
        Add("b", "a", "d"),
        Activation("d", "e", "relu"),
        Conv1d("e", "out", random(2, 3, 1), random(2), 1, 1, 1, ""),
    ),
    # Ten features: five bands of two channels.
    "bands to features": (
        Conv2d("features", "a", random(2, 1, 3, 4), random(2), 5, 1, 1, 1, 1, "c"),
        Affine("a", "b", random(10), random(10)),
        Dense("b", "out", random(2, 10), random(2)),
    ),
    "features to bands": (
        Dense("features", "a", random(12, 5), random(12)),
        Conv2d("a", "b", random(4, 2, 3, 2), random(4), 3, 2, 1, 1, 2, "c"),
        MeanOverBands("b", "d", 2),
        Dense("d", "out", random(2, 4), random(2)),
    ),
    "bands of one number read as another": (
        Conv2d("features", "a", random(2, 1, 2, 1), random(2), 5, 1, 0, 1, 1, ""),
        MeanOverBands("a", "b", 2),
        Conv1d("b", "out", random(2, 4, 1), random(2), 1, 1, 1, ""),
    ),
    "recurrent part added to bands": (
        Conv2d("features", "a", random(2, 1, 3, 2), random(2), 5, 1, 1, 1, 1, "c"),
        Gru("a", "b", random(6, 10), random(6, 2), random(6), random(6), "h"),
        AddToBands("a", "b", "d", 5),
        Add("d", "a", "e"),
        MeanOverBands("e", "out", 5),
    ),
    "affine in each order": (
        Affine("features", "a", random(5), random(5)),
        Conv1d("a", "b", random(3, 5, 1), random(3), 1, 1, 1, ""),
        Affine("b", "d", random(3), random(3)),
        Gru("d", "e", random(6, 3), random(6, 2), random(6), random(6), "h"),
        Affine("e", "out", random(2), random(2)),
    ),
    "value added to itself": (Add("features", "features", "a"), Dense("a", "out", random(2, 5), random(2))),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize(("batch", "frames"), [(1, 1), (3, 7)])
def test_odd_graphs(name: str, batch: int, frames: int) -> None:
    graph = Graph(ODD[name], "features", "out", 5, 2, 1)
    spec = ModelSpec("odd", ("a", "b"), FrontEndConfig(n_bands=5), ModelConfig("odd"), 1)
    session = onnxruntime.InferenceSession(to_onnx(spec, graph).SerializeToString(), providers=["CPUExecutionProvider"])
    x, states = random(batch, frames, 5), [state + 0.25 for state in zero_states(graph, batch)]
    scores, new_states = run_graph(graph, x, states)
    feed = {"features": x} | {s.name: v for s, v in zip(graph.states, states, strict=True)}
    outputs = session.run(None, feed)
    for have, want in zip(outputs, [scores, *new_states], strict=True):
        np.testing.assert_allclose(have, want, atol=1e-5)


def test_builder_shares_equal_integers() -> None:
    builder = OnnxBuilder()
    assert builder.integers(1, -2) == builder.integers(1, -2)
    assert builder.integers(1, -2) != builder.integers(1, 2)
    assert len(builder.initializers) == 2


def test_builder_checks_the_model() -> None:
    builder = OnnxBuilder()
    builder.output(builder.node("Relu", ["missing"]), "y", ["n"])
    with pytest.raises(onnx.checker.ValidationError):
        builder.model("broken", {})
