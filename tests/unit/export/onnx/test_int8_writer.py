"""The int8 ONNX file: what it computes, how large it is, and that nothing of it is unpacked at each call."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from export.onnx.int8_writer import to_onnx_int8, write_onnx_int8
from export.onnx.writer import to_onnx
from export.quantize import with_int8_weights
from kws.config import FrontEndConfig, ModelConfig
from kws.graph import Graph, run_graph, zero_states
from kws.models import PRESETS, build_model
from kws.runtime.onnx_runner import OnnxRunner
from kws.spec import ModelSpec
from tests.unit.export.onnx.test_writer import ODD, random

INPUTS = ("features", "samples")


def network(preset: str, model_input: str) -> tuple[ModelSpec, Graph]:
    model = build_model(PRESETS[preset], 40, 1).eval()
    spec = ModelSpec("word", ("word",), model=PRESETS[preset], step_frames=model.step_frames, input=model_input)
    return spec, model.to_graph()


@pytest.mark.parametrize("name", ODD)
def test_it_computes_with_the_rounded_weights(name: str) -> None:
    graph = Graph(ODD[name], "features", "out", 5, 2, 1)
    spec = ModelSpec("odd", ("a", "b"), FrontEndConfig(n_bands=5), ModelConfig("odd"), 1)
    session = onnxruntime.InferenceSession(
        to_onnx_int8(spec, graph).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x, states = random(3, 7, 5), [state + 0.25 for state in zero_states(graph, 3)]
    scores, new_states = run_graph(with_int8_weights(graph), x, states)
    feed = {"features": x} | {s.name: v for s, v in zip(graph.states, states, strict=True)}
    for have, want in zip(session.run(None, feed), [scores, *new_states], strict=True):
        np.testing.assert_allclose(have, want, atol=1e-5)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("model_input", INPUTS)
def test_the_runner_takes_it_as_it_takes_the_float_file(preset: str, model_input: str, tmp_path: Path) -> None:
    spec, graph = network(preset, model_input)
    write_onnx_int8(spec, graph, tmp_path / "int8.onnx")
    runner = OnnxRunner(tmp_path / "int8.onnx")
    if model_input == "features":
        x = np.random.default_rng(0).uniform(0, 8, (2, 20 * graph.step_frames, 40)).astype(np.float32)
        expected, _ = run_graph(with_int8_weights(graph), x, zero_states(graph, 2))
        halves = [runner.run(x[:, : 12 * graph.step_frames]), runner.run(x[:, 12 * graph.step_frames :])]
        np.testing.assert_allclose(np.concatenate(halves, axis=1), expected, atol=1e-4)


@pytest.mark.parametrize("model_input", INPUTS)
def test_size_of_the_default_model(model_input: str) -> None:
    spec, graph = network("crnn", model_input)
    # What real runs say about themselves takes 7 kB.
    spec = dataclasses.replace(spec, training={"sources": "x" * 7000})
    n_bytes = to_onnx_int8(spec, graph).ByteSize()
    assert n_bytes <= 110_000
    assert n_bytes < to_onnx(spec, graph).ByteSize() / 3


def test_every_large_weight_is_int8() -> None:
    spec, graph = network("crnn", "features")
    for weight in to_onnx_int8(spec, graph).graph.initializer:
        if np.prod(weight.dims) > 6 * 72:
            assert weight.data_type == onnx.TensorProto.INT8, weight.name


@pytest.mark.parametrize("model_input", INPUTS)
def test_nothing_is_unpacked_at_each_call(model_input: str, tmp_path: Path) -> None:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    content = to_onnx_int8(*network("crnn", model_input)).SerializeToString()
    onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    left = {node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node}
    assert "GRU" in left
    # What makes weights and tables of the front-end from small ones: all of it is a constant once it is loaded.
    assert not left & {"Cast", "DequantizeLinear", "Gather", "Div", "Max", "Min"}


def test_same_network_same_bytes(tmp_path: Path) -> None:
    spec, graph = network("crnn", "samples")
    for name in ("a", "b"):
        write_onnx_int8(spec, graph, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
