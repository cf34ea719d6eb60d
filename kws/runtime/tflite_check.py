"""Check a TFLite model before a runtime allocates anything: tensors, operations and signature of a streaming step.

What is accepted is what :mod:`export.tflite.writer` writes. Runtimes divide by strides, index by axes and read weights
by shapes, and not all of that is checked there; so every operation here must have exactly the shapes that it computes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kws.errors import ModelFileError
from kws.runtime.tflite_file import TfliteFile
from kws.runtime.tflite_operations import OperationError, Step, TensorInfo, check_operation
from kws.runtime.tflite_schema import (
    NUMPY_TYPES,
    OPTION_CODES,
    OPTIONS_OF,
    SCHEMA_VERSION,
    SIGNATURE_KEY,
    DType,
    Op,
    Row,
)
from kws.spec import MAX_STATE_VALUES, ModelSpec, StateSpec

NEW_STATE_PREFIX = "new_"

MAX_COMPUTED_VALUES = 8_000_000
MAX_MULTIPLICATIONS = 1_000_000_000
"""Both of one step, whatever the operations are: memory and time are bounded before anything runs."""

_MAX_VERSION = 12
_VARIABLES = {Op.CALL_ONCE, Op.VAR_HANDLE, Op.READ_VARIABLE, Op.ASSIGN_VARIABLE}
_MAX_AXES = 5
_NEWER_CODES = 127


@dataclass(frozen=True)
class Signature:
    """The tensors of a step by name, in the order of the file."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


def check_step(file: TfliteFile, where: str) -> Signature:
    """Return the signature of a file that holds one streaming step with explicit states.

    Parameters
    ----------
    file : TfliteFile
        Untrusted.
    where : str
        Name of the file, for messages.

    Raises
    ------
    ModelFileError
        If a size, a type or an operation is not accepted, or the model is not the step that its spec describes.
    """
    model = file.model
    try:
        graph = _main_graph(model)
        _require_step(model)
        tensors = _tensors(file, graph)
        _check_operations(model, graph, tensors)
        signature = _signature(model, graph, tensors)
    except OperationError as error:
        raise ModelFileError(f"{where}: {error}") from None
    _check_spec(signature, file.spec, where)
    return signature


def read_signature(file: TfliteFile, where: str) -> Signature:
    """Return the signature of any model that is written here; what its operations are is not looked at.

    Raises
    ------
    ModelFileError
        If it has none, or its tensors cannot be.
    """
    try:
        graph = _main_graph(file.model)
        signature = _signature(file.model, graph, _tensors(file, graph))
    except OperationError as error:
        raise ModelFileError(f"{where}: {error}") from None
    if file.spec.input not in signature.inputs or "scores" not in signature.outputs:
        raise ModelFileError(f"{where}: has no input {file.spec.input!r} or no output 'scores'")
    return signature


def _main_graph(model: Row) -> Row:
    graphs, buffers = model["subgraphs"] or [], model["buffers"] or []
    if model["version"] != SCHEMA_VERSION or not graphs or not buffers or buffers[0]["data"]:
        raise OperationError("is no TFLite model of version 3")
    return dict(graphs[0])


def _require_step(model: Row) -> None:
    if any(code["builtin_code"] in _VARIABLES for code in model["operator_codes"] or []):
        raise OperationError("keeps its states to itself; accepted is a model whose states are inputs")
    if len(model["subgraphs"]) != 1:
        raise OperationError(f"has {len(model['subgraphs'])} subgraphs; accepted is one")


def _tensors(file: TfliteFile, graph: Row) -> list[TensorInfo]:
    buffers = file.model["buffers"]
    tensors = []
    for row in graph["tensors"] or []:
        name = row["name"] or ""
        if row["buffer"] >= len(buffers):
            raise OperationError(f"tensor {name[:60]!r} lies in a buffer that is not there")
        tensors.append(_tensor(file.data, name, row, buffers[row["buffer"]]["data"]))
    computed = sum(tensor.n_values for tensor in tensors if tensor.data is None)
    if computed > MAX_COMPUTED_VALUES:
        raise OperationError(f"computes {computed} values a step; accepted are {MAX_COMPUTED_VALUES}")
    return tensors


