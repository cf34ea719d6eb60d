"""`kws.compat.openwakeword`: the shapes of openWakeWord's documentation, the scores of our own chain."""

import numpy as np
import pytest
import soundfile

from kws.compat.openwakeword import BUNDLED, Model
from kws.errors import AudioError, ConfigError, ModelFileError
from kws.runtime import Scorer, open_runner
from tests.tiny_model import bursts, tiny_spec, write_tiny_model

FRAME = 1280


@pytest.fixture
def path(tmp_path):
    return write_tiny_model(tmp_path / "my_word.onnx")


@pytest.fixture
def model(path):
    return Model(wakeword_models=[str(path)], inference_framework="onnx")


def block_scores(path, samples) -> list[float]:
    """Highest score of each 80 ms, from the chain that `kws run` has."""
    return [float(scores.max()) for scores in Scorer(open_runner(path)).process(samples)]


def predictions(model, samples, frame=FRAME, **options) -> list[float]:
    return [model.predict(samples[i : i + frame], **options)["my_word"] for i in range(0, len(samples), frame)]


def test_scores_of_frames(model, path):
    samples = bursts()[: 60 * FRAME]
    expected = block_scores(path, samples)
    assert predictions(model, samples) == expected
    assert max(expected) > 0.9 and min(expected) < 0.1
    assert list(model.prediction_buffer["my_word"]) == expected[-30:]


def test_shape_of_a_prediction(model):
    prediction = model.predict(np.zeros(FRAME, np.int16))
    assert list(prediction) == ["my_word"] and type(prediction["my_word"]) is float
    assert list(model.models) == ["my_word"]


def test_longer_frames_give_the_highest_score(model, path):
    samples = bursts()[: 60 * FRAME]
    each = block_scores(path, samples)
    assert predictions(model, samples, 3 * FRAME) == [max(each[i : i + 3]) for i in range(0, 60, 3)]


