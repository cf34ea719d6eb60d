"""What every registered runner keeps to. A new runner is tested once it has a line in `WRITERS`."""

import numpy as np
import pytest

from export.graph_writer import write_graph
from kws.errors import AudioError, ModelFileError
from kws.runtime import RUNNERS, open_runner
from tests.tiny_expected import expected, features
from tests.tiny_model import N_BANDS, tiny_spec, write_tiny_model
from tests.tiny_tflite import tiny_graph, write_tiny_tflite


def write_tiny_graph(path):
    write_graph(tiny_spec(states=()), tiny_graph(), path)
    return path


WRITERS = {".kws": write_tiny_graph, ".onnx": write_tiny_model, ".tflite": write_tiny_tflite}


@pytest.fixture(params=RUNNERS)
def open_tiny(request, tmp_path):
    path = WRITERS[request.param](tmp_path / f"tiny{request.param}")
    return lambda: open_runner(path)


def test_every_runner_is_tested():
    assert set(WRITERS) == set(RUNNERS)


def test_scores_by_hand(open_tiny):
    inputs = features(10)
    assert np.allclose(open_tiny().run(inputs), expected(inputs), atol=1e-6)


@pytest.mark.parametrize("steps", [(1,) * 12, (2, 2, 1, 2, 5), (3, 4, 1, 4), (12,), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_states_are_kept_for_any_blocks(open_tiny, steps):
    runner, inputs = open_tiny(), features(sum(steps))
    parts = [runner.run(part) for part in np.split(inputs, np.cumsum(steps)[:-1] * 4, axis=1)]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)


def test_reset_forgets(open_tiny):
    runner, inputs = open_tiny(), features(3)
    first = runner.run(inputs)
    assert not np.array_equal(runner.run(inputs), first)
    runner.reset()
    assert np.array_equal(runner.run(inputs), first)


def test_channels_share_nothing(open_tiny):
    runner, inputs = open_tiny(), features(6, n_channels=3)
    parts = [runner.run(inputs[:, :8]), runner.run(inputs[:, 8:])]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)
    # Another number of channels starts from silence.
    assert np.allclose(runner.run(inputs[:1]), expected(inputs[:1]), atol=1e-6)


@pytest.mark.parametrize("channels", [[2, 0], [1], [0, 0, 1, 2, 1], [0, 1, 2]])
def test_selected_channels_go_on(open_tiny, channels):
    runner, inputs = open_tiny(), features(6, n_channels=3)
    runner.run(inputs[:, :12])
    runner.select(channels)
    assert np.allclose(runner.run(inputs[channels, 12:]), expected(inputs)[channels, 3:], atol=1e-6)
    assert np.allclose(runner.run(inputs[channels]), expected(np.tile(inputs, (1, 2, 1)))[channels, 6:], atol=1e-6)


def test_scores_are_the_callers_own(open_tiny):
    runner, inputs = open_tiny(), features(1)
    first = runner.run(inputs)
    kept = first.copy()
    runner.run(inputs * 0)
    assert np.array_equal(first, kept)


def test_two_runners_at_a_time(open_tiny):
    # Their memory is the runtime's own: one must not see the other's.
    runners, inputs = [open_tiny() for _ in range(2)], features(8, n_channels=2)
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
def test_inputs_of_another_shape(open_tiny, shape):
    with pytest.raises(AudioError, match="multiple of 4"):
        open_tiny().run(np.zeros(shape, np.float32))


@pytest.mark.parametrize("suffix", RUNNERS)
def test_files_that_are_none(suffix, tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        open_runner(tmp_path / f"none{suffix}")
    (tmp_path / f"folder{suffix}").mkdir()
    with pytest.raises(ModelFileError, match="is no file"):
        open_runner(tmp_path / f"folder{suffix}")
    (tmp_path / f"empty{suffix}").touch()
    with pytest.raises(ModelFileError, match="has 0 bytes"):
        open_runner(tmp_path / f"empty{suffix}")


def test_an_unknown_suffix(tmp_path):
    with pytest.raises(ModelFileError, match=r"accepted suffixes of model files are \.kws, \.onnx, \.tflite"):
        open_runner(tmp_path / "model.pt")