def _tensor(data: bytes, name: str, row: Row, place: slice | None) -> TensorInfo:
    shape = tuple(row["shape"] or ())
    if row["type"] not in NUMPY_TYPES:
        raise OperationError(f"tensor {name[:60]!r} has the type {row['type']}, which is not accepted")
    if not 1 <= len(shape) <= _MAX_AXES or not all(1 <= axis <= MAX_COMPUTED_VALUES for axis in shape):
        raise OperationError(f"tensor {name[:60]!r} has the shape {list(shape)[:8]}, which is not accepted")
    dtype = DType(row["type"])
    n_bytes = math.prod(shape) * NUMPY_TYPES[dtype].itemsize
    if place is not None and (place.stop - place.start != n_bytes or dtype is DType.RESOURCE):
        raise OperationError(f"tensor {name[:60]!r} claims {n_bytes} bytes, its buffer has {place.stop - place.start}")
    if place is not None and place.start % 16:
        raise OperationError(f"tensor {name[:60]!r} is not aligned")
    scale, zero_point, axis = _quantisation(name, row["quantization"], dtype, shape)
    values = None if place is None else np.frombuffer(data[place], NUMPY_TYPES[dtype]).reshape(shape)
    return TensorInfo(name, shape, dtype, values, scale, zero_point, axis)


def _quantisation(
    name: str, row: Row | None, dtype: DType, shape: tuple[int, ...]
) -> tuple[tuple[float, ...], int, int]:
    if row is None or not row["scale"]:
        if dtype in (DType.INT8, DType.INT16):
            raise OperationError(f"tensor {name[:60]!r} is quantised without a scale")
        return (), 0, 0
    scale, zeros, axis = tuple(row["scale"]), row["zero_point"] or [], row["quantized_dimension"]
    is_sound = dtype is not DType.FLOAT32 and len(zeros) == len(scale) and len(set(zeros)) == 1
    is_sound = is_sound and all(math.isfinite(value) and value > 0 for value in scale)
    is_sound = is_sound and 0 <= axis < len(shape) and len(scale) in (1, shape[axis])
    low, high = (-128, 127) if dtype is DType.INT8 else (0, 0)
    if not is_sound or not low <= zeros[0] <= high:
        raise OperationError(f"tensor {name[:60]!r} has a quantisation that is not accepted")
    return scale, int(zeros[0]), axis


def _check_operations(model: Row, graph: Row, tensors: list[TensorInfo]) -> None:
    """Check that each operation takes what is there by then, and gives what nobody else gives."""
    codes = [_operation(code) for code in model["operator_codes"] or []]
    inputs = _indices(graph["inputs"], tensors)
    ready = {index for index, tensor in enumerate(tensors) if tensor.data is not None}
    if ready & set(inputs) or len(set(inputs)) != len(inputs):
        raise OperationError("has an input that is a weight, or one twice")
    ready |= set(inputs)
    multiplications = 0
    for row in graph["operators"] or []:
        if row["opcode_index"] >= len(codes):
            raise OperationError("has an operation that is not in its list")
        sources, results = _indices(row["inputs"], tensors), _indices(row["outputs"], tensors)
        if not set(sources) <= ready or set(results) & ready or len(results) != 1:
            raise OperationError("has operations in an impossible order")
        op = codes[row["opcode_index"]]
        options = _options(op, row)
        step = Step(op, options, [tensors[index] for index in sources], tensors[results[0]])
        multiplications += check_operation(step)
        ready |= set(results)
    if multiplications > MAX_MULTIPLICATIONS:
        raise OperationError(f"takes {multiplications} multiplications a step; accepted are {MAX_MULTIPLICATIONS}")
    if not set(_indices(graph["outputs"], tensors)) <= ready - set(inputs):
        raise OperationError("has an output that nothing computes")


def _operation(row: Row) -> Op:
    code = row["builtin_code"]
    names = {int(op) for op in Op}
    if code not in names or row["deprecated_builtin_code"] != min(code, _NEWER_CODES):
        raise OperationError(f"uses the operation {code}, which is not accepted")
    if not 1 <= row["version"] <= _MAX_VERSION:
        raise OperationError(f"uses version {row['version']} of an operation; accepted are 1 to {_MAX_VERSION}")
    return Op(code)


