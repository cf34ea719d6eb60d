"""`OnnxRunner`: files that are not what they say."""

import dataclasses
import json

import numpy as np
import onnx
import pytest

from kws.cli.models import ASSETS
from kws.errors import MissingPackageError, ModelFileError
from kws.runtime import open_runner
from kws.runtime.onnx_runner import OnnxRunner
from kws.spec import METADATA_KEY, StateSpec
from tests.tiny_expected import features
from tests.tiny_model import tiny_model, tiny_spec, write_tiny_model


def refused(tmp_path, model: onnx.ModelProto | bytes) -> str:
    path = tmp_path / "bad.onnx"
    path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
    with pytest.raises(ModelFileError) as error:
        OnnxRunner(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)
    return str(error.value)


def test_suffix_chooses_the_runner(model_path):
    assert isinstance(open_runner(model_path), OnnxRunner)


def test_onnxruntime_missing(model_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(MissingPackageError, match=r"pip install -e '\.\[onnx\]'"):
        OnnxRunner(model_path)


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
