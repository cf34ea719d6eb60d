"""Types of quantised values by what they can be: any range, between -1 and 1, between 0 and 1."""

from __future__ import annotations

import numpy as np

from export.tflite.builder import Form, per_tensor
from kws.runtime.tflite_schema import DType

_LEVELS = {DType.INT8: (-128, 127), DType.INT16: (-32767, 32767)}
# A value that never changes in calibration still has a scale.
_LEAST_RANGE = 1e-3


def ranged_form(dtype: DType, low: float, high: float) -> Form:
    """Return the type whose values reach from `low` (at most 0) to `high` (at least 0)."""
    lowest, highest = _LEVELS[dtype]
    if dtype is DType.INT16:
        return per_tensor(max(-low, high, _LEAST_RANGE) / highest, 0, dtype)
    scale = max(high - low, _LEAST_RANGE) / (highest - lowest)
    return per_tensor(scale, int(np.clip(round(lowest - low / scale), lowest, highest)), dtype)


def unit_form(dtype: DType) -> Form:
    """Return the type of values between -1 and 1: steps of 1/128, or 1/32768."""
    return per_tensor(1 / 128 if dtype is DType.INT8 else 1 / 32768, 0, dtype)


def sigmoid_form(dtype: DType) -> Form:
    """Return the type of values between 0 and 1: steps of 1/256, or 1/32768."""
    return per_tensor(1 / 256, -128) if dtype is DType.INT8 else per_tensor(1 / 32768, 0, dtype)
