"""Whole numbers throughout: int8 weights, and values of int8 or int16 whose scales come from ranges on real audio.

Values of int8 have a zero point, so that a ReLU's range is used in full; those of int16 are symmetric, as every runtime
demands. Weights of fully connected layers have one scale each (tflite-runtime 2.14 computes nonsense from several),
those of convolutions one an output: so a layer over time is written as a convolution.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.tflite.builder import Form, Quantisation, Tensor, TfliteBuilder
from export.tflite.forms import ranged_form, sigmoid_form, unit_form
from export.tflite.numerics import quantise_weight
from export.tflite.quantised_gru import quantised_gru
from export.tflite.states import States
from kws.config import require_one_of
from kws.graph import Graph, Gru, Ranges
from kws.runtime.tflite_schema import DType, Op

FloatArray = npt.NDArray[np.float32]

STATE_TYPES = {"int8": DType.INT8, "int16": DType.INT16}

_BIAS_TYPES = {DType.INT8: DType.INT32, DType.INT16: DType.INT64}


class QuantisedNumerics:
    """Types of a network in whole numbers.

    Parameters
    ----------
    graph : Graph
    ranges : Ranges
        Least and greatest value of each value of `graph`, from :func:`export.quantize.calibrate`.
    state_type : {"int16", "int8"}
        Type of all values, the states among them. int16 costs twice the memory of states and follows slow changes of a
        GRU that int8 rounds away; int8 is what the fastest kernels of microcontrollers take.
    """

    has_products_over_time = False

    def __init__(self, graph: Graph, ranges: Ranges, state_type: str) -> None:
        require_one_of("state_type", state_type, STATE_TYPES)
        self.dtype = STATE_TYPES[state_type]
        self._ranges = ranges
        self._hidden = {op.target for op in graph.operations if isinstance(op, Gru)}

    def form(self, name: str) -> Form:
        """Return the type of a value of the graph, by its name."""
        return unit_form(self.dtype) if name in self._hidden else self.ranged(name)

    def ranged(self, name: str, factor: float = 1.0, limit: float = np.inf) -> Form:
        """Return the type of `factor` times a value that was observed, which need not go beyond `limit`."""
        low, high = np.clip([factor * value for value in self._ranges[name]], -limit, limit)
        # Zero is silence and must be met exactly.
        return ranged_form(self.dtype, min(low, 0.0), max(high, 0.0))

    def largest(self, name: str, factor: float = 1.0) -> float:
        """Return the largest magnitude of `factor` times a value that was observed."""
        return factor * max(abs(value) for value in self._ranges[name])

    def weights(
        self, builder: TfliteBuilder, name: str, weight: FloatArray, bias: FloatArray, x: Tensor, axis: int | None
    ) -> tuple[Tensor, Tensor]:
        """Store the weight as int8 and the bias in units of its products."""
        assert x.quantisation is not None
        stored, quantisation = quantise_weight(weight, axis)
        units = np.asarray(quantisation.scale, np.float32) * np.float32(x.quantisation.scale[0])
        numbers = np.rint(bias.astype(np.float64) / units)
        if x.dtype is DType.INT8:
            limits = np.iinfo(np.int32)
            numbers = np.clip(numbers, limits.min, limits.max)
        bias_form = Form(_BIAS_TYPES[x.dtype], Quantisation(tuple(float(unit) for unit in units), 0, 0))
        return (
            builder.constant(f"{name}_weight", stored, Form(DType.INT8, quantisation)),
            builder.constant(f"{name}_bias", numbers, bias_form),
        )

    def gru(self, builder: TfliteBuilder, states: States, op: Gru, rows: list[Tensor]) -> list[Tensor]:
        """Add a GRU; see :func:`export.tflite.quantised_gru.quantised_gru`."""
        return quantised_gru(self, builder, states, op, rows)

    def sigmoid(self, builder: TfliteBuilder, x: Tensor) -> Tensor:
        """Add a sigmoid, whose type is the only one that runtimes give."""
        return builder.unary(Op.LOGISTIC, x, sigmoid_form(self.dtype))
