"""Calibration: minima and maxima of everything that a graph computes, states carried on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from export.quantize import quantize_weight, with_int8_weights
from kws.errors import ConfigError
from kws.graph import Conv1d, Dense, Graph, Gru, calibrate


def f32(values: object) -> np.ndarray:
    return np.array(values, np.float32)


def column(*values: float) -> np.ndarray:
    return f32(values)[:, None]


def graph(operation: Conv1d | Dense | Gru, step_frames: int = 1) -> Graph:
    return Graph((operation,), "features", "out", 1, 1, step_frames)


DOUBLE = graph(Dense("features", "out", f32([[2]]), f32([1])))


def test_ranges_are_the_extremes_over_all_tracks() -> None:
    ranges = calibrate(DOUBLE, [column(1, -3), column(5)])
    assert ranges.values == {"features": (-3.0, 5.0), "out": (-5.0, 11.0)}


def test_state_of_a_convolution_holds_silence_and_what_passes_through() -> None:
    ranges = calibrate(graph(Conv1d("features", "out", f32([[[1, 1]]]), f32([0]), 1, 1, 1, "s")), [column(2, 3)])
    assert ranges["s"] == (0.0, 3.0)
    assert ranges["out"] == (2.0, 5.0)


def accumulator() -> Graph:
    """Return a GRU whose update gate is z = sigmoid(3) and whose candidate is 1: h = 1 - z^n after n steps."""
    nothing = f32([[0]] * 3)
    return graph(Gru("features", "out", nothing, nothing, f32([0, 0, 100]), f32([0, 3, -8]), "h"))


def test_inside_of_a_gru() -> None:
    ranges = calibrate(accumulator(), [column(0, 0)])
    update = 1 / (1 + math.exp(-3))
    expected = {
        "out.input_gates": (0, 100),
        "out.hidden_gates": (-8, 3),
        "out.reset_sum": (0, 0),
        "out.update_sum": (3, 3),
        "out.candidate_sum": (96, 96),
        "out.reset": (0.5, 0.5),
        "out.update": (update, update),
        "out.candidate": (1, 1),
        "out.gated": (-4, -4),
        "h": (0, 1 - update**2),
    }
    for name, limits in expected.items():
        assert ranges[name] == pytest.approx(limits, abs=1e-6), name


def test_states_are_carried_over_a_whole_track() -> None:
    n_steps = 300  # More than one block.
    update = 1 / (1 + math.exp(-3))
    assert calibrate(accumulator(), [column(*[0.0] * n_steps)])["h"][1] == pytest.approx(1 - update**n_steps, abs=1e-6)
    # Each track begins at silence: two of one step never get beyond one step.
    assert calibrate(accumulator(), [column(0), column(0)])["h"][1] == pytest.approx(1 - update, abs=1e-6)


def test_frames_of_no_whole_step_are_left_out() -> None:
    strided = graph(Conv1d("features", "out", f32([[[1, 1]]]), f32([0]), 2, 1, 1, ""), step_frames=2)
    assert calibrate(strided, [column(1, 2, 99)])["features"] == (1.0, 2.0)


@pytest.mark.parametrize(
    ("tracks", "message"),
    [
        ([], "nothing to calibrate on"),
        ([np.zeros((0, 1), np.float32)], "nothing to calibrate on"),
        ([np.zeros((3, 2), np.float32)], r"track 0 has shape \(3, 2\); accepted are \(T, 1\)"),
        ([column(1), column(math.nan)], "track 1 holds NaN or infinity"),
    ],
)
def test_tracks_that_cannot_be_used(tracks: list[np.ndarray], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        calibrate(DOUBLE, tracks)


def test_a_value_that_was_not_observed() -> None:
    with pytest.raises(ConfigError, match="no range of 'value_7' is known"):
        calibrate(DOUBLE, [column(1)])["value_7"]


def test_weights_of_one_scale() -> None:
    integers, scale = quantize_weight(f32([[1.27, -0.02], [0.006, 0.0]]))
    assert (integers.tolist(), integers.dtype) == ([[127, -2], [1, 0]], np.int8)
    assert scale == pytest.approx(0.01)


def test_weights_of_a_scale_an_output() -> None:
    integers, scale = quantize_weight(f32([[1.27, -2.54], [0.0, 0.0]]), 0)
    assert integers.tolist() == [[64, -127], [0, 0]]
    assert scale[:, 0].tolist() == pytest.approx([0.02, 1.0])
    integers, scale = quantize_weight(f32([[1.27, -2.54], [0.0, 0.0]]), 1)
    assert integers.tolist() == [[127, -127], [0, 0]]
    assert scale.shape == (1, 2)


def test_graph_with_int8_weights() -> None:
    g = Graph(
        (
            Dense("features", "a", f32([[1.27, 0.004]]), f32([0.123])),
            Gru("a", "out", f32([[1.0], [2.0], [3.0]]), f32([[0.5]] * 3), f32([0, 0, 0]), f32([0, 0, 0]), "h"),
        ),
        *("features", "out", 2, 1, 1),
    )
    dense, gru = with_int8_weights(g).operations
    assert dense.weight.tolist() == [[pytest.approx(1.27), 0.0]]  # type: ignore[union-attr]
    assert dense.bias is g.operations[0].bias  # type: ignore[union-attr]
    assert gru.weight_input[:, 0].tolist() == pytest.approx([1.0, 2.0, 3.0])  # type: ignore[union-attr]
    _, gru = with_int8_weights(g, per_output=False).operations
    # 127 / 3 = 42.3, and twice that 84.7.
    assert gru.weight_input[:, 0].tolist() == pytest.approx([42 * 3 / 127, 85 * 3 / 127, 3.0])  # type: ignore[union-attr]
