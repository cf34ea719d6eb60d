"""The front-end as ONNX nodes: 16 kHz samples in, feature frames out, overlap and smoother as states.

The spectrum is a matrix product with the window folded in: for the 8 frames of a live block that takes about
15 us in onnxruntime, its STFT operator 50, and it needs no complex numbers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.onnx.builder import TO_THE_END, OnnxBuilder
from export.onnx.tables import add_bands, add_half_dft
from kws.config import FrontEndConfig
from kws.features.tables import pcen_tables
from kws.spec import StateSpec

_Float64Array = npt.NDArray[np.float64]

SAMPLES_STATE = "state_samples"
PCEN_STATE = "state_pcen"


def front_end_states(config: FrontEndConfig) -> tuple[StateSpec, ...]:
    """Return the states that :func:`add_front_end` keeps: samples of the overlap, and PCEN's smoothed energy."""
    states = []
    overlap_samples = config.window_samples - config.hop_samples
    if overlap_samples:
        states.append(StateSpec(SAMPLES_STATE, (overlap_samples,)))
    if config.compression == "pcen":
        states.append(StateSpec(PCEN_STATE, (config.n_bands,)))
    return tuple(states)


def add_front_end(builder: OnnxBuilder, config: FrontEndConfig, samples: str, new_states: dict[str, str]) -> str:
    """Add the front-end to a graph whose inputs are declared.

    Parameters
    ----------
    builder : OnnxBuilder
    config : FrontEndConfig
    samples : str
        Name of the samples, (B, N) with N a multiple of the hop.
    new_states : dict
        Receives the names of the new states by the names of :func:`front_end_states`.

    Returns
    -------
    str
        Name of the features, (B, T, F).
    """
    frames = _frames(builder, config, samples, new_states)
    energies = _band_energies(builder, config, frames)
    if config.compression == "pcen":
        return _pcen(builder, config, energies, new_states)
    return builder.node("Log", [builder.node("Add", [energies, builder.weight("one", np.float32(1.0))])])


def _frames(builder: OnnxBuilder, config: FrontEndConfig, samples: str, new_states: dict[str, str]) -> str:
    """Cut (B, N) into (B, T, n_hops * hop), the window right-aligned in its whole number of hops."""
    hop, n_hops = config.hop_samples, _n_hops(config)
    overlap_samples = config.window_samples - hop
    joined = samples
    if overlap_samples:
        joined = builder.node("Concat", [SAMPLES_STATE, samples], axis=1)
        new_states[SAMPLES_STATE] = builder.slice(joined, -overlap_samples, TO_THE_END, 1)
    lead_samples = n_hops * hop - config.window_samples
    if lead_samples:
        joined = builder.node("Pad", [joined, builder.integers(0, lead_samples, 0, 0)])
    hops = builder.node("Reshape", [joined, builder.integers(0, -1, hop)])
    if n_hops == 1:
        return hops
    ends = [*range(1 - n_hops, 0), TO_THE_END]
    return builder.node("Concat", [builder.slice(hops, i, end, 1) for i, end in enumerate(ends)], axis=2)


def _band_energies(builder: OnnxBuilder, config: FrontEndConfig, frames: str) -> str:
    cosines, sines = add_half_dft(builder, config)
    # The window is symmetric, so the samples that stand in for each other are added or subtracted first; that
    # halves the products. Its first value is zero: that sample has no partner and needs none.
    half, start = config.window_samples // 2, _n_hops(config) * config.hop_samples - config.window_samples
    late = builder.slice(frames, -half, TO_THE_END, 2)
    early = builder.slice(frames, start + half, start, 2, step=-1)
    even = builder.node("MatMul", [builder.node("Add", [late, early]), cosines])
    odd = builder.node("MatMul", [builder.node("Sub", [late, early]), sines])
    power = builder.node("Add", [builder.node("Mul", [even, even]), builder.node("Mul", [odd, odd])])
    return builder.node("MatMul", [power, add_bands(builder, config)])


def _pcen(builder: OnnxBuilder, config: FrontEndConfig, energies: str, new_states: dict[str, str]) -> str:
    tables = {name: table.astype(np.float64) for name, table in pcen_tables(config).items()}
    smoothed = _smoothed(builder, tables["smoothing"], energies, new_states)
    level = builder.node("Add", [smoothed, builder.weight("pcen_eps", np.float32(config.pcen.eps))])
    gain = builder.node("Pow", [level, builder.weight("pcen_negative_alpha", -tables["alpha"])])
    lifted = builder.node("Add", [builder.node("Mul", [energies, gain]), builder.weight("pcen_delta", tables["delta"])])
    root = builder.node("Pow", [lifted, builder.weight("pcen_root", tables["root"])])
    return builder.node("Sub", [root, builder.weight("pcen_offset", tables["delta"] ** tables["root"])])


def _smoothed(
    builder: OnnxBuilder, smoothing: npt.NDArray[np.float64], energies: str, new_states: dict[str, str]
) -> str:
    # M[t] = (1 - s) M[t-1] + s E[t] is a recurrent layer with diagonal weights; energies are never
    # negative, so its ReLU changes nothing. One node, where a Scan runs a graph a frame.
    weights = [
        builder.weight("pcen_smoothing", np.diag(smoothing)[None]),
        builder.weight("pcen_keep", np.diag(1.0 - smoothing)[None]),
    ]
    outputs, last = builder.node_with(
        "RNN",
        [
            builder.node("Transpose", [energies], perm=[1, 0, 2]),
            *weights,
            "",
            "",
            builder.node("Unsqueeze", [PCEN_STATE, builder.integers(0)]),
        ],
        ["pcen_all", "pcen_last"],
        hidden_size=len(smoothing),
        activations=["Relu"],
    )
    new_states[PCEN_STATE] = builder.node("Squeeze", [last, builder.integers(0)])
    by_frame = builder.node("Squeeze", [outputs, builder.integers(1)])
    return builder.node("Transpose", [by_frame], perm=[1, 0, 2])


def _n_hops(config: FrontEndConfig) -> int:
    return -(-config.window_samples // config.hop_samples)
