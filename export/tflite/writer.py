"""Write the one graph as a TFLite model of float32 values: a step, or a sequence of fixed length.

Every model takes ``features`` or ``samples`` and gives ``scores``, for one channel. ``docs/tflite.md`` describes
names, shapes and variants.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from export.onnx.writer import complete_spec
from export.tflite.builder import Form, Tensor, TfliteBuilder
from export.tflite.front_end import add_front_end
from export.tflite.network import NetworkWriter
from export.tflite.numerics import DynamicNumerics, FloatNumerics, Numerics
from export.tflite.quantised import QuantisedNumerics
from export.tflite.states import ExplicitStates, InternalStates, NoStates, States
from kws.config import require
from kws.graph import Graph, Ranges
from kws.runtime.tflite_file import with_checksum
from kws.runtime.tflite_schema import DType, Op
from kws.spec import CHECKSUM_KEY, METADATA_KEY, ModelSpec

MAX_SEQUENCE_STEPS = 1000


def write_tflite(spec: ModelSpec, graph: Graph, path: Path) -> None:
    """Write a step of float32 whose states are inputs and outputs; same graph and spec, same bytes.

    Parameters
    ----------
    spec : ModelSpec
        Its ``input`` chooses what the model takes: ``features`` (1, step_frames, F), or ``samples`` (1, step_samples)
        with the front-end inside.
    graph : Graph
    path : path

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """
    path.write_bytes(to_tflite(spec, graph, FloatNumerics()))


def write_tflite_dynamic(spec: ModelSpec, graph: Graph, path: Path) -> None:
    """Write :func:`write_tflite` with int8 weights under float32 values; what is computed in float32 stays so."""
    path.write_bytes(to_tflite(spec, graph, DynamicNumerics()))


def write_tflite_internal(spec: ModelSpec, graph: Graph, path: Path) -> None:
    """Write a step of float32 that keeps its states to itself: one input and one output, for one stream."""
    path.write_bytes(to_tflite(spec, graph, FloatNumerics(), keeps_states=True))


def write_tflite_sequence(spec: ModelSpec, graph: Graph, path: Path, n_steps: int) -> None:
    """Write a model of `n_steps` steps at once, heard after silence: ``scores`` (1, n_steps, K).

    Raises
    ------
    ConfigError
        If `n_steps` is below 1 or above 1000, or the graph is not the one that the spec describes.
    """
    require("n_steps", n_steps, 1, MAX_SEQUENCE_STEPS)
    path.write_bytes(to_tflite(spec, graph, FloatNumerics(), sequence_steps=n_steps))


def write_tflite_int8(
    spec: ModelSpec,
    graph: Graph,
    ranges: Ranges,
    path: Path,
    state_type: str = "int16",
    keeps_states: bool = False,
) -> None:
    """Write a step in whole numbers; a front-end inside stays float32.

    Parameters
    ----------
    spec : ModelSpec
    graph : Graph
    ranges : Ranges
        Of this graph on real audio: :func:`export.quantize.calibrate`.
    path : path
    state_type : {"int16", "int8"}
        Type of states and of all other values; weights are int8 in either case.
    keeps_states : bool
        Keep the states in variables of the model, as runtimes on microcontrollers expect.

    Raises
    ------
    ConfigError
        If the ranges or the graph do not belong to the spec.
    """
    path.write_bytes(to_tflite(spec, graph, QuantisedNumerics(graph, ranges, state_type), keeps_states=keeps_states))


def to_tflite(
    spec: ModelSpec,
    graph: Graph,
    numerics: Numerics,
    keeps_states: bool = False,
    sequence_steps: int = 0,
) -> bytes:
    """Return a graph as a TFLite model that describes itself.

    Parameters
    ----------
    spec : ModelSpec
    graph : Graph
    numerics : Numerics
        Types of values and weights.
    keeps_states : bool
        Keep the states in variables of the model.
    sequence_steps : int
        Steps of a sequence from silence; 0 is one step with states.

    Raises
    ------
    ConfigError
        If the graph is not the one that the spec describes.
    """
    spec = complete_spec(spec, graph)
    builder = TfliteBuilder()
    states: States = ExplicitStates(builder)
    if sequence_steps or keeps_states:
        states = NoStates(builder) if sequence_steps else InternalStates(builder)
        # The spec lists what a caller has to keep.
        spec = dataclasses.replace(spec, states=())
    n_steps = sequence_steps or 1
    features = _features(builder, states, spec, graph, numerics.form(graph.source), n_steps)
    scores = NetworkWriter(builder, graph, numerics, states).add(features)
    builder.output(scores, "scores")
    states.finish()
    metadata = {METADATA_KEY: spec.to_json().encode(), CHECKSUM_KEY: bytes(4)}
    return with_checksum(builder.model(spec.name, metadata))


def _features(
    builder: TfliteBuilder, states: States, spec: ModelSpec, graph: Graph, form: Form, n_steps: int
) -> Tensor:
    if spec.input == "features":
        return builder.input("features", (1, n_steps * spec.step_frames, graph.n_features), form)
    samples = builder.input("samples", (1, n_steps * spec.step_samples))
    features = add_front_end(builder, states, spec.front_end, samples)
    return features if form.dtype is DType.FLOAT32 else builder.unary(Op.QUANTIZE, features, form)
