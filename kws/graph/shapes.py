"""Check a graph without running it: whether its weights fit, and how much one step takes."""

from __future__ import annotations

from kws.errors import ConfigError
from kws.graph.layout import MAX_AXIS, MAX_MACS_PER_STEP, MAX_VALUES
from kws.graph.operations import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Array,
    Conv1d,
    Conv2d,
    Dense,
    Graph,
    Gru,
    MeanOverBands,
    Operation,
)

Shape = tuple[int, int]
"""Frames of one step, and features."""


def check_graph(graph: Graph) -> dict[str, Shape]:
    """Return the shape of every value in one step.

    Raises
    ------
    ConfigError
        If an operation does not fit its input, the output is not one step of probabilities, or a step would take
        more memory or arithmetic than any network for a device does.
    """
    shapes: dict[str, Shape] = {graph.source: (graph.step_frames, graph.n_features)}
    n_values, n_macs = graph.step_frames * graph.n_features, 0
    for index, operation in enumerate(graph.operations):
        try:
            shape = _target_shape(operation, shapes)
            _require(max(shape) <= MAX_AXIS, f"makes {shape[1]} features; accepted are {MAX_AXIS}")
        except ConfigError as error:
            raise ConfigError(f"operation {index} ({type(operation).__name__}) {error}") from None
        shapes[operation.target] = shape
        n_values += shape[0] * shape[1] + _context_values(operation, shapes)
        n_macs += _macs(operation, shape)
        _require(n_values <= MAX_VALUES, f"a step and its states have over {MAX_VALUES} values; that is too many")
        _require(n_macs <= MAX_MACS_PER_STEP, f"a step has over {MAX_MACS_PER_STEP} multiplications; that is too many")
    wanted = (1, graph.n_keywords)
    _require(shapes[graph.target] == wanted, f"the output of a step is {shapes[graph.target]}, not {wanted}")
    return shapes


def _target_shape(operation: Operation, shapes: dict[str, Shape]) -> Shape:
    if isinstance(operation, (Add, AddToBands)):
        return _sum_shape(operation, shapes[operation.left], shapes[operation.right])
    frames, features = shapes[operation.source]
    if isinstance(operation, Conv1d):
        return _conv1d_shape(operation, frames, features)
    if isinstance(operation, Conv2d):
        return _conv2d_shape(operation, frames, features)
    if isinstance(operation, MeanOverBands):
        _require_multiple(features, operation.n_bands, "bands")
        return frames, features // operation.n_bands
    if isinstance(operation, Affine):
        _require_shape(operation.weight, (features,), "weights")
        _require_shape(operation.bias, (features,), "biases")
        return frames, features
    if isinstance(operation, Dense):
        n_outputs = _leading(operation.weight, 2)
        _require_shape(operation.weight, (n_outputs, features), "weights")
        _require_shape(operation.bias, (n_outputs,), "biases")
        return frames, n_outputs
    if isinstance(operation, Gru):
        return frames, _gru_size(operation, features)
    assert isinstance(operation, Activation)
    _require(operation.kind in ("relu", "sigmoid"), f"is {operation.kind!r}; accepted are relu and sigmoid")
    return frames, features


def _sum_shape(operation: Add | AddToBands, left: Shape, right: Shape) -> Shape:
    n_bands = operation.n_bands if isinstance(operation, AddToBands) else 1
    _require(n_bands >= 1, f"has {n_bands} bands; accepted are 1 and more")
    _require(left == (right[0], right[1] * n_bands), f"adds {right} to {left} with {n_bands} bands")
    return left


def _conv1d_shape(operation: Conv1d, frames: int, features: int) -> Shape:
    n_outputs = _leading(operation.weight, 3)
    _require(1 <= operation.dilation <= MAX_AXIS, f"has the dilation {operation.dilation}")
    _check_convolution(operation, frames, features, n_outputs)
    return frames // operation.stride, n_outputs


def _conv2d_shape(operation: Conv2d, frames: int, features: int) -> Shape:
    n_outputs = _leading(operation.weight, 4)
    _require(1 <= operation.band_stride <= MAX_AXIS, f"has the stride {operation.band_stride} over bands")
    _require(0 <= operation.band_padding <= MAX_AXIS, f"has {operation.band_padding} bands of padding")
    _require_multiple(features, operation.n_bands, "bands")
    _check_convolution(operation, frames, features // operation.n_bands, n_outputs)
    padded = operation.n_bands + 2 * operation.band_padding
    _require(operation.weight.shape[2] <= padded, f"has a kernel of {operation.weight.shape[2]} of {padded} bands")
    return frames // operation.stride, n_outputs * operation.n_bands_out


def _check_convolution(operation: Conv1d | Conv2d, frames: int, n_inputs: int, n_outputs: int) -> None:
    groups, weight = operation.groups, operation.weight
    _require_multiple(n_outputs, groups, "groups")
    _require(weight.shape[1] * groups == n_inputs, f"has weights {weight.shape} in {groups} groups for {n_inputs}")
    _require_shape(operation.bias, (n_outputs,), "biases")
    _require_multiple(frames, operation.stride, "frames a stride")
    _require(0 <= operation.context_frames <= MAX_VALUES, f"has {operation.context_frames} frames of context")
    _require(bool(operation.state) == (operation.context_frames > 0), "has a state exactly if it has context")


def _gru_size(operation: Gru, features: int) -> int:
    n_rows = _leading(operation.weight_hidden, 2)
    n_hidden = operation.weight_hidden.shape[1]
    _require(n_rows == 3 * n_hidden, f"has hidden weights {operation.weight_hidden.shape}; accepted are (3 H, H)")
    _require_shape(operation.weight_input, (n_rows, features), "input weights")
    _require_shape(operation.bias_input, (n_rows,), "input biases")
    _require_shape(operation.bias_hidden, (n_rows,), "hidden biases")
    return n_hidden


def _context_values(operation: Operation, shapes: dict[str, Shape]) -> int:
    if isinstance(operation, (Conv1d, Conv2d)):
        return operation.context_frames * shapes[operation.source][1]
    return operation.weight_hidden.shape[1] if isinstance(operation, Gru) else 0


def _macs(operation: Operation, shape: Shape) -> int:
    # Not `Graph.macs_per_step`, which takes a well-made graph for granted.
    if isinstance(operation, Gru):
        return shape[0] * (operation.weight_input.size + operation.weight_hidden.size)
    if isinstance(operation, (Conv1d, Conv2d)):
        return shape[0] * shape[1] * (operation.weight.size // operation.weight.shape[0])
    return shape[0] * operation.weight.size if isinstance(operation, Dense) else 0


def _leading(weight: Array, n_axes: int) -> int:
    _require(weight.ndim == n_axes, f"has weights with {weight.ndim} axes; accepted are {n_axes}")
    return int(weight.shape[0])


def _require_shape(weight: Array, shape: tuple[int, ...], name: str) -> None:
    _require(weight.shape == shape, f"has {name} {weight.shape}; accepted are {shape}")


def _require_multiple(number: int, divisor: int, name: str) -> None:
    _require(1 <= divisor <= MAX_AXIS and number % divisor == 0, f"has {divisor} {name} for {number}")


def _require(is_right: bool, problem: str) -> None:
    if not is_right:
        raise ConfigError(problem)
