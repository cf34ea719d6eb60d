"""The front-end as TFLite operations: 16 kHz samples in, feature frames out, overlap and smoother as states.

The spectrum is an FFT where its length is a power of two: LiteRT and tflite-runtime have one. For any other length it
is a convolution with the Fourier matrix, a megabyte of weights that costs as much time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.onnx.front_end import PCEN_STATE, SAMPLES_STATE
from export.tflite.builder import FLOAT, Tensor, TfliteBuilder
from export.tflite.states import NoStates, States
from kws.config import FrontEndConfig
from kws.features.tables import front_end_tables, pcen_tables
from kws.runtime.tflite_schema import Op

_Float64Array = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]

# Frames that PCEN's smoother takes at once; more would cost more arithmetic, fewer more operations.
_SMOOTHING_FRAMES = 16


def add_front_end(builder: TfliteBuilder, states: States, config: FrontEndConfig, samples: Tensor) -> Tensor:
    """Add the front-end.

    Parameters
    ----------
    builder : TfliteBuilder
    states : States
    config : FrontEndConfig
    samples : Tensor
        (1, N), N a multiple of the hop.

    Returns
    -------
    Tensor
        Features (1, T, F).
    """
    n_frames = samples.shape[1] // config.hop_samples
    energies = _band_energies(builder, config, _hops(builder, states, config, samples))
    if config.compression == "pcen":
        features = _pcen(builder, states, config, energies)
    else:
        features = builder.unary(Op.LOG, energies)
    return builder.reshape(features, 1, n_frames, config.n_bands)


def _hops(builder: TfliteBuilder, states: States, config: FrontEndConfig, samples: Tensor) -> Tensor:
    """Return all samples that the frames see as (hops, samples of a hop), zeros before the first if need be."""
    hop_samples, lead_samples = config.hop_samples, _lead_samples(config)
    overlap_samples = config.window_samples - hop_samples
    joined = samples
    if overlap_samples and isinstance(states, NoStates):
        lead_samples += overlap_samples
    elif overlap_samples:
        joined = builder.concat([states.read(SAMPLES_STATE, (1, overlap_samples), FLOAT), samples], 1)
        n_joined = joined.shape[1]
        states.write(SAMPLES_STATE, builder.slice(joined, 1, n_joined - overlap_samples, n_joined))
    if lead_samples:
        joined = builder.pad(joined, 1, lead_samples, 0)
    return builder.reshape(joined, joined.shape[1] // hop_samples, hop_samples)


def _band_energies(builder: TfliteBuilder, config: FrontEndConfig, hops: Tensor) -> Tensor:
    """Return the energies (T, F); for log features with floor and one added, so that silence gives ln(1) = 0."""
    squares, bins = (_fft_squares if _has_fft(config) else _dft_squares)(builder, config, hops)
    bands, added = front_end_tables(config).bands[bins].astype(np.float64), 0.0
    if config.compression == "log":
        bands, added = bands / config.floor, 1.0
    weight = builder.constant("front_end_bands", bands.T)
    bias = builder.constant("front_end_bands_bias", np.full(config.n_bands, added, np.float32))
    return builder.fully_connected(squares, weight, bias)


def _has_fft(config: FrontEndConfig) -> bool:
    """Tell whether runtimes have an FFT of that length."""
    return config.n_fft & (config.n_fft - 1) == 0


def _fft_squares(builder: TfliteBuilder, config: FrontEndConfig, hops: Tensor) -> tuple[Tensor, _Integers]:
    """Return squared magnitudes (T, bins), and which bins: by FFT, all."""
    window, n_hops, lead_samples = front_end_tables(config).window, _n_hops(config), _lead_samples(config)
    n_frames = hops.shape[0] - n_hops + 1
    frames = hops
    if n_hops > 1:
        frames = builder.concat([builder.slice(hops, 0, i, i + n_frames) for i in range(n_hops)], 1)
    if lead_samples:
        # The window ends with the newest sample.
        frames = builder.slice(frames, 1, lead_samples, frames.shape[1])
    framed = builder.binary(Op.MUL, frames, builder.constant("front_end_window", window[None]))
    if config.n_fft > config.window_samples:
        framed = builder.pad(framed, 1, 0, config.n_fft - config.window_samples)
    parts = builder.real_fft(builder.reshape(framed, n_frames, 1, config.n_fft))
    real, imaginary = (builder.binary(Op.MUL, part, part) for part in parts)
    n_bins = config.n_fft // 2 + 1
    squares = builder.reshape(builder.binary(Op.ADD, real, imaginary), n_frames, n_bins)
    return squares, np.arange(n_bins)


def _dft_squares(builder: TfliteBuilder, config: FrontEndConfig, hops: Tensor) -> tuple[Tensor, _Integers]:
    """Return squared real and imaginary parts (T, 2 * bins), and their bins: one convolution over hops of samples.

    No frame is cut out; the window is folded into the kernel. Bins that no band takes are never computed.
    """
    bins = np.flatnonzero(front_end_tables(config).bands.any(axis=1))
    kernel = _dft_kernel(config, bins)
    zeros = builder.constant("front_end_dft_bias", np.zeros(len(kernel), np.float32))
    pixels = builder.reshape(hops, 1, hops.shape[0], 1, hops.shape[1])
    spectrum = builder.conv_2d(pixels, builder.constant("front_end_dft", kernel), zeros)
    return builder.binary(Op.MUL, spectrum, spectrum), np.concatenate([bins, bins])


def _dft_kernel(config: FrontEndConfig, bins: _Integers) -> _Float64Array:
    """Return windowed cosines, then sines, about the middle of the window: (2 * bins, hops, 1, samples of a hop)."""
    n_samples, n_hops = config.window_samples, _n_hops(config)
    window = front_end_tables(config).window.astype(np.float64)
    angle = 2.0 * np.pi / config.n_fft * np.outer(bins, np.arange(n_samples) - n_samples / 2.0)
    kernel = np.zeros((2 * len(bins), n_hops * config.hop_samples))
    # The window ends with the newest sample.
    kernel[:, -n_samples:] = np.concatenate([np.cos(angle), np.sin(angle)]) * window
    return kernel.reshape(len(kernel), n_hops, 1, config.hop_samples)


def _pcen(builder: TfliteBuilder, states: States, config: FrontEndConfig, energies: Tensor) -> Tensor:
    tables = {name: table.astype(np.float64) for name, table in pcen_tables(config).items()}

    def by(code: Op, x: Tensor, name: str, values: npt.ArrayLike) -> Tensor:
        row = np.broadcast_to(np.asarray(values, np.float32), (1, config.n_bands))
        return builder.binary(code, x, builder.constant(f"pcen_{name}", row))

    smoothed = _smoothed(builder, states, tables["smoothing"], energies)
    gain = by(Op.POW, by(Op.ADD, smoothed, "eps", config.pcen.eps), "negative_alpha", -tables["alpha"])
    lifted = by(Op.ADD, builder.binary(Op.MUL, energies, gain), "delta", tables["delta"])
    root = by(Op.POW, lifted, "root", tables["root"])
    return by(Op.SUB, root, "offset", tables["delta"] ** tables["root"])


def _smoothed(builder: TfliteBuilder, states: States, smoothing: _Float64Array, energies: Tensor) -> Tensor:
    """Return ``M[t] = (1 - s) M[t-1] + s E[t]`` for all frames, a block of frames as one convolution over time.

    Behind the last value of the block before, M is a sum over all frames of the block so far: a causal kernel of
    powers of ``1 - s``.
    """
    n_frames, n_bands = energies.shape
    scaled = builder.binary(Op.MUL, energies, builder.constant("pcen_smoothing", smoothing[None]))
    last, blocks = states.read(PCEN_STATE, (1, n_bands), FLOAT), []
    for start in range(0, n_frames, _SMOOTHING_FRAMES):
        length = min(_SMOOTHING_FRAMES, n_frames - start)
        block = scaled if length == n_frames else builder.slice(scaled, 0, start, start + length)
        # Zeros stand for what the first frames do not see.
        column = builder.pad(builder.concat([last, block], 0), 0, length - 1, 0)
        pixels = builder.reshape(column, 1, 2 * length, 1, n_bands)
        kernel = (1.0 - smoothing) ** np.arange(length, -1, -1)[:, None]
        weight = builder.constant("pcen_keep", kernel[None, :, None, :])
        bias = builder.constant("pcen_keep_bias", np.zeros(n_bands, np.float32))
        blocks.append(builder.reshape(builder.depthwise_conv_2d(pixels, weight, bias), length, n_bands))
        last = blocks[-1] if length == 1 else builder.slice(blocks[-1], 0, length - 1, length)
    states.write(PCEN_STATE, last)
    return blocks[0] if len(blocks) == 1 else builder.concat(blocks, 0)


def _n_hops(config: FrontEndConfig) -> int:
    return -(-config.window_samples // config.hop_samples)


def _lead_samples(config: FrontEndConfig) -> int:
    """Return the samples of a frame's hops that lie before its window."""
    return _n_hops(config) * config.hop_samples - config.window_samples
