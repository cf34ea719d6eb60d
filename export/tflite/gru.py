"""GRU layers as TFLite operations, one step after the other: ``h' = n + z (h - n)`` in PyTorch's gates.

``r = sigmoid(W_ir x + b_ir + W_hr h + b_hr)``, z likewise, ``n = tanh(W_in x + b_in + r (W_hn h + b_hn))``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from export.tflite.builder import FLOAT, Tensor, TfliteBuilder
from export.tflite.states import States
from kws.graph import Gru
from kws.runtime.tflite_schema import Op

if TYPE_CHECKING:
    from export.tflite.numerics import Numerics


def float_gru(numerics: Numerics, builder: TfliteBuilder, states: States, op: Gru, rows: list[Tensor]) -> list[Tensor]:
    """Add a GRU over rows (1, F_in) of float32; return its outputs (1, H).

    The gates r and z see input and hidden vector as one vector, so that each is one product; every gate is a product
    of its own, so that nothing is cut apart.
    """
    hidden = states.read(op.state, (1, op.weight_hidden.shape[1]), FLOAT)
    outputs = []
    for x in rows:
        hidden = _float_step(numerics, builder, op, x, hidden)
        outputs.append(hidden)
    states.write(op.state, hidden)
    return outputs


def _float_step(numerics: Numerics, builder: TfliteBuilder, op: Gru, x: Tensor, hidden: Tensor) -> Tensor:
    input_weights, hidden_weights = np.split(op.weight_input, 3), np.split(op.weight_hidden, 3)
    input_biases, hidden_biases = np.split(op.bias_input, 3), np.split(op.bias_hidden, 3)

    def product(name: str, weight: np.ndarray, bias: np.ndarray, vector: Tensor) -> Tensor:
        stored = numerics.weights(builder, f"{op.target}_{name}", weight, bias, vector, None)
        return builder.fully_connected(vector, *stored)

    both = builder.concat([x, hidden], 1)
    reset, update = (
        builder.unary(
            Op.LOGISTIC,
            product(
                name,
                np.concatenate([input_weights[gate], hidden_weights[gate]], axis=1),
                input_biases[gate] + hidden_biases[gate],
                both,
            ),
        )
        for gate, name in enumerate(("reset", "update"))
    )
    from_input = product("candidate_input", input_weights[2], input_biases[2], x)
    from_hidden = product("candidate_hidden", hidden_weights[2], hidden_biases[2], hidden)
    gated = builder.binary(Op.MUL, reset, from_hidden)
    candidate = builder.unary(Op.TANH, builder.binary(Op.ADD, from_input, gated))
    kept = builder.binary(Op.MUL, update, builder.binary(Op.SUB, hidden, candidate))
    return builder.binary(Op.ADD, candidate, kept)
