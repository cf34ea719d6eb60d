"""What the numbers of a TFLite model are: float32, or int8 weights under float values."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from export.quantize import quantize_weight
from export.tflite.builder import FLOAT, Form, Quantisation, Tensor, TfliteBuilder
from export.tflite.gru import float_gru
from export.tflite.states import States
from kws.graph import Gru
from kws.runtime.tflite_schema import DType, Op

FloatArray = npt.NDArray[np.float32]

# Below that a scale costs more than it saves, as converters have found.
_MIN_QUANTISED_VALUES = 1024


class Numerics(Protocol):
    """Types of values and weights, and what is made of them."""

    has_products_over_time: bool
    """Whether a layer over time is written as a fully connected one where it gives a single step."""

    def form(self, name: str) -> Form:
        """Return the type of a value of the graph, by its name."""
        ...

    def weights(
        self, builder: TfliteBuilder, name: str, weight: FloatArray, bias: FloatArray, x: Tensor, axis: int | None
    ) -> tuple[Tensor, Tensor]:
        """Store weight and bias of a layer that reads `x`; `axis` is that of its outputs, None for one scale in all."""
        ...

    def gru(self, builder: TfliteBuilder, states: States, op: Gru, rows: list[Tensor]) -> list[Tensor]:
        """Add a GRU over rows (1, F_in); return its outputs (1, H)."""
        ...

    def sigmoid(self, builder: TfliteBuilder, x: Tensor) -> Tensor:
        """Add a sigmoid."""
        ...


class FloatNumerics:
    """Everything is float32."""

    has_products_over_time = True

    def form(self, name: str) -> Form:
        """Return float32."""
        return FLOAT

    def weights(
        self, builder: TfliteBuilder, name: str, weight: FloatArray, bias: FloatArray, x: Tensor, axis: int | None
    ) -> tuple[Tensor, Tensor]:
        """Store both as they are."""
        return builder.constant(f"{name}_weight", weight), builder.constant(f"{name}_bias", bias)

    def gru(self, builder: TfliteBuilder, states: States, op: Gru, rows: list[Tensor]) -> list[Tensor]:
        """Add a GRU; see :func:`export.tflite.gru.float_gru`."""
        return float_gru(self, builder, states, op, rows)

    def sigmoid(self, builder: TfliteBuilder, x: Tensor) -> Tensor:
        """Add a sigmoid."""
        return builder.unary(Op.LOGISTIC, x)


class DynamicNumerics(FloatNumerics):
    """Values are float32, large weights int8: the runtime quantises what it multiplies them with, call by call.

    Fully connected layers have one scale for all outputs: tflite-runtime 2.14 computes nonsense from several.
    """

    def weights(
        self, builder: TfliteBuilder, name: str, weight: FloatArray, bias: FloatArray, x: Tensor, axis: int | None
    ) -> tuple[Tensor, Tensor]:
        """Store a large weight as int8; of kernels that are few, all is float32."""
        is_depthwise = weight.ndim == 4 and weight.shape[0] == 1
        if weight.size < _MIN_QUANTISED_VALUES or is_depthwise:
            return super().weights(builder, name, weight, bias, x, axis)
        stored, quantisation = quantise_weight(weight, axis)
        form = Form(DType.INT8, quantisation)
        return builder.constant(f"{name}_weight", stored, form), builder.constant(f"{name}_bias", bias)


def quantise_weight(weight: FloatArray, axis: int | None) -> tuple[npt.NDArray[np.int8], Quantisation]:
    """Return a weight as int8 about zero, with one scale, or one an index of `axis`."""
    stored, scale = quantize_weight(weight, axis)
    return stored, Quantisation(tuple(float(value) for value in scale.ravel()), 0, axis or 0)