def test_shorter_frames_repeat_the_last_score(model, path):
    samples = bursts()[: 20 * FRAME]
    each = [0.0, *block_scores(path, samples)]
    assert predictions(model, samples, 640) == [each[(i + 1) // 2] for i in range(40)]


def test_reset_starts_from_silence(model):
    samples = bursts()[12 * FRAME : 16 * FRAME]
    first = predictions(model, samples)
    assert predictions(model, samples) != first
    model.reset()
    assert not model.prediction_buffer
    assert predictions(model, samples) == first


def test_patience(model, path):
    samples = bursts()
    scores = block_scores(path, samples)
    patient = predictions(model, samples[: len(scores) * FRAME], patience={"my_word": 3}, threshold={"my_word": 0.5})
    expected = [score if i >= 2 and min(scores[i - 2 : i + 1]) >= 0.5 else 0.0 for i, score in enumerate(scores)]
    assert patient == expected
    # Two bursts of half a second: six blocks each, of which the first two are held back.
    assert 0 < sum(score > 0 for score in patient) < sum(score >= 0.5 for score in scores)


def test_patience_counts_raw_scores(model, path):
    """The zeros that it returns do not keep the next score from being patient enough."""
    predictions(model, bursts()[: 14 * FRAME], patience={"my_word": 2}, threshold={"my_word": 0.5})
    assert list(model.prediction_buffer["my_word"]) == block_scores(path, bursts()[: 14 * FRAME])


def test_debounce(model):
    debounced = predictions(model, bursts(), debounce_time=1.0, threshold={"my_word": 0.5})
    fired = [i for i, score in enumerate(debounced) if score >= 0.5]
    # Bursts start at 1 s and 3 s.
    assert [round(i * 0.08, 1) for i in fired] == [1.0, 3.0]


def test_timing(model):
    scores, timing = model.predict(np.zeros(FRAME, np.int16), timing=True)
    assert list(scores) == list(timing["models"]) == ["my_word"]
    assert timing["models"]["my_word"] > 0


def test_clip(model, path, tmp_path):
    samples = bursts((1.0,), 2.0)
    soundfile.write(tmp_path / "clip.wav", samples, 16_000)
    silence = np.zeros(16_000, np.int16)
    padded = np.concatenate([silence, samples, silence])
    expected = [{"my_word": score} for score in block_scores(path, padded)]
    assert model.predict_clip(str(tmp_path / "clip.wav")) == expected
    assert model.predict_clip(samples) == expected
    longer = model.predict_clip(samples, padding=0, chunk_size=2560, threshold={"my_word": 0.5}, debounce_time=0.5)
    assert len(longer) == -(-len(samples) // 2560)


def test_several_keywords_and_models(tmp_path):
    two = write_tiny_model(tmp_path / "two.onnx", tiny_spec(keywords=("loud", "louder"), decision={}))
    one = write_tiny_model(tmp_path / "one.onnx")
    model = Model([two, one])
    model.predict(bursts()[: 14 * FRAME])
    scores = model.predict(bursts()[14 * FRAME : 15 * FRAME])
    assert list(scores) == ["loud", "louder", "one"] and list(model.models) == ["two", "one"]
    assert scores["loud"] == scores["one"] > scores["louder"] > 0


def test_bundled_models_by_name():
    for given in ((), ["computer"], [BUNDLED["computer"]]):
        assert list(Model(given).predict(np.zeros(FRAME, np.int16))) == ["computer"]


def test_arguments_that_programs_pass_and_that_change_nothing(path):
    Model(
        wakeword_models=[path], class_mapping_dicts=[], enable_speex_noise_suppression=False, vad_threshold=0,
        custom_verifier_models={}, custom_verifier_threshold=0.3, inference_framework="tflite", ncpu=2, device="cpu",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (dict(vad_threshold=0.5), "vad_threshold is 0.5"),
        (dict(enable_speex_noise_suppression=True), "enable_speex_noise_suppression is True"),
        (dict(custom_verifier_models={"a": "b.pkl"}), "custom_verifier_models is"),
        (dict(class_mapping_dicts=[{"0": "a"}]), "class_mapping_dicts is"),
        (dict(inference_framework="torch"), "accepted are: onnx, tflite"),
        (dict(wakeword_model=["a"]), "argument is 'wakeword_model'"),
    ],
)
def test_arguments_that_are_refused(path, arguments, expected):
    with pytest.raises(ConfigError, match=expected):
        Model(**{"wakeword_models": [path], **arguments})


def test_files_that_are_refused(path, tmp_path):
    with pytest.raises(ModelFileError, match="hey_jarvis"):
        Model(["hey_jarvis"])
    with pytest.raises(ConfigError, match="two files called my_word"):
        Model([path, path])
    other = write_tiny_model(tmp_path / "two.onnx", tiny_spec(keywords=("my_word", "b"), decision={}))
    with pytest.raises(ConfigError, match="share names"):
        Model([path, other])


@pytest.mark.parametrize(
    "frame", [[0] * FRAME, np.zeros(FRAME, np.float32), np.zeros((1, FRAME), np.int16), b"ab"], ids=str
)
def test_frames_that_are_refused(model, frame):
    with pytest.raises(AudioError, match="accepted is an int16 array"):
        model.predict(frame)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (dict(patience={"my_word": 2}), "threshold is missing"),
        (dict(debounce_time=1.0), "threshold is missing"),
        (dict(patience={"alexa": 2}, threshold={"alexa": 0.5}), "name is 'alexa'"),
        (dict(patience={"my_word": 0}, threshold={"my_word": 0.5}), "patience of my_word is 0"),
        (dict(patience={"my_word": 2}, threshold={"my_word": 0.5}, debounce_time=1.0), "both given"),
    ],
)
def test_options_that_are_refused(model, options, expected):
    with pytest.raises(ValueError, match=expected):
        model.predict(np.zeros(FRAME, np.int16), **options)
