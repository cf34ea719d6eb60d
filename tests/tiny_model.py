"""A model small enough to follow by hand: it fires on loud audio, and has one state."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx

from kws.config import DecisionConfig, FrontEndConfig
from kws.spec import METADATA_KEY, ModelSpec, StateSpec

STEP_FRAMES = 4
STEP_S = 0.04
N_BANDS = 10
LOUDNESS = 8.0
"""Mean log feature (of this step and the one before) at which the score is 0.5; silence has 0."""


def tiny_spec(**changes) -> ModelSpec:
    """Return the spec of the tiny model: one step is 40 ms."""
    rule = DecisionConfig(threshold=0.5, smoothing_steps=2, refractory_s=0.5)
    spec = ModelSpec(
        name="tiny",
        keywords=("loud",),
        front_end=FrontEndConfig(n_bands=N_BANDS),
        step_frames=STEP_FRAMES,
        decision={"loud": rule},
        states=(StateSpec("before", (1, 1)),),
    )
    return dataclasses.replace(spec, **changes)


def tiny_model(spec: ModelSpec | None = None, metadata: dict[str, str] | None = None) -> onnx.ModelProto:
    """Return ``score = sigmoid(mean of this step's and the last step's mean feature - LOUDNESS)``.

    Every keyword beyond the first is one unit harder to reach than the one before.
    """
    spec = spec or tiny_spec()
    make, number = onnx.helper.make_node, onnx.TensorProto.FLOAT
    n_keywords = len(spec.keywords)
    nodes = [
        make("Reshape", ["features", "by_step"], ["steps"]),
        make("ReduceMean", ["steps"], ["means"], axes=[2], keepdims=1),
        make("Concat", ["before", "means"], ["all_means"], axis=1),
        make("Slice", ["all_means", "zero", "minus_one", "one"], ["earlier"]),
        make("Add", ["means", "earlier"], ["sum"]),
        make("MatMul", ["sum", "weight"], ["raised"]),
        make("Add", ["raised", "bias"], ["logits"]),
        make("Sigmoid", ["logits"], ["scores"]),
        make("Slice", ["means", "minus_one", "to_the_end", "one"], ["new_before"]),
    ]
    constants = {
        "by_step": np.array([0, -1, STEP_FRAMES * N_BANDS]),
        "zero": np.array([0]),
        "one": np.array([1]),
        "minus_one": np.array([-1]),
        "to_the_end": np.array([np.iinfo(np.int64).max]),
        "weight": np.full((1, n_keywords), 0.5, np.float32),
        "bias": -LOUDNESS - np.arange(n_keywords, dtype=np.float32),
    }
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes,
        "tiny",
        [info("features", number, ["batch", "frames", N_BANDS]), info("before", number, ["batch", 1, 1])],
        [info("scores", number, ["batch", "steps", n_keywords]), info("new_before", number, ["batch", 1, 1])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = onnx.helper.make_model(graph, ir_version=8, opset_imports=[onnx.helper.make_opsetid("", 17)])
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.to_json()} if metadata is None else metadata)
    return model


def write_tiny_model(path: Path, spec: ModelSpec | None = None) -> Path:
    """Write the tiny model and return its path."""
    path.write_bytes(tiny_model(spec).SerializeToString())
    return path


def bursts(starts_s: tuple[float, ...] = (1.0, 3.0), duration_s: float = 5.0, seed: int = 0) -> np.ndarray:
    """Return int16 silence with half a second of loud noise at each start, shape (N,)."""
    rng = np.random.default_rng(seed)
    samples = np.zeros(round(duration_s * 16_000), np.int16)
    for start_s in starts_s:
        start = round(start_s * 16_000)
        samples[start : start + 8000] = np.clip(rng.normal(0, 3000, 8000), -32768, 32767)
    return samples
