"""`TfliteRunner`: the same scores as by hand for any blocks and channels; which runtime is taken."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import pytest

from export.tflite.numerics import FloatNumerics
from export.tflite.writer import to_tflite
from kws.errors import AudioError, MissingPackageError, ModelFileError
from kws.runtime import open_runner
from kws.runtime.detector import Detector
from kws.runtime.tflite_runner import TfliteRunner
from tests.tiny_model import LOUDNESS, N_BANDS, bursts, tiny_spec, write_tiny_model
from tests.tiny_tflite import tiny_graph, write_tiny_tflite

SPEC = tiny_spec(states=())


@pytest.fixture
def model_path(tmp_path):
    return write_tiny_tflite(tmp_path / "tiny.tflite")


def features(n_steps: int, n_channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.uniform(0, 16, (n_channels, 4 * n_steps, N_BANDS)).astype(np.float32)


def expected(inputs: np.ndarray) -> np.ndarray:
    means = inputs.reshape(len(inputs), -1, 4 * N_BANDS).mean(axis=2)
    earlier = np.concatenate([np.zeros((len(inputs), 1)), means[:, :-1]], axis=1)
    return (1 / (1 + np.exp(-((means + earlier) / 2 - LOUDNESS))))[:, :, None]


def test_scores_by_hand(model_path):
    inputs = features(10)
    assert np.allclose(TfliteRunner(model_path).run(inputs), expected(inputs), atol=1e-6)


@pytest.mark.parametrize("steps", [(1,) * 12, (2, 2, 1, 2, 5), (3, 4, 1, 4), (12,)])
def test_states_are_kept_for_any_blocks(model_path, steps):
    runner, inputs = TfliteRunner(model_path), features(12)
    cuts = np.cumsum(steps)[:-1] * 4
    parts = [runner.run(part) for part in np.split(inputs, cuts, axis=1)]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)


def test_reset_forgets(model_path):
    runner, inputs = TfliteRunner(model_path), features(3)
    first = runner.run(inputs)
    assert not np.array_equal(runner.run(inputs), first)
    runner.reset()
    assert np.array_equal(runner.run(inputs), first)


def test_channels_share_nothing(model_path):
    runner, inputs = TfliteRunner(model_path), features(6, n_channels=3)
    parts = [runner.run(inputs[:, :8]), runner.run(inputs[:, 8:])]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)
    # Another number of channels starts from silence.
    assert np.allclose(runner.run(inputs[:1]), expected(inputs[:1]), atol=1e-6)


@pytest.mark.parametrize("channels", [[2, 0], [1], [0, 0, 1, 2, 1], [0, 1, 2]])
def test_selected_channels_go_on(model_path, channels):
    runner, inputs = TfliteRunner(model_path), features(6, n_channels=3)
    runner.run(inputs[:, :12])
    runner.select(channels)
    assert np.allclose(runner.run(inputs[channels, 12:]), expected(inputs)[channels, 3:], atol=1e-6)
    assert np.allclose(runner.run(inputs[channels]), expected(np.tile(inputs, (1, 2, 1)))[channels, 6:], atol=1e-6)


def test_scores_and_states_are_the_callers_own(model_path):
    runner, inputs = TfliteRunner(model_path), features(1)
    first = runner.run(inputs)
    state = runner.states[0]
    kept = first.copy(), state.copy()
    runner.run(inputs * 0)
    assert np.array_equal(first, kept[0]) and np.array_equal(state, kept[1])


def test_states_have_the_shape_of_the_spec(model_path):
    runner, inputs = TfliteRunner(model_path), features(3, n_channels=2)
    runner.run(inputs)
    assert runner.spec.states[0].shape == (N_BANDS, 4)
    assert np.array_equal(runner.states[0], inputs[:, -4:].transpose(0, 2, 1))


def test_two_runners_at_a_time(model_path):
    # Their memory is the runtime's own: one must not see the other's.
    runners, inputs = [TfliteRunner(model_path) for _ in range(2)], features(8, n_channels=2)
    parts = [[], []]
    for step in range(8):
        for index, runner in enumerate(runners):
            parts[index].append(runner.run(inputs[index : index + 1, 4 * step : 4 * step + 4]))
    for index in range(2):
        scores = np.concatenate(parts[index], axis=1)
        assert np.allclose(scores, expected(inputs[index : index + 1]), atol=1e-6)


@pytest.mark.parametrize(
    "shape", [(1, 3, N_BANDS), (1, 4, N_BANDS + 1), (4, N_BANDS), (0, 4, N_BANDS), (1, 0, N_BANDS)]
)
def test_inputs_of_another_shape(model_path, shape):
    with pytest.raises(AudioError, match="multiple of 4"):
        TfliteRunner(model_path).run(np.zeros(shape, np.float32))


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
