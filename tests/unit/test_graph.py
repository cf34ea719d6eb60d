"""The numpy executor of the one graph, on cases small enough to compute by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kws.graph import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Conv1d,
    Conv2d,
    Dense,
    Graph,
    Gru,
    MeanOverBands,
    Operation,
    run_graph,
    zero_states,
)
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


def conv2d(weight: object, bias: object = (0.0,), n_bands: int = 3, stride: int = 1, groups: int = 1) -> Conv2d:
    array = f32(weight)
    state = "state_0_conv" if array.shape[3] > stride else ""
    return Conv2d("features", "out", array, f32(bias), n_bands, 1, array.shape[2] // 2, stride, groups, state)


def test_conv_over_bands_pads_with_silence() -> None:
    # y[band] = x[band - 1] + 10 x[band] + 100 x[band + 1] + 0.5.
    y, states = run(graph(conv2d([[[[1], [10], [100]]]], (0.5,)), n_features=3), f32([[[1, 2, 3], [0, 0, 1]]]))
    assert (y.tolist(), states) == ([[[210.5, 321.5, 32.5], [0.5, 100.5, 10.5]]], [])


def test_conv_over_bands_with_stride() -> None:
    op = Conv2d("features", "out", f32([[[[1], [10], [100]]]]), f32([0]), 4, 2, 1, 1, 1, "")
    assert op.n_bands_out == 2
    # Around bands 0 and 2.
    y, _ = run(graph(op, n_features=4), f32([[[1, 2, 3, 4]]]))
    assert y.tolist() == [[[210, 432]]]


def test_conv_over_all_bands_without_padding_leaves_one() -> None:
    op = Conv2d("features", "out", f32([[[[1], [10], [100]]]]), f32([0]), 3, 1, 0, 1, 1, "")
    y, _ = run(graph(op, n_features=3), f32([[[1, 2, 3]]]))
    assert y.tolist() == [[[321]]]


def test_conv_over_bands_and_time_keeps_what_the_next_step_needs() -> None:
    # Two outputs a band: the sum of 4 frames, and the newest less the oldest; stride 2, so 2 frames of context.
    g = graph(conv2d([[[[1, 1, 1, 1]]], [[[-1, 0, 0, 1]]]], (0, 0), n_bands=2, stride=2), n_features=2, step_frames=2)
    assert g.states == (StateSpec("state_0_conv", (2, 2)),)
    y, (state,) = run(g, f32([[[1, 10], [2, 20], [3, 30], [4, 40]]]))
    # The bands of a channel stand side by side.
    assert y.tolist() == [[[3, 30, 2, 20], [10, 100, 3, 30]]]
    assert state.tolist() == [[[3, 4], [30, 40]]]
    y, _ = run(g, f32([[[5, 50], [6, 60]]]), [state])
    assert y.tolist() == [[[18, 180, 3, 30]]]


def test_conv_over_bands_mixes_channels_band_by_band() -> None:
    # Two channels of two bands; features c * 2 + band.
    op = conv2d([[[[1]], [[10]]], [[[100]], [[1000]]]], (0, 1), n_bands=2)
    y, _ = run(graph(op, n_features=4), f32([[[1, 2, 3, 4]]]))
    assert y.tolist() == [[[31, 42, 3101, 4201]]]


def test_conv_over_bands_with_groups_is_depthwise() -> None:
    op = conv2d([[[[1], [10], [100]]], [[[0], [-1], [0]]]], (0, 0), n_bands=2, groups=2)
    y, _ = run(graph(op, n_features=4), f32([[[1, 2, 3, 4]]]))
    assert y.tolist() == [[[210, 21, -3, -4]]]


def test_affine_scales_and_shifts_each_feature() -> None:
    y, _ = run(graph(Affine("features", "out", f32([1, 10]), f32([0.5, -1])), n_features=2), f32([[[1, 2], [3, 4]]]))
    assert y.tolist() == [[[1.5, 19], [3.5, 39]]]


def test_mean_over_bands_is_each_channels() -> None:
    y, _ = run(graph(MeanOverBands("features", "out", 3), n_features=6), f32([[[1, 2, 6, 10, 20, 30]]]))
    assert y.tolist() == [[[3, 20]]]


def test_add_to_bands_gives_all_bands_of_a_channel_the_same() -> None:
    operations = MeanOverBands("features", "mean", 2), AddToBands("features", "mean", "out", 2)
    y, _ = run(graph(*operations, n_features=4), f32([[[1, 3, 10, 20]], [[0, 0, 2, 2]]]))
    assert y.tolist() == [[[3, 5, 25, 35]], [[0, 0, 4, 4]]]


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


def test_macs_of_a_convolution_over_bands_count_every_band() -> None:
    op = Conv2d("features", "a", np.zeros((8, 1, 5, 11), np.float32), np.zeros(8, np.float32), 40, 4, 2, 4, 1, "s")
    affine = Affine("a", "out", np.zeros(80, np.float32), np.zeros(80, np.float32))
    # Ten bands are left; one output a step.
    assert Graph((op, affine), "features", "out", 40, 80, 4).macs_per_step == 10 * 8 * 5 * 11 + 80


def test_receptive_field_grows_by_the_step_of_the_layer() -> None:
    stem = Conv1d("features", "a", np.zeros((1, 1, 15), np.float32), np.zeros(1, np.float32), 4, 1, 1, "s")
    deep = Conv1d("a", "b", np.zeros((1, 1, 5), np.float32), np.zeros(1, np.float32), 1, 3, 1, "t")
    late = Conv1d("b", "c", np.zeros((1, 1, 3), np.float32), np.zeros(1, np.float32), 1, 1, 1, "u")
    # 15 frames, then 4 * 4 * 3, then 4 * 2; a sum sees what the longer way sees.
    assert Graph((stem, deep), "features", "b", 1, 1, 4).receptive_field_frames == 15 + 48
    assert Graph((stem, deep, late, Add("a", "c", "d")), "features", "d", 1, 1, 4).receptive_field_frames == 15 + 56
    assert Graph((Add("features", "features", "a"),), "features", "a", 1, 1, 1).receptive_field_frames == 1


def test_receptive_field_of_a_recurrent_network_is_infinite() -> None:
    zeros = np.zeros((3, 1), np.float32), np.zeros((3, 1), np.float32), np.zeros(3, np.float32), np.zeros(3, np.float32)
    gru = Gru("features", "a", *zeros, "h")
    conv_after = Conv1d("a", "b", np.zeros((1, 1, 5), np.float32), np.zeros(1, np.float32), 1, 3, 1, "t")
    assert Graph((gru, conv_after), "features", "b", 1, 1, 1).receptive_field_frames == math.inf


def test_wrong_number_of_states_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        run(graph(conv([[[1, 10, 100]]])), column(1), [])


def test_observer_is_told_every_value_by_its_name() -> None:
    told: dict[str, list[float]] = {}
    g = Graph((conv([[[1, 10]]], (0.5,)), Activation("out", "rect", "relu")), "features", "rect", 1, 1, 1)
    run_graph(g, column(1, -2), [f32([[[3]]])], lambda name, value: told.update({name: value.ravel().tolist()}))
    assert told == {"features": [1, -2], "state_0_conv": [3, 1, -2], "out": [13.5, -18.5], "rect": [13.5, 0]}
