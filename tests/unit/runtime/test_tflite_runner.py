"""`TfliteRunner`: which runtime is taken, and what its memory is."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from export.tflite.numerics import FloatNumerics
from export.tflite.writer import to_tflite
from kws.errors import MissingPackageError, ModelFileError
from kws.runtime import open_runner
from kws.runtime.detector import Detector
from kws.runtime.tflite_runner import TfliteRunner
from tests.tiny_expected import expected, features
from tests.tiny_model import N_BANDS, bursts, tiny_spec, write_tiny_model
from tests.tiny_tflite import tiny_graph, write_tiny_tflite

SPEC = tiny_spec(states=())


@pytest.fixture
def model_path(tmp_path):
    return write_tiny_tflite(tmp_path / "tiny.tflite")


def test_states_are_the_callers_own(model_path):
    runner, inputs = TfliteRunner(model_path), features(1)
    runner.run(inputs)
    state = runner.states[0]
    kept = state.copy()
    runner.run(inputs * 0)
    assert np.array_equal(state, kept)


def test_states_have_the_shape_of_the_spec(model_path):
    runner, inputs = TfliteRunner(model_path), features(3, n_channels=2)
    runner.run(inputs)
    assert runner.spec.states[0].shape == (N_BANDS, 4)
    assert np.array_equal(runner.states[0], inputs[:, -4:].transpose(0, 2, 1))


def test_suffix_chooses_the_runner(model_path):
    assert isinstance(open_runner(model_path), TfliteRunner)


@pytest.mark.parametrize("model_input", ["features", "samples"])
def test_same_events_as_onnx_to_the_sample(tmp_path, model_input):
    spec = dataclasses.replace(SPEC, input=model_input)
    onnx = Detector.open(write_tiny_model(tmp_path / "tiny.onnx"))
    lite = Detector.open(write_tiny_tflite(tmp_path / "tiny.tflite", spec))
    audio = np.stack([bursts(), bursts((0.5, 2.0, 4.0), seed=1)])
    for samples in (audio[0], audio):
        both = [[(e.time_s, e.keyword, e.channel) for e in detector.process(samples)] for detector in (onnx, lite)]
        assert both[0] == both[1] and len(both[0]) >= 2
        onnx.reset()
        lite.reset()


def test_without_a_runtime_it_says_what_to_install(model_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    with pytest.raises(MissingPackageError, match=r"ai-edge-litert .*pip install -e '\.\[tflite\]'"):
        TfliteRunner(model_path)


def test_tflite_runtime_is_the_second_choice(model_path, monkeypatch):
    import ai_edge_litert.interpreter as litert

    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", litert)
    inputs = features(3)
    assert np.allclose(TfliteRunner(model_path).run(inputs), expected(inputs), atol=1e-6)


def test_scores_that_are_no_probabilities(tmp_path):
    graph = tiny_graph()
    (tmp_path / "m.tflite").write_bytes(
        to_tflite(SPEC, dataclasses.replace(graph, operations=graph.operations[:1], target="raised"), FloatNumerics())
    )
    with pytest.raises(ModelFileError, match="scores outside 0 to 1"):
        TfliteRunner(tmp_path / "m.tflite")


def test_two_keywords(tmp_path):
    spec = tiny_spec(keywords=("loud", "louder"), states=())
    scores = TfliteRunner(write_tiny_tflite(tmp_path / "two.tflite", spec)).run(features(4))
    assert scores.shape == (1, 4, 2) and np.all(scores[..., 0] > scores[..., 1])
