"""`OnnxRunner`: the same scores for any blocks, and files that are not what they say."""

import dataclasses
import json

import numpy as np
import onnx
import pytest

from kws.cli.models import ASSETS
from kws.errors import AudioError, MissingPackageError, ModelFileError
from kws.runtime import open_runner
from kws.runtime.onnx_runner import OnnxRunner
from kws.spec import METADATA_KEY, StateSpec
from tests.tiny_model import LOUDNESS, N_BANDS, tiny_model, tiny_spec, write_tiny_model


def features(n_steps: int, n_channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.uniform(0, 16, (n_channels, 4 * n_steps, N_BANDS)).astype(np.float32)


def expected(inputs: np.ndarray) -> np.ndarray:
    means = inputs.reshape(len(inputs), -1, 4 * N_BANDS).mean(axis=2)
    earlier = np.concatenate([np.zeros((len(inputs), 1)), means[:, :-1]], axis=1)
    return (1 / (1 + np.exp(-((means + earlier) / 2 - LOUDNESS))))[:, :, None]


def refused(tmp_path, model: onnx.ModelProto | bytes) -> str:
    path = tmp_path / "bad.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(ModelFileError) as error:
        OnnxRunner(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)
    return str(error.value)


def test_scores_by_hand(model_path):
    inputs = features(10)
    assert np.allclose(OnnxRunner(model_path).run(inputs), expected(inputs), atol=1e-6)


@pytest.mark.parametrize("steps", [(1,) * 12, (2, 2, 1, 2, 5), (3, 4, 1, 4), (12,)])
def test_states_are_kept_for_any_blocks(model_path, steps):
    runner, inputs = OnnxRunner(model_path), features(12)
    cuts = np.cumsum(steps)[:-1] * 4
    parts = [runner.run(part) for part in np.split(inputs, cuts, axis=1)]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)


def test_many_shapes_do_not_mix_up_states(model_path):
    # More shapes than are kept bound.
    runner, inputs = OnnxRunner(model_path), features(45)
    cuts = np.cumsum([1, 2, 3, 4, 5, 6, 7, 8]) * 4
    parts = [runner.run(part) for part in np.split(inputs, cuts, axis=1)]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)


def test_reset_forgets(model_path):
    runner, inputs = OnnxRunner(model_path), features(3)
    first = runner.run(inputs)
    assert not np.array_equal(runner.run(inputs), first)
    runner.reset()
    assert np.array_equal(runner.run(inputs), first)


def test_channels_are_the_batch(model_path):
    runner, inputs = OnnxRunner(model_path), features(6, n_channels=3)
    parts = [runner.run(inputs[:, :8]), runner.run(inputs[:, 8:])]
    assert np.allclose(np.concatenate(parts, axis=1), expected(inputs), atol=1e-6)
    # Another number of channels starts from silence.
    assert np.allclose(runner.run(inputs[:1]), expected(inputs[:1]), atol=1e-6)


@pytest.mark.parametrize("channels", [[2, 0], [1], [0, 0, 1, 2, 1], [0, 1, 2]])
def test_selected_channels_go_on(model_path, channels):
    runner, inputs = OnnxRunner(model_path), features(6, n_channels=3)
    runner.run(inputs[:, :12])
    runner.select(channels)
    assert np.allclose(runner.run(inputs[channels, 12:]), expected(inputs)[channels, 3:], atol=1e-6)
    assert np.allclose(runner.run(inputs[channels]), expected(np.tile(inputs, (1, 2, 1)))[channels, 6:], atol=1e-6)


def test_scores_are_the_callers_own(model_path):
    runner, inputs = OnnxRunner(model_path), features(1)
    first = runner.run(inputs)
    kept = first.copy()
    runner.run(inputs * 0)
    assert np.array_equal(first, kept)


@pytest.mark.parametrize(
    "shape", [(1, 3, N_BANDS), (1, 4, N_BANDS + 1), (4, N_BANDS), (0, 4, N_BANDS), (1, 0, N_BANDS)]
)
def test_inputs_of_another_shape(model_path, shape):
    with pytest.raises(AudioError, match="multiple of 4"):
        OnnxRunner(model_path).run(np.zeros(shape, np.float32))


def test_suffix_chooses_the_runner(model_path, tmp_path):
    assert isinstance(open_runner(model_path), OnnxRunner)
    with pytest.raises(ModelFileError, match=r"accepted suffixes of model files are .*\.onnx"):
        open_runner(tmp_path / "model.pt")


def test_onnxruntime_missing(model_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"pip install -e '\.\[onnx\]'"):
        OnnxRunner(model_path)


