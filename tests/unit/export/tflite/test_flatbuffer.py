"""What is written, against the generated code of the public TFLite schema (the package `tflite`)."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import tflite

from export.tflite.builder import Form, TfliteBuilder, per_tensor
from export.tflite.flatbuffer import encode_model
from kws.runtime.flatbuffer import read_flatbuffer
from kws.runtime.tflite_schema import OPTION_CODES, OPTIONS_OF, TABLES, DType, Op

_KINDS = {"bool": "Bool", "u8": "Uint8", "i8": "Int8", "i32": "Int32", "u32": "Uint32"}


class Recorder:
    """Notes what a generated function would store."""

    def __init__(self) -> None:
        self.stored: tuple[str, int, float] = ("", -1, 0.0)

    def __getattr__(self, name: str):
        def note(slot: int, value: object, default: float) -> None:
            self.stored = name.removeprefix("Prepend").removesuffix("Slot"), slot, default

        return note


@pytest.mark.parametrize("table", TABLES)
def test_slots_kinds_and_defaults_are_those_of_the_schema(table: str) -> None:
    module = importlib.import_module(f"tflite.{table}")
    for name, field in TABLES[table].items():
        recorder = Recorder()
        add = getattr(module, f"{table}Add" + "".join(part.capitalize() for part in name.split("_")))
        add(recorder, 0)
        kind = _KINDS.get(field.kind, "UOffsetTRelative")
        assert recorder.stored == (kind, field.slot, field.default), name


@pytest.mark.parametrize("op", Op)
def test_codes_of_operations(op: Op) -> None:
    assert getattr(tflite.BuiltinOperator, op.name) == op


def test_codes_of_types_and_options() -> None:
    assert {dtype.name: int(dtype) for dtype in DType} == {d.name: getattr(tflite.TensorType, d.name) for d in DType}
    for op, name in OPTIONS_OF.items():
        assert getattr(tflite.BuiltinOptions, name) == OPTION_CODES[name], op


def small_model() -> TfliteBuilder:
    builder = TfliteBuilder()
    x = builder.input("x", (1, 3))
    weight = builder.constant("weight", np.arange(6, dtype=np.float32).reshape(2, 3))
    bias = builder.constant("bias", np.array([0.5, -0.5], np.float32))
    builder.output(builder.fully_connected(x, weight, bias, relu=True), "y")
    return builder


def test_a_model_as_the_generated_code_reads_it() -> None:
    data = small_model().model("a name", {"note": b"hello"})
    assert tflite.Model.ModelBufferHasIdentifier(data, 0)
    model = tflite.Model.GetRootAs(data, 0)
    graph = model.Subgraphs(0)
    assert (model.Version(), model.Description(), model.SubgraphsLength()) == (3, b"a name", 1)
    assert [graph.Tensors(i).Name() for i in graph.InputsAsNumpy()] == [b"x"]
    assert [graph.Tensors(i).Name() for i in graph.OutputsAsNumpy()] == [b"y"]
    operator = graph.Operators(0)
    assert model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode() == tflite.BuiltinOperator.FULLY_CONNECTED
    options = tflite.FullyConnectedOptions()
    options.Init(operator.BuiltinOptions().Bytes, operator.BuiltinOptions().Pos)
    assert options.FusedActivationFunction() == tflite.ActivationFunctionType.RELU
    weight = graph.Tensors(operator.Inputs(1))
    stored = model.Buffers(weight.Buffer()).DataAsNumpy()
    assert np.array_equal(stored.view(np.float32), np.arange(6)) and list(weight.ShapeAsNumpy()) == [2, 3]
    note = model.Metadata(0)
    assert (note.Name(), bytes(model.Buffers(note.Buffer()).DataAsNumpy())) == (b"note", b"hello")
    signature = model.SignatureDefs(0)
    assert (signature.SignatureKey(), signature.Inputs(0).Name()) == (b"serving_default", b"x")


def test_what_is_written_is_read_back() -> None:
    row = small_model().to_row("a name", {"note": b"hello"})
    data = encode_model(row)
    read = read_flatbuffer(data)
    assert [code["builtin_code"] for code in read["operator_codes"]] == [Op.FULLY_CONNECTED]
    names = [tensor.get("name") for tensor in row["subgraphs"][0]["tensors"]]
    assert [tensor["name"] for tensor in read["subgraphs"][0]["tensors"]] == names
    places = [buffer["data"] for buffer in read["buffers"] if buffer["data"]]
    assert data[places[-1]] == b"hello" and all(place.start % 16 == 0 for place in places)


def test_weights_of_one_value_are_stored_once_and_metadata_never_with_them() -> None:
    builder = TfliteBuilder()
    first = builder.constant("a", np.zeros(4, np.float32))
    assert builder.constant("b", np.zeros(4, np.float32)) == first
    assert builder.constant("c", np.zeros(4, np.float32), per_tensor(1.0)) != first
    assert builder.constant("d", np.zeros(4), Form(DType.INT32)) != first
    builder.output(builder.reshape(builder.input("x", (1, 4)), 4, 1), "y")
    data = builder.model("", {"note": bytes(16)})
    places = [buffer["data"] for buffer in read_flatbuffer(data)["buffers"] if buffer["data"]]
    assert len({(place.start, place.stop) for place in places}) == len(places)


def test_same_model_same_bytes() -> None:
    assert small_model().model("a", {}) == small_model().model("a", {})
