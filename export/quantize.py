"""What post-training quantisation is made from: ranges of every value on real audio, and weights in int8."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from kws.errors import ParityError
from kws.graph import Array, Conv1d, Conv2d, Dense, Graph, Gru, Operation

__all__ = ["quantize_weight", "with_int8_weights"]


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
            inputs, hidden = rounded(op.weight_input), rounded(op.weight_hidden)
            op = dataclasses.replace(op, weight_input=inputs, weight_hidden=hidden)
        operations.append(op)
    return dataclasses.replace(graph, operations=tuple(operations))
