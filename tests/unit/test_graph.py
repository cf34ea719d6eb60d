"""The numpy executor of the one graph, on cases small enough to compute by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kws.graph import Activation, Add, Conv1d, Dense, Graph, Gru, Operation, run_graph, zero_states
from kws.spec import StateSpec


def f32(*values: object) -> np.ndarray:
    return np.array(values[0] if len(values) == 1 else values, dtype=np.float32)


def graph(*operations: Operation, n_features: int = 1, step_frames: int = 1) -> Graph:
    return Graph(operations, "features", "out", n_features, 1, step_frames)


def conv(weight: object, bias: object = (0.0,), stride: int = 1, dilation: int = 1, groups: int = 1) -> Conv1d:
    array = f32(weight)
    has_state = dilation * (array.shape[2] - 1) - (stride - 1) > 0
    return Conv1d("features", "out", array, f32(bias), stride, dilation, groups, "state_0_conv" if has_state else "")


def column(*values: float) -> np.ndarray:
    return f32([[[v] for v in values]])


def run(g: Graph, x: np.ndarray, states: list[np.ndarray] | None = None) -> tuple[np.ndarray, list[np.ndarray]]:
    return run_graph(g, x, zero_states(g, len(x)) if states is None else states)


def test_conv_is_a_correlation_over_the_past() -> None:
    # The last tap meets the newest frame: y[t] = 1 x[t-2] + 10 x[t-1] + 100 x[t] + 0.5.
    y, (state,) = run(graph(conv([[[1, 10, 100]]], (0.5,))), column(1, 2, 3, 4))
    assert y[0, :, 0].tolist() == [100.5, 210.5, 321.5, 432.5]
    assert state.tolist() == [[[3, 4]]]


def test_conv_state_is_the_left_context() -> None:
    g = graph(conv([[[1, 10, 100]]]))
    y, (state,) = run(g, column(5), [f32([[[3, 4]]])])
    assert y[0, :, 0].tolist() == [543]
    assert state.tolist() == [[[4, 5]]]


def test_conv_with_stride_keeps_what_the_next_step_needs() -> None:
    # Kernel 3, stride 2: one frame of context; y = x[t-2] + 10 x[t-1] + 100 x[t] at t = 1, 3.
    g = graph(conv([[[1, 10, 100]]], stride=2), step_frames=2)
    assert g.states == (StateSpec("state_0_conv", (1, 1)),)
    y, (state,) = run(g, column(1, 2, 3, 4))
    assert y[0, :, 0].tolist() == [210, 432]
    assert state.tolist() == [[[4]]]


def test_conv_whose_stride_is_its_kernel_has_no_state() -> None:
    g = graph(conv([[[1, 10]]], stride=2), step_frames=2)
    assert g.states == ()
    y, states = run(g, column(1, 2, 3, 4))
    assert (y[0, :, 0].tolist(), states) == ([21, 43], [])


def test_conv_with_dilation() -> None:
    # y[t] = x[t-2] + 10 x[t].
    g = graph(conv([[[1, 10]]], dilation=2))
    y, (state,) = run(g, column(1, 2, 3, 4))
    assert y[0, :, 0].tolist() == [10, 20, 31, 42]
    assert state.tolist() == [[[3, 4]]]


def test_conv_with_groups_is_depthwise() -> None:
    g = graph(conv([[[1, 10]], [[2, 20]]], (0, 1), groups=2), n_features=2)
    assert g.states == (StateSpec("state_0_conv", (2, 1)),)
    y, _ = run(g, f32([[[1, 3], [2, 4]]]))
    assert y.tolist() == [[[10, 61], [21, 87]]]


def test_conv_mixes_inputs_and_keeps_the_batch_apart() -> None:
    g = graph(conv([[[1], [10]], [[100], [1000]]], (0, 0)), n_features=2)
    y, _ = run(g, f32([[[1, 2]], [[3, 4]]]))
    assert y.tolist() == [[[21, 2100]], [[43, 4300]]]


def test_dense() -> None:
    g = graph(Dense("features", "out", f32([[1, 10], [2, 20], [3, 30]]), f32([0, 0, 1])), n_features=2)
    y, states = run(g, f32([[[1, 2], [0, 1]]]))
    assert (y.tolist(), states) == ([[[21, 42, 64], [10, 20, 31]]], [])


def test_activations_and_add() -> None:
    g = graph(
        Activation("features", "a", "relu"), Activation("features", "b", "sigmoid"), Add("a", "b", "out"), n_features=1
    )
    y, _ = run(g, column(-math.log(3.0), 0.0, math.log(3.0)))
    np.testing.assert_allclose(y[0, :, 0], [0.25, 0.5, math.log(3.0) + 0.75], rtol=1e-6)


def test_sigmoid_saturates_without_overflow() -> None:
    with np.errstate(all="raise"):
        y, _ = run(graph(Activation("features", "out", "sigmoid")), column(-1000, 1000))
    assert y[0, :, 0].tolist() == [0.0, 1.0]


def test_gru_of_zero_weights_halves_its_state() -> None:
    # Update gate 0.5, candidate 0: h' = 0.5 * 0 + 0.5 h.
    zeros = dict(weight_input=f32([[0], [0], [0]]), weight_hidden=f32([[0], [0], [0]]))
    g = graph(Gru("features", "out", **zeros, bias_input=f32([0, 0, 0]), bias_hidden=f32([0, 0, 0]), state="h"))
    y, (state,) = run(g, column(1, 1), [f32([[8]])])
    assert y[0, :, 0].tolist() == [4, 2]
    assert state.tolist() == [[2]]


def test_gru_gates_stand_in_pytorch_order() -> None:
    # Reset shut (-100): the candidate is tanh(1); update open for the new (-100): h' = candidate.
    g = graph(
        Gru("features", "out", f32([[0], [0], [1]]), f32([[0], [0], [7]]), f32([-100, -100, 0]), f32([0, 0, 0]), "h")
    )
    y, _ = run(g, column(1), [f32([[0.3]])])
    np.testing.assert_allclose(y[0, 0, 0], math.tanh(1.0), rtol=1e-6)


def test_gru_reset_gate_acts_after_the_product() -> None:
    # Reset 0.5, update 0: h' = tanh(0.5 * (2 h + 1)) with h = 0.2; a reset before the product would give
    # tanh(2 * 0.1 + 1).
    g = graph(
        Gru("features", "out", f32([[0], [0], [0]]), f32([[0], [0], [2]]), f32([0, -100, 0]), f32([0, 0, 1]), "h")
    )
    y, _ = run(g, column(0), [f32([[0.2]])])
    np.testing.assert_allclose(y[0, 0, 0], math.tanh(0.7), rtol=1e-6)


def test_gru_keeps_its_state_when_the_update_gate_is_one() -> None:
    g = graph(Gru("features", "out", f32([[0], [0], [5]]), f32([[0], [0], [0]]), f32([0, 100, 0]), f32([0, 0, 0]), "h"))
    y, _ = run(g, column(1, 2, 3), [f32([[0.25]])])
    assert y[0, :, 0].tolist() == [0.25, 0.25, 0.25]


def test_macs_count_each_layer_at_its_rate() -> None:
    g = Graph(
        (
            Conv1d("features", "a", np.zeros((8, 5, 3), np.float32), np.zeros(8, np.float32), 2, 1, 1, "s"),
            Dense("a", "out", np.zeros((1, 8), np.float32), np.zeros(1, np.float32)),
        ),
        "features",
        "out",
        5,
        1,
        4,
    )
    # Four frames make two outputs of the convolution.
    assert g.macs_per_step == 2 * (8 * 5 * 3) + 2 * 8


def test_wrong_number_of_states_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        run(graph(conv([[[1, 10, 100]]])), column(1), [])
