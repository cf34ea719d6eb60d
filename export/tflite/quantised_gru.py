"""A GRU in whole numbers, of operations that the smallest runtimes have: no TANH, SUB, SLICE or SPLIT.

``tanh(v) = 2 sigmoid(2 v) - 1``, where the 2 before v is in the scales of the products that v is the sum of; and
``h' = z h + (1 - z) n``, whose terms are between -1 and 1 as h is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from export.tflite.builder import Form, Tensor, TfliteBuilder, per_tensor
from export.tflite.forms import sigmoid_form, unit_form
from export.tflite.states import States
from kws.graph import Gru
from kws.runtime.tflite_schema import DType, Op

if TYPE_CHECKING:
    from export.tflite.quantised import QuantisedNumerics

_GATES = ("reset", "update", "candidate")
_SATURATED = {DType.INT8: 8.0, DType.INT16: 12.0}
# Of the candidate twice everything is computed.
_FACTORS = (1.0, 1.0, 2.0)


def quantised_gru(
    numerics: QuantisedNumerics, builder: TfliteBuilder, states: States, op: Gru, rows: Sequence[Tensor]
) -> list[Tensor]:
    """Add a GRU over rows (1, F_in); return its outputs (1, H)."""
    hidden = states.read(op.state, (1, op.weight_hidden.shape[1]), numerics.form(op.target))
    cell = _Cell(numerics, builder, op)
    outputs = []
    for x in rows:
        hidden = cell.step(x, hidden)
        outputs.append(hidden)
    states.write(op.state, hidden)
    return outputs


class _Cell:
    """One step of a GRU."""

    def __init__(self, numerics: QuantisedNumerics, builder: TfliteBuilder, op: Gru) -> None:
        self._numerics = numerics
        self._make = builder
        self._op = op
        self._sigmoid = sigmoid_form(numerics.dtype)
        self._unit = unit_form(numerics.dtype)
        self._saturated = _SATURATED[numerics.dtype]

    def step(self, x: Tensor, hidden: Tensor) -> Tensor:
        op, make = self._op, self._make
        from_input = self._products("input", op.weight_input, op.bias_input, x)
        from_hidden = self._products("hidden", op.weight_hidden, op.bias_hidden, hidden)
        reset, update = (
            self._activated(from_input[gate], from_hidden[gate], self._sum(f"{_GATES[gate]}_sum")) for gate in (0, 1)
        )
        gated = make.binary(Op.MUL, reset, from_hidden[2], self._range("gated", 2.0))
        half = self._activated(from_input[2], gated, self._sum("candidate_sum", 2.0))
        candidate = self._with(Op.ADD, self._twice(half), -1.0, self._unit)
        kept = make.binary(Op.MUL, update, hidden, self._unit)
        rest = self._with(Op.ADD, self._negated(update), 1.0, self._sigmoid)
        return make.binary(Op.ADD, kept, make.binary(Op.MUL, rest, candidate, self._unit), self._unit)

    def _products(self, side: str, weight: np.ndarray, bias: np.ndarray, vector: Tensor) -> list[Tensor]:
        """Multiply a vector with the weights of each gate, which have a scale of their own."""
        results = []
        parts = zip(_GATES, _FACTORS, np.split(weight, 3), np.split(bias, 3), strict=True)
        for gate, factor, gate_weight, gate_bias in parts:
            name = f"{self._op.target}_{gate}_{side}"
            factors = np.float32(factor)
            stored = self._numerics.weights(self._make, name, factors * gate_weight, factors * gate_bias, vector, None)
            results.append(self._make.fully_connected(vector, *stored, self._gate_form(side, factor)))
        return results

    def _gate_form(self, side: str, factor: float) -> Form:
        """Return the type of one gate's products.

        Those of the input are often large: where the sum with any product of the hidden vector is saturated, they need
        not go on.
        """
        name = f"{self._op.target}.{side}_gates"
        if side == "hidden":
            return self._numerics.ranged(name, factor)
        other = self._numerics.largest(f"{self._op.target}.hidden_gates", factor)
        return self._numerics.ranged(name, factor, self._saturated + other)

    def _activated(self, left: Tensor, right: Tensor, form: Form) -> Tensor:
        return self._numerics.sigmoid(self._make, self._make.binary(Op.ADD, left, right, form))

    def _twice(self, x: Tensor) -> Tensor:
        """Double values between 0 and 1; in int8 the same numbers on twice the scale."""
        is_int8 = self._numerics.dtype is DType.INT8
        return self._with(Op.MUL, x, 2.0, per_tensor(1 / 128, -128) if is_int8 else self._wide)

    def _negated(self, x: Tensor) -> Tensor:
        is_int8 = self._numerics.dtype is DType.INT8
        return self._with(Op.MUL, x, -1.0, per_tensor(1 / 256, 127) if is_int8 else self._unit)

    @property
    def _wide(self) -> Form:
        return per_tensor(1 / 16384, 0, DType.INT16)

    def _with(self, code: Op, x: Tensor, value: float, form: Form) -> Tensor:
        """Combine each number with the same one."""
        constant = per_tensor(1 / 32, 0) if self._numerics.dtype is DType.INT8 else per_tensor(1 / 8192, 0, DType.INT16)
        assert constant.quantisation is not None
        number = round(value / constant.quantisation.scale[0])
        values = self._make.constant(f"number_{value:g}", np.full(x.shape, number), constant)
        return self._make.binary(code, x, values, form)

    def _range(self, name: str, factor: float = 1.0) -> Form:
        return self._numerics.ranged(f"{self._op.target}.{name}", factor)

    def _sum(self, name: str, factor: float = 1.0) -> Form:
        """Return the type of what goes into a sigmoid: no further than where that is 0 or 1 to its last step."""
        return self._numerics.ranged(f"{self._op.target}.{name}", factor, self._saturated)