def _options(op: Op, row: Row) -> Row:
    code, options = row["builtin_options_type"], row["builtin_options"]
    if op not in OPTIONS_OF:
        if code or options:
            raise OperationError(f"{op.name} has options, where it has none")
        return {}
    if code != OPTION_CODES[OPTIONS_OF[op]] or options is None:
        raise OperationError(f"{op.name} has options of another operation")
    return dict(options)


def _indices(numbers: list[int] | None, tensors: list[TensorInfo]) -> list[int]:
    numbers = numbers or []
    if not all(0 <= number < len(tensors) for number in numbers):
        raise OperationError("names a tensor that is not there")
    return numbers


def _signature(model: Row, graph: Row, tensors: list[TensorInfo]) -> Signature:
    found = model["signature_defs"] or []
    if len(found) != 1 or found[0]["signature_key"] != SIGNATURE_KEY or found[0]["subgraph_index"] != 0:
        raise OperationError(f"has {len(found)} signatures; accepted is one, {SIGNATURE_KEY!r}")
    sides = []
    for side in ("inputs", "outputs"):
        indices = _indices(graph[side], tensors)
        entries = [(entry["name"] or "", entry["tensor_index"]) for entry in found[0][side] or []]
        if entries != [(tensors[index].name, index) for index in indices]:
            raise OperationError(f"has a signature whose {side} are not those of the model")
        sides.append({tensors[index].name: tensors[index] for index in indices})
    return Signature(*sides)


def _check_spec(signature: Signature, spec: ModelSpec, where: str) -> None:
    if sum(math.prod(state.shape) for state in spec.states) > MAX_STATE_VALUES:
        raise ModelFileError(f"{where}: the states have more than {MAX_STATE_VALUES} values")
    names = [state.name for state in spec.states]
    stated = {
        "inputs": [spec.input, *names],
        "outputs": ["scores", *(NEW_STATE_PREFIX + name for name in names)],
    }
    for side, wanted in stated.items():
        found = list(getattr(signature, side))
        if found != wanted:
            shown = ", ".join(found)
            raise ModelFileError(f"{where}: has the {side} {shown[:120]!r}; its spec says {', '.join(wanted)}")
    n_bands = spec.front_end.n_bands
    input_shape = (1, spec.step_samples) if spec.input == "samples" else (1, spec.step_frames, n_bands)
    found_shape = signature.inputs[spec.input].shape
    if found_shape != input_shape and not spec.states and len(found_shape) == len(input_shape):
        raise ModelFileError(
            f"{where}: takes sequences, {spec.input} {found_shape}; accepted is one step {input_shape}"
        )
    _check_shape(signature.inputs[spec.input], input_shape, where)
    _check_shape(signature.outputs["scores"], (1, 1, len(spec.keywords)), where)
    for state in spec.states:
        old, new = signature.inputs[state.name], signature.outputs[NEW_STATE_PREFIX + state.name]
        if state_axes(state, old) is None:
            raise ModelFileError(f"{where}: {state.name} has the shape {old.shape}; its spec says {state.shape}")
        if old.form != new.form or old.shape != new.shape:
            raise ModelFileError(f"{where}: {state.name} and its new value differ in type or shape")


def _check_shape(tensor: TensorInfo, shape: tuple[int, ...], where: str) -> None:
    if tensor.shape != shape:
        raise ModelFileError(f"{where}: {tensor.name} has the shape {tensor.shape}; its spec says {shape}")


def state_axes(state: StateSpec, tensor: TensorInfo) -> tuple[int, ...] | None:
    """Return how the axes of a state's tensor are turned into those of its spec, None if they cannot be.

    A state ``(S,)`` is stored as ``(1, S)``. One of frames, ``(F, n)``, is stored with time first: ``(1, n, F)``, or
    ``(1, n, bands, channels)``.
    """
    shape = tensor.shape
    if len(state.shape) == 1:
        return (0, 1) if shape == (1, *state.shape) else None
    if len(state.shape) != 2:
        return None
    n_features, n_frames = state.shape
    if shape[:2] != (1, n_frames) or math.prod(shape[2:]) != n_features:
        return None
    return {3: (0, 2, 1), 4: (0, 3, 2, 1)}.get(len(shape))
