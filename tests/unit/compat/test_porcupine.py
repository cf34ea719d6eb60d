"""`kws.compat.porcupine`: the shapes of Porcupine's documentation, the events of our own detector."""

import array

import numpy as np
import pytest

from kws.compat import porcupine
from kws.config import DecisionConfig
from kws.errors import AudioError, ConfigError, ModelFileError
from kws.runtime import Detector
from tests.tiny_model import bursts, tiny_spec, write_tiny_model


@pytest.fixture
def path(tmp_path):
    return write_tiny_model(tmp_path / "tiny.onnx")


def frames(samples, n_samples=512):
    return [samples[i : i + n_samples] for i in range(0, len(samples) - n_samples + 1, n_samples)]


def heard(handle, samples) -> list[tuple[int, int]]:
    """Frames at which something was heard, and what."""
    found = [(number, handle.process(frame)) for number, frame in enumerate(frames(samples))]
    return [(number, index) for number, index in found if index >= 0]


def frame_of(time_s: float) -> int:
    """Return the frame that completes the block of 1280 samples in which an event lies."""
    block = -(-round(time_s * 16_000) // 1280)
    return -(-block * 1280 // 512) - 1


def test_attributes(path):
    handle = porcupine.create(access_key="any", keyword_paths=[path])
    assert (handle.frame_length, handle.sample_rate, handle.version) == (512, 16_000, "3.0.0")


def test_events_of_the_detector(path):
    handle = porcupine.create(keyword_paths=[path])
    events = Detector.open(path).process(bursts())
    assert len(events) == 2
    assert heard(handle, bursts()) == [(frame_of(event.time_s), 0) for event in events]


@pytest.mark.parametrize("kind", [tuple, list, lambda frame: array.array("h", frame), np.int64])
def test_kinds_of_sequences(path, kind):
    handle = porcupine.create(keyword_paths=[path])
    found = [handle.process(kind(frame.tolist())) for frame in frames(bursts())]
    assert [index for index in found if index >= 0] == [0, 0]
    assert all(type(index) is int for index in found)


def test_each_of_two_models_has_its_index(path, tmp_path):
    """Both fire in the same block; the second is returned with the next frame."""
    later = write_tiny_model(tmp_path / "later.onnx")
    found = heard(porcupine.create(keyword_paths=[path, later]), bursts())
    events = Detector.open(path).process(bursts())
    assert found == [(frame_of(event.time_s) + late, late) for event in events for late in (0, 1)]


def test_two_keywords_of_one_model_have_one_index(tmp_path):
    path = write_tiny_model(tmp_path / "two.onnx", tiny_spec(keywords=("loud", "louder"), decision={}))
    assert len(Detector.open(path).process(bursts())) == 4
    assert [index for _, index in heard(porcupine.create(keyword_paths=[path]), bursts())] == [0] * 4


def test_bundled_keywords():
    assert list(porcupine.KEYWORDS) == ["computer"]
    handle = porcupine.create(keywords=["computer"])
    assert handle.process([0] * 512) == -1


def test_sensitivity_moves_the_threshold(tmp_path):
    spec = tiny_spec(keywords=("a", "b"), decision={"a": DecisionConfig(0.5), "b": DecisionConfig(0.9)})
    path = write_tiny_model(tmp_path / "two.onnx", spec)
    thresholds = []
    for sensitivity in (0.0, 0.25, 0.5, 0.75, 1.0):
        changed = porcupine._with_sensitivity(Detector.open(path).spec, sensitivity)
        thresholds.append([changed.decision_of(keyword).threshold for keyword in ("a", "b")])
    assert thresholds[0] == [1.0, 1.0]
    assert thresholds[2] == [0.5, 0.9]
    assert thresholds[4] == pytest.approx([0.25, 0.81])
    assert all(np.all(np.diff(thresholds, axis=0) < 0, axis=0))


def test_sensitivity_changes_what_is_heard(path):
    quiet = (bursts() // 20).astype(np.int16)
    n_heard = [
        len(heard(porcupine.create(keyword_paths=[path], sensitivities=[value]), quiet)) for value in (0.0, 0.5, 1.0)
    ]
    assert n_heard == [0, 0, 2]


def test_delete(path):
    handle = porcupine.create(keyword_paths=[path])
    handle.delete()
    handle.delete()
    with pytest.raises(ConfigError, match="after delete"):
        handle.process([0] * 512)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (dict(), "neither keywords nor keyword_paths"),
        (dict(keywords=["alexa"]), "keywords is 'alexa'"),
        (dict(keywords=[]), "0 keywords have 0 sensitivities"),
        (dict(keywords=["computer"], sensitivities=[0.5, 0.5]), "1 keywords have 2 sensitivities"),
        (dict(keywords=["computer"], sensitivities=[1.5]), "sensitivities is 1.5"),
        (dict(keywords=["computer"], model_path="de.pv"), "model_path is 'de.pv'"),
        (dict(keywords=["computer"], library_path="lib.so"), "library_path is 'lib.so'"),
    ],
)
def test_arguments_that_are_refused(arguments, expected):
    with pytest.raises(ValueError, match=expected):
        porcupine.create("key", **arguments)


def test_files_that_are_refused():
    with pytest.raises(ModelFileError, match="computer_linux.ppn"):
        porcupine.create(keyword_paths=["computer_linux.ppn"])


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ([0] * 511, "accepted are 512 samples"),
        (np.zeros((1, 512), np.int16), "accepted are 512 samples"),
        ([0.5] * 512, "accepted are whole numbers"),
        ([40_000] * 512, "accepted are whole numbers from -32768 to 32767"),
    ],
)
def test_frames_that_are_refused(path, frame, expected):
    with pytest.raises(AudioError, match=expected):
        porcupine.create(keyword_paths=[path]).process(frame)
