"""TFLite files in whole numbers: near the floats, exact in silence, and made of what small runtimes have."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from export.tflite.forms import ranged_form, sigmoid_form, unit_form
from export.tflite.numerics import quantise_weight
from export.tflite.quantised import QuantisedNumerics
from export.tflite.writer import to_tflite, write_tflite_int8
from kws.errors import ConfigError
from kws.graph import Ranges, calibrate
from kws.models import PRESETS
from kws.runtime.flatbuffer import read_flatbuffer
from kws.runtime.tflite_runner import TfliteRunner
from kws.runtime.tflite_schema import DType, Op
from tests.unit.export.tflite.test_writer import Case, make_case

TOLERANCE = {"int16": 0.02, "int8": 0.08}
# What ESPHome's micro_wake_word registers, of that what is written here.
MICRO_WAKE_WORD = {
    Op.CALL_ONCE, Op.VAR_HANDLE, Op.READ_VARIABLE, Op.ASSIGN_VARIABLE, Op.RESHAPE, Op.STRIDED_SLICE, Op.CONCATENATION,
    Op.CONV_2D, Op.DEPTHWISE_CONV_2D, Op.MUL, Op.ADD, Op.MEAN, Op.FULLY_CONNECTED, Op.LOGISTIC, Op.QUANTIZE, Op.PAD,
}  # fmt: skip


@pytest.fixture(params=PRESETS, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(request.param)


@pytest.fixture(scope="module")
def small() -> Case:
    return make_case("small")


def ranges_of(case: Case) -> Ranges:
    return calibrate(case.graph, [case.inputs["features"][0]])


@pytest.mark.parametrize("state_type", TOLERANCE)
@pytest.mark.parametrize("model_input", ["features", "samples"])
def test_scores_are_near_the_floats(case: Case, state_type: str, model_input: str, tmp_path: Path) -> None:
    spec = dataclasses.replace(case.spec, input=model_input)
    write_tflite_int8(spec, case.graph, ranges_of(case), tmp_path / "m.tflite", state_type)
    opened = TfliteRunner(tmp_path / "m.tflite")
    scores = opened.run(case.inputs[model_input])
    assert np.abs(scores - case.scores).max() <= TOLERANCE[state_type]
    for have, want in zip(opened.states[-len(case.states) :], case.states, strict=True):
        assert np.abs(have - want).max() <= 0.2 * max(1.0, np.abs(want).max())


@pytest.mark.parametrize("state_type", TOLERANCE)
def test_silence_stays_exactly_zero(small: Case, state_type: str, tmp_path: Path) -> None:
    write_tflite_int8(small.spec, small.graph, ranges_of(small), tmp_path / "m.tflite", state_type)
    opened = TfliteRunner(tmp_path / "m.tflite")
    opened.run(np.zeros((1, 3 * small.spec.step_frames, 40), np.float32))
    assert not opened.states[0].any()


def test_values_are_whole_numbers_and_hidden_states_have_their_fixed_scale(small: Case) -> None:
    for state_type, dtype, step in (("int8", DType.INT8, 1 / 128), ("int16", DType.INT16, 1 / 32768)):
        numerics = QuantisedNumerics(small.graph, ranges_of(small), state_type)
        tensors = read_flatbuffer(to_tflite(small.spec, small.graph, numerics))["subgraphs"][0]["tensors"]
        named = {row["name"]: row for row in tensors if row["name"]}
        for name in ("features", "scores", "state_0_conv", "state_1_gru", "new_state_2_gru"):
            assert named[name]["type"] == dtype, name
        assert named["state_1_gru"]["quantization"]["scale"] == [step]
        assert named["state_1_gru"]["quantization"]["zero_point"] == [0]
        # Nothing is float32.
        assert {row["type"] for row in tensors}.isdisjoint({DType.FLOAT32})


def test_products_have_one_scale_and_convolutions_one_an_output(small: Case) -> None:
    model = read_flatbuffer(
        to_tflite(small.spec, small.graph, QuantisedNumerics(small.graph, ranges_of(small), "int8"))
    )
    codes = [code["builtin_code"] for code in model["operator_codes"]]
    graph = model["subgraphs"][0]
    scales: dict[int, set[int]] = {}
    for row in graph["operators"]:
        if len(row["inputs"]) == 3:
            weight = graph["tensors"][row["inputs"][1]]
            scales.setdefault(codes[row["opcode_index"]], set()).add(len(weight["quantization"]["scale"]))
    assert scales == {Op.FULLY_CONNECTED: {1}, Op.CONV_2D: {64}}


@pytest.mark.parametrize("preset", PRESETS)
def test_operations_are_those_of_micro_wake_word(preset: str) -> None:
    case = make_case(preset)
    data = to_tflite(case.spec, case.graph, QuantisedNumerics(case.graph, ranges_of(case), "int8"), keeps_states=True)
    assert {code["builtin_code"] for code in read_flatbuffer(data)["operator_codes"]} <= MICRO_WAKE_WORD


def test_size_of_the_default_family(tmp_path: Path) -> None:
    case = make_case("crnn")
    for state_type in TOLERANCE:
        write_tflite_int8(case.spec, case.graph, ranges_of(case), tmp_path / "m.tflite", state_type)
        assert (tmp_path / "m.tflite").stat().st_size < 100_000


def test_weights_by_hand() -> None:
    weight = np.array([[1.0, -2.0], [0.25, 0.0]], np.float32)
    stored, quantisation = quantise_weight(weight, None)
    assert stored.tolist() == [[64, -127], [16, 0]]
    assert quantisation.scale == pytest.approx((2 / 127,))
    stored, quantisation = quantise_weight(weight, 0)
    assert stored.tolist() == [[64, -127], [127, 0]]
    assert quantisation.scale == pytest.approx((2 / 127, 0.25 / 127))
    # Zeros stay zeros.
    assert not quantise_weight(np.zeros((2, 2), np.float32), 0)[0].any()


def test_forms_by_hand() -> None:
    form = ranged_form(DType.INT8, 0.0, 25.5)
    assert form.quantisation is not None and form.quantisation.zero_point == -128
    assert form.quantisation.scale == pytest.approx((0.1,))
    form = ranged_form(DType.INT8, -1.0, 1.55)
    assert form.quantisation is not None and form.quantisation.zero_point == -28
    form = ranged_form(DType.INT16, -6.5534, 1.0)
    assert form.quantisation is not None and form.quantisation.zero_point == 0
    assert form.quantisation.scale == pytest.approx((6.5534 / 32767,))
    for dtype, unit, sigmoid in ((DType.INT8, 1 / 128, 1 / 256), (DType.INT16, 1 / 32768, 1 / 32768)):
        for made, scale in ((unit_form(dtype), unit), (sigmoid_form(dtype), sigmoid)):
            assert made.quantisation is not None and made.quantisation.scale == (scale,)


def test_ranges_end_where_nothing_more_can_be_told(small: Case) -> None:
    numerics = QuantisedNumerics(small.graph, Ranges({"sum": (-40.0, 20.0)}), "int8")
    for factor, limit, low, high in ((1.0, np.inf, -40.0, 20.0), (1.0, 8.0, -8.0, 8.0), (0.5, 12.0, -12.0, 10.0)):
        assert numerics.ranged("sum", factor, limit) == ranged_form(DType.INT8, low, high)
    assert numerics.largest("sum", 2.0) == 80.0


def test_what_is_wrong_is_said(small: Case, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="state_type is 'int4'.*accepted are: int16, int8"):
        write_tflite_int8(small.spec, small.graph, ranges_of(small), tmp_path / "m.tflite", "int4")
    with pytest.raises(ConfigError, match="calibrate"):
        write_tflite_int8(small.spec, small.graph, Ranges({}), tmp_path / "m.tflite")
    assert list(tmp_path.iterdir()) == []
