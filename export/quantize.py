"""What post-training quantisation is made from: ranges of every value on real audio, and weights in int8.

Ranges are plain minima and maxima, never moving averages: a recurrent state that was clipped once stays wrong for long.
They are observed through the stateful step, over whole tracks with the states carried on, because a state that has run
for minutes leaves the range that short windows show.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError, ParityError
from kws.graph import Array, Conv1d, Conv2d, Dense, Graph, Gru, Operation, run_graph, zero_states

_BLOCK_STEPS = 256
"""Steps computed at once, so that the memory does not depend on the length of a track."""


@dataclass(frozen=True)
class Ranges:
    """Least and greatest value of everything that a graph computes.

    Parameters
    ----------
    values : dict of str to (float, float)
        By the names that :func:`kws.graph.run_graph` tells its observer: the graph's source, each operation's
        target, each state by its name, and of a GRU with target ``g``: ``g.input_gates`` (W_i x + b_i) and
        ``g.hidden_gates`` (W_h h + b_h), 3H values each; ``g.reset_sum``, ``g.update_sum`` and ``g.candidate_sum``
        before their activation, ``g.reset``, ``g.update`` and ``g.candidate`` after it; ``g.gated``, the reset gate
        times the last third of the hidden gates.
    """

    values: dict[str, tuple[float, float]]

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Return the range of one value.

        Raises
        ------
        ConfigError
            If the value was not observed: the ranges are another graph's.
        """
        if name not in self.values:
            raise ConfigError(f"no range of {name!r} is known; calibrate with this very graph")
        return self.values[name]


def calibrate(graph: Graph, tracks: Sequence[Array]) -> Ranges:
    """Observe a graph on feature tracks, each from silence, with the states carried from step to step.

    Parameters
    ----------
    graph : Graph
    tracks : sequence of array, each (T, F)
        Features of real recordings; frames behind the last whole step are left out.

    Raises
    ------
    ConfigError
        If there is no whole step to observe, a track is no feature track of this graph, or holds NaN or infinity.
    """
    found = _Extremes()
    for index, track in enumerate(tracks):
        _check(track, graph.n_features, index)
        states, block_frames = zero_states(graph), _BLOCK_STEPS * graph.step_frames
        usable = len(track) // graph.step_frames * graph.step_frames
        for start in range(0, usable, block_frames):
            block = np.asarray(track[start : min(start + block_frames, usable)], np.float32)
            _, states = run_graph(graph, block[None], states, found.observe)
    if not found.values:
        raise ConfigError("nothing to calibrate on; accepted are tracks of at least one step")
    return Ranges({name: (low, high) for name, (low, high) in found.values.items()})


def quantize_weight(values: Array, output_axis: int | None = None) -> tuple[npt.NDArray[np.int8], Array]:
    """Round weights to int8, symmetric about zero, so that ``values`` is about ``scale * integers``.

    Parameters
    ----------
    values : array
    output_axis : int, optional
        The axis of which each index has a scale of its own; by default there is one scale in all.

    Returns
    -------
    integers : array of int8, the shape of `values`
        -127 to 127.
    scale : array of float32
        As many axes as `values`, each of length 1 but `output_axis`.

    Raises
    ------
    ParityError
        If a weight is NaN or infinite: no integer stands for it.
    """
    if not np.isfinite(values).all():
        raise ParityError("a weight is NaN or infinite")
    others = tuple(axis for axis in range(values.ndim) if axis != output_axis)
    greatest = np.abs(values).max(axis=others, keepdims=True)
    # Weights that are all zero stay so at any scale.
    scale = np.where(greatest > 0, greatest / np.float32(127), 1).astype(np.float32)
    return np.rint(values / scale).astype(np.int8), scale


def with_int8_weights(graph: Graph, per_output: bool = True) -> Graph:
    """Return the graph with the weights of convolutions, GRUs and dense layers as int8 leaves them, in float.

    Parameters
    ----------
    graph : Graph
    per_output : bool
        Whether each output of a layer has a scale of its own; otherwise each array of weights has one.
    """

    def rounded(values: Array) -> Array:
        integers, scale = quantize_weight(values, 0 if per_output else None)
        result: Array = integers * scale
        return result

    operations: list[Operation] = []
    for op in graph.operations:
        if isinstance(op, (Conv1d, Conv2d, Dense)):
            op = dataclasses.replace(op, weight=rounded(op.weight))
        elif isinstance(op, Gru):
            weights = {name: rounded(getattr(op, name)) for name in ("weight_input", "weight_hidden")}
            op = dataclasses.replace(op, **weights)
        operations.append(op)
    return dataclasses.replace(graph, operations=tuple(operations))


@dataclass
class _Extremes:
    values: dict[str, tuple[float, float]] = field(default_factory=dict)

    def observe(self, name: str, value: Array) -> None:
        low, high = float(value.min()), float(value.max())
        if name in self.values:
            low, high = min(low, self.values[name][0]), max(high, self.values[name][1])
        self.values[name] = low, high


def _check(track: Array, n_features: int, index: int) -> None:
    if track.ndim != 2 or track.shape[1] != n_features:
        raise ConfigError(f"track {index} has shape {track.shape}; accepted are (T, {n_features})")
    if not np.isfinite(track).all():
        raise ConfigError(f"track {index} holds NaN or infinity")