def test_missing_empty_and_directory(tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        OnnxRunner(tmp_path / "none.onnx")
    with pytest.raises(ModelFileError, match="is no file"):
        OnnxRunner(tmp_path)
    assert "has 0 bytes" in refused(tmp_path, b"")


def test_truncated_anywhere(tmp_path):
    whole = tiny_model().SerializeToString()
    for n_bytes in (1, 5, 20, len(whole) // 3, len(whole) // 2, len(whole) - 100, len(whole) - 1):
        assert "truncated" in refused(tmp_path, whole[:n_bytes]) or n_bytes < 10


@pytest.mark.parametrize(
    "content", [b"hello, I am no model at all", b"\x80\x04\x95pickle", b"\x00" * 500, b"\xff" * 64]
)
def test_not_onnx(tmp_path, content):
    refused(tmp_path, content)


def test_too_big_is_not_read(tmp_path):
    path = tmp_path / "big.onnx"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024 + 1)
    with pytest.raises(ModelFileError, match="accepted are 1 to 67108864"):
        OnnxRunner(path)


def test_not_ours(tmp_path):
    assert "no model of this toolkit" in refused(tmp_path, tiny_model(metadata={}))
    assert "not JSON" in refused(tmp_path, tiny_model(metadata={METADATA_KEY: "{"}))


def test_newer_format(tmp_path):
    values = {**tiny_spec().to_dict(), "format": 2, "something_new": 1}
    message = refused(tmp_path, tiny_model(metadata={METADATA_KEY: json.dumps(values)}))
    assert "format 2" in message and "update the toolkit" in message


def test_spec_with_hostile_sizes(tmp_path):
    def with_states(*shapes):
        values = tiny_spec().to_dict()
        values["states"] = [{"name": f"s{i}", "shape": list(shape)} for i, shape in enumerate(shapes)]
        return tiny_model(metadata={METADATA_KEY: json.dumps(values)})

    assert "size" in refused(tmp_path, with_states((2**31, 2**31)))
    assert "states have" in refused(tmp_path, with_states(*[(4_000_000,)] * 50))


def test_weights_that_claim_more_than_they_hold(tmp_path):
    model = tiny_model()
    del model.graph.initializer[-1].dims[:]
    model.graph.initializer[-1].dims.extend([2**40])
    assert "claim 1099511627776 values" in refused(tmp_path, model)


def test_external_data(tmp_path):
    model = tiny_model()
    tensor = model.graph.initializer[-1]
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    assert "another file" in refused(tmp_path, model)


def test_operations_that_make_much_from_little(tmp_path):
    model = tiny_model()
    shape = onnx.numpy_helper.from_array(np.array([2**20, 2**20]), "shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(onnx.helper.make_node("ConstantOfShape", ["shape"], ["huge"]))
    assert "'ConstantOfShape', which is not accepted" in refused(tmp_path, model)


def test_huge_whole_numbers(tmp_path):
    model = tiny_model()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0, 2**40]), "paddings"))
    model.graph.node.append(onnx.helper.make_node("Pad", ["weight", "paddings"], ["huge"]))
    assert "a size is 1099511627776" in refused(tmp_path, model)


def test_foreign_operation(tmp_path):
    model = tiny_model()
    model.graph.node.append(onnx.helper.make_node("Run", ["weight"], ["x"], domain="evil"))
    assert "'evil.Run'" in refused(tmp_path, model)


def test_graph_that_is_not_what_its_spec_says(tmp_path):
    text = refused(tmp_path, tiny_model(metadata={METADATA_KEY: tiny_spec(states=()).to_json()}))
    assert "has the inputs features, before; its spec says features" in text
    other = tiny_spec(states=(StateSpec("before", (2, 1)),))
    assert "before is" in refused(tmp_path, tiny_model(metadata={METADATA_KEY: other.to_json()}))
    words = tiny_spec(keywords=("loud", "louder"))
    assert "scores is" in refused(tmp_path, tiny_model(metadata={METADATA_KEY: words.to_json()}))


def test_outputs_of_another_length_fail_when_opened(tmp_path):
    # The graph gives a score every 4 frames, the spec says every 8.
    refused(tmp_path, tiny_model(metadata={METADATA_KEY: tiny_spec(step_frames=8).to_json()}))


def test_batch_must_be_open(tmp_path):
    model = tiny_model()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    assert "features is" in refused(tmp_path, model)


def test_two_keywords(tmp_path):
    spec = tiny_spec(keywords=("loud", "louder"))
    runner = OnnxRunner(write_tiny_model(tmp_path / "two.onnx", spec))
    scores = runner.run(features(4))
    assert scores.shape == (1, 4, 2) and np.all(scores[..., 0] > scores[..., 1])
    assert runner.spec == dataclasses.replace(spec)


@pytest.mark.parametrize("place", [0.3, 0.6, 0.9])
def test_a_flipped_bit_anywhere_in_the_bundled_model_is_found(tmp_path, place):
    data = bytearray((ASSETS / "computer.onnx").read_bytes())
    data[int(place * len(data))] ^= 0x40
    refused(tmp_path, bytes(data))


def test_a_flipped_weight_is_damage(tmp_path):
    model = onnx.load(ASSETS / "computer.onnx")
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    raw = bytearray(weight.raw_data)
    raw[3] ^= 0x40
    weight.raw_data = bytes(raw)
    assert refused(tmp_path, model).endswith("is damaged (its checksum does not fit its content)")
