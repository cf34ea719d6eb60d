"""TFLite files of floats: every preset in every variant against numpy, names, metadata, and what is written how."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export.tflite.numerics import FloatNumerics
from export.tflite.writer import (
    to_tflite,
    write_tflite,
    write_tflite_dynamic,
    write_tflite_internal,
    write_tflite_sequence,
)
from kws.config import FrontEndConfig, ModelConfig
from kws.errors import ConfigError
from kws.features import clip_features
from kws.graph import Graph, run_graph, zero_states
from kws.models import PRESETS
from kws.runtime.flatbuffer import read_flatbuffer
from kws.runtime.tflite_file import parse_tflite
from kws.runtime.tflite_runner import TfliteRunner
from kws.runtime.tflite_schema import Op
from kws.spec import METADATA_KEY, ModelSpec, StateSpec
from tests.contracts.test_exporters import make_trained
from tests.unit.export.onnx.test_writer import ODD

N_STEPS = 12


@dataclasses.dataclass(frozen=True)
class Case:
    """A network with what it gives for some noise."""

    spec: ModelSpec
    graph: Graph
    inputs: dict[str, np.ndarray]
    scores: np.ndarray
    states: list[np.ndarray]


def make_case(preset: str, **front_end: object) -> Case:
    made = make_trained(preset, **front_end)
    samples = 0.1 * np.random.default_rng(3).standard_normal((1, N_STEPS * made.spec.step_samples))
    samples = samples.astype(np.float32)
    features, graph = clip_features(samples, made.spec.front_end), made.model.to_graph()
    scores, states = run_graph(graph, features, zero_states(graph))
    return Case(made.spec, graph, {"features": features, "samples": samples}, scores, states)


@pytest.fixture(params=PRESETS, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(request.param)


@pytest.fixture(scope="module")
def small() -> Case:
    return make_case("small")


def as_input(case: Case, model_input: str) -> ModelSpec:
    return dataclasses.replace(case.spec, input=model_input)


def run_alone(path: Path, inputs: np.ndarray) -> np.ndarray:
    """Run a model that needs nothing but its one input, block by block."""
    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    scores = []
    for block in np.split(inputs, inputs.shape[1] // source["shape"][1], axis=1):
        interpreter.set_tensor(source["index"], block)
        interpreter.invoke()
        scores.append(interpreter.get_tensor(target["index"]))
    return np.concatenate(scores, axis=1)


@pytest.mark.parametrize("model_input", ["features", "samples"])
def test_step_with_explicit_states(case: Case, model_input: str, tmp_path: Path) -> None:
    write_tflite(as_input(case, model_input), case.graph, tmp_path / "m.tflite")
    opened = TfliteRunner(tmp_path / "m.tflite")
    assert np.abs(opened.run(case.inputs[model_input]) - case.scores).max() <= 1e-5
    for have, want in zip(opened.states[-len(case.states) :], case.states, strict=True):
        assert have.shape == want.shape
        assert np.abs(have - want).max() <= 1e-4 * max(1.0, np.abs(want).max())


@pytest.mark.parametrize("model_input", ["features", "samples"])
def test_step_that_keeps_its_states(case: Case, model_input: str, tmp_path: Path) -> None:
    write_tflite_internal(as_input(case, model_input), case.graph, tmp_path / "m.tflite")
    assert np.abs(run_alone(tmp_path / "m.tflite", case.inputs[model_input]) - case.scores).max() <= 1e-5


@pytest.mark.parametrize("model_input", ["features", "samples"])
def test_sequence_from_silence(case: Case, model_input: str, tmp_path: Path) -> None:
    write_tflite_sequence(as_input(case, model_input), case.graph, tmp_path / "m.tflite", N_STEPS)
    scores = run_alone(tmp_path / "m.tflite", case.inputs[model_input])
    assert scores.shape == case.scores.shape
    assert np.abs(scores - case.scores).max() <= 1e-5


def test_int8_weights_under_floats(case: Case, tmp_path: Path) -> None:
    path, whole = tmp_path / "m.tflite", tmp_path / "whole.tflite"
    write_tflite_dynamic(case.spec, case.graph, path)
    write_tflite(case.spec, case.graph, whole)
    assert path.stat().st_size < 0.4 * whole.stat().st_size
    assert np.abs(TfliteRunner(path).run(case.inputs["features"]) - case.scores).max() <= 0.02


@pytest.mark.parametrize("front_end", [dict(compression="pcen"), dict(n_bands=12, window_samples=400)], ids=str)
def test_other_front_ends_inside(front_end: dict[str, object], tmp_path: Path) -> None:
    case = make_case("tcn", **front_end)
    write_tflite(as_input(case, "samples"), case.graph, tmp_path / "m.tflite")
    assert np.abs(TfliteRunner(tmp_path / "m.tflite").run(case.inputs["samples"]) - case.scores).max() <= 1e-4


@pytest.mark.parametrize("name", ODD)
def test_odd_graphs(name: str, tmp_path: Path) -> None:
    graph = Graph(ODD[name], "features", "out", 5, 2, 1)
    spec = ModelSpec("odd", ("a", "b"), FrontEndConfig(n_bands=5), ModelConfig("odd"), 1)
    features = np.random.default_rng(0).standard_normal((1, 7, 5)).astype(np.float32)
    expected, _ = run_graph(graph, features, zero_states(graph))
    write_tflite_internal(spec, graph, tmp_path / "internal.tflite")
    write_tflite_sequence(spec, graph, tmp_path / "sequence.tflite", 7)
    for kind in ("internal", "sequence"):
        scores = run_alone(tmp_path / f"{kind}.tflite", features)
        assert np.abs(scores - expected).max() <= 1e-5 * max(1.0, np.abs(expected).max()), kind


def test_names_and_shapes_are_public(small: Case, tmp_path: Path) -> None:
    write_tflite(small.spec, small.graph, tmp_path / "m.tflite")
    interpreter = Interpreter(str(tmp_path / "m.tflite"))
    states = {"state_0_conv": [1, 11, 40], "state_1_gru": [1, 64], "state_2_gru": [1, 64]}
    inputs = {"features": [1, 4, 40]} | states
    outputs = {"scores": [1, 1, 2]} | {f"new_{name}": shape for name, shape in states.items()}
    assert {d["name"]: list(d["shape"]) for d in interpreter.get_input_details()} == inputs
    assert {d["name"]: list(d["shape"]) for d in interpreter.get_output_details()} == outputs
    signature = interpreter.get_signature_list()["serving_default"]
    assert (set(signature["inputs"]), set(signature["outputs"])) == (set(inputs), set(outputs))


def test_a_signature_runner_takes_the_names(small: Case, tmp_path: Path) -> None:
    write_tflite(small.spec, small.graph, tmp_path / "m.tflite")
    step = Interpreter(str(tmp_path / "m.tflite")).get_signature_runner()
    states = {
        f"state_{name}": np.zeros(shape, np.float32)
        for name, shape in {"0_conv": (1, 11, 40), "1_gru": (1, 64), "2_gru": (1, 64)}.items()
    }
    result = step(features=small.inputs["features"][:, :4], **states)
    assert np.abs(result["scores"][0, 0] - small.scores[0, 0]).max() <= 1e-5


def test_states_over_bands_have_an_axis_for_them(tmp_path: Path) -> None:
    case = make_case("crnn")
    write_tflite(case.spec, case.graph, tmp_path / "m.tflite")
    shapes = {d["name"]: list(d["shape"]) for d in Interpreter(str(tmp_path / "m.tflite")).get_input_details()}
    assert shapes["state_1_conv"] == [1, 2, 20, 12]
    assert {s.name: s.shape for s in case.graph.states}["state_1_conv"] == (240, 2)


def test_the_spec_rides_inside(small: Case) -> None:
    data = to_tflite(small.spec, small.graph, FloatNumerics())
    assert parse_tflite(data, "m").spec == dataclasses.replace(small.spec, states=small.graph.states)
    model = read_flatbuffer(data)
    assert METADATA_KEY in [entry["name"] for entry in model["metadata"]]
    # What keeps its states asks for none.
    assert parse_tflite(to_tflite(small.spec, small.graph, FloatNumerics(), keeps_states=True), "m").spec.states == ()


def test_same_network_same_bytes(case: Case) -> None:
    one, two = (to_tflite(case.spec, case.graph, FloatNumerics()) for _ in range(2))
    assert one == two


def test_relus_cost_nothing(small: Case) -> None:
    codes = {
        code["builtin_code"]
        for code in read_flatbuffer(to_tflite(small.spec, small.graph, FloatNumerics()))["operator_codes"]
    }
    assert Op.RELU not in codes and Op.TRANSPOSE not in codes


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_turns_axes(preset: str) -> None:
    case = make_case(preset)
    codes = read_flatbuffer(to_tflite(case.spec, case.graph, FloatNumerics()))["operator_codes"]
    assert Op.TRANSPOSE not in {code["builtin_code"] for code in codes}


def test_what_does_not_belong_together_is_refused(small: Case, tmp_path: Path) -> None:
    wrong = dataclasses.replace(small.spec, front_end=FrontEndConfig(n_bands=12))
    with pytest.raises(ConfigError, match="the spec says bands 12, the network has 40"):
        write_tflite(wrong, small.graph, tmp_path / "m.tflite")
    with pytest.raises(ConfigError, match="n_steps is 0"):
        write_tflite_sequence(small.spec, small.graph, tmp_path / "m.tflite", 0)
    assert list(tmp_path.iterdir()) == []


def test_stale_states_of_the_spec_are_replaced(small: Case) -> None:
    stale = dataclasses.replace(small.spec, states=(StateSpec("old", (3,)),))
    assert parse_tflite(to_tflite(stale, small.graph, FloatNumerics()), "m").spec.states == small.graph.states
