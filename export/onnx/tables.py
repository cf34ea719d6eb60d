"""The large tables of the front-end as ONNX nodes that make them from small ones.

ONNX Runtime folds these nodes into constants while it loads, so that a call costs what it would with the tables in the
file; the file is half a megabyte smaller.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from export.onnx.builder import OnnxBuilder
from kws.config import FrontEndConfig
from kws.features.tables import front_end_tables

_Integers = npt.NDArray[np.int64]


def add_half_dft(builder: OnnxBuilder, config: FrontEndConfig) -> tuple[str, str]:
    """Add windowed cosines and sines about the middle of the window, each (window // 2, bins).

    Their bins are those from the first to the last one that a band takes.
    """
    n_samples = config.window_samples
    late = np.arange(n_samples - n_samples // 2, n_samples)
    window = front_end_tables(config).window[late].copy()
    # The middle may lie between two samples, so places are halves of one where it does.
    places, steps = 2 * late - n_samples, 2 * config.n_fft
    if n_samples % 2 == 0:
        # The middle sample is its own partner.
        window[0] /= 2.0
        places, steps = places // 2, config.n_fft
    # A quarter of the period is a whole number: a sine is a cosine of the same table.
    period = math.lcm(4, steps)
    factors = _integers(builder, "dft_places", places[:, None] * (period // steps)), _bins(builder, config)
    angle = builder.node("Mul", factors)
    behind = builder.node("Add", [angle, _integers(builder, "dft_quarters", [3 * period // 4])])
    table = builder.weight("dft_cosine", np.cos(2.0 * np.pi * np.arange(period) / period))
    column = builder.weight("dft_window", window[:, None])
    cosines, sines = (
        builder.node("Mul", [builder.node("Gather", [table, _modulo(builder, value, period)]), column])
        for value in (angle, behind)
    )
    return cosines, sines


def add_bands(builder: OnnxBuilder, config: FrontEndConfig) -> str:
    """Add the weights of those bins in the bands, (bins, F); for log features they are divided by the floor."""
    weights = front_end_tables(config).bands.astype(np.float64)
    if config.compression == "log":
        # ln(E + floor) - ln(floor) = ln(E / floor + 1), which is exactly zero in silence.
        weights /= config.floor
    # A band is one run of bins: its weights stand one after the other, with a zero on either side.
    taken = weights > 0
    first, last = taken.argmax(axis=0), len(taken) - 1 - taken[::-1].argmax(axis=0)
    runs = [np.pad(column[i : j + 1], 1) for column, i, j in zip(weights.T, first, last, strict=True)]
    sizes = np.array([len(run) for run in runs])
    column = builder.node("Transpose", [_bins(builder, config)], perm=[1, 0])
    inside = builder.node("Sub", [column, _integers(builder, "bands_before", first - 1)])
    inside = builder.node("Max", [inside, _integers(builder, "zero", [0])])
    inside = builder.node("Min", [inside, _integers(builder, "bands_last", sizes - 1)])
    index = builder.node("Add", [inside, _integers(builder, "bands_start", np.cumsum(sizes) - sizes)])
    return builder.node("Gather", [builder.weight("bands_weights", np.concatenate(runs)), index])


def _bins(builder: OnnxBuilder, config: FrontEndConfig) -> str:
    """Add the bins that are computed, (1, bins)."""
    taken = np.flatnonzero(front_end_tables(config).bands.any(axis=1))
    return _integers(builder, "dft_bins", np.arange(taken[0], taken[-1] + 1)[None])


def _modulo(builder: OnnxBuilder, value: str, period: int) -> str:
    """Add the remainder of numbers that are not negative."""
    divisor = _integers(builder, "dft_period", [period])
    return builder.node("Sub", [value, builder.node("Mul", [builder.node("Div", [value, divisor]), divisor])])


def _integers(builder: OnnxBuilder, name: str, values: _Integers | list[int]) -> str:
    return builder.weight(name, values, np.int32)
