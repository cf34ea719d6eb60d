"""Make ``front_end.npz``: what the front-end is, computed in float64 by the plainest code.

Nothing here is shared with :mod:`kws.features`, so that a mistake is not made twice. Run it only when the
definition of the front-end changes: ``python tests/golden/make_front_end.py``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kws.config import FrontEndConfig, PcenConfig

TARGET = Path(__file__).with_name("front_end.npz")
RATE_HZ = 16_000

CONFIGS = {
    "log": FrontEndConfig(),
    "pcen": FrontEndConfig(compression="pcen"),
    "classic": FrontEndConfig(
        window_samples=512, hop_samples=29, n_fft=512, n_bands=101, scale="linear", f_min_hz=0.0, f_max_hz=8000.0
    ),
    "per_band": FrontEndConfig(
        compression="pcen",
        window_samples=400,
        n_bands=20,
        pcen=PcenConfig(
            alpha=tuple(np.linspace(0.6, 1.0, 20).tolist()),
            delta=tuple(np.linspace(0.0, 4.0, 20).tolist()),
            root=tuple(np.linspace(0.2, 1.0, 20).tolist()),
            smoothing=tuple(np.linspace(0.01, 1.0, 20).tolist()),
        ),
    ),
}
# Every how many frames are stored; the hop of the classic front-end is so short that neighbours are alike.
STORED_EVERY = {"log": 1, "pcen": 1, "classic": 12, "per_band": 1}


def synthetic_signal() -> np.ndarray:
    """Return 0.7 s of int16: silence, a voiced glide with formants, noise, a full-scale tone, an offset."""
    rng = np.random.default_rng(2024)
    time_s = np.arange(int(0.3 * RATE_HZ)) / RATE_HZ
    pitch_hz = 110.0 + 150.0 * time_s
    phase = 2.0 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    voice = np.zeros_like(time_s)
    for harmonic in range(1, 40):
        frequency_hz = harmonic * pitch_hz
        formants = sum(np.exp(-(((frequency_hz - centre) / 150.0) ** 2)) for centre in (500.0, 1500.0 + 900.0 * time_s))
        voice += (formants + 0.01) * np.sin(harmonic * phase)
    voice *= np.sin(np.pi * time_s / 0.3) ** 2 * 0.3
    tone = np.sin(2.0 * np.pi * 1234.5 * np.arange(1600) / RATE_HZ)
    parts = [np.zeros(800), voice, 0.003 * rng.standard_normal(2400), tone, np.full(1600, 0.9)]
    return np.clip(np.rint(np.concatenate(parts) * 32768.0), -32768, 32767).astype(np.int16)


def reference_features(samples: np.ndarray, config: FrontEndConfig) -> np.ndarray:
    """Return the features ``(T, F)`` of ``(N,)`` samples in float64, frame by frame and band by band."""
    window_samples, hop_samples = config.window_samples, config.hop_samples
    padded = np.concatenate((np.zeros(window_samples - hop_samples), np.asarray(samples, np.float64)))
    window = np.array([np.sin(np.pi * n / window_samples) ** 2 for n in range(window_samples)])
    weights = reference_bands(config)
    energies = np.zeros((len(samples) // hop_samples, config.n_bands))
    for t in range(len(energies)):
        frame = padded[t * hop_samples : t * hop_samples + window_samples] * window
        power = np.abs(np.fft.rfft(frame, config.n_fft)) ** 2 / np.sum(window**2)
        energies[t] = weights @ power
    if config.compression == "log":
        return np.log(energies + config.floor) - np.log(config.floor)
    return _reference_pcen(energies, config.pcen)


def reference_bands(config: FrontEndConfig) -> np.ndarray:
    """Return the band weights ``(F, n_fft // 2 + 1)``, each band a triangle at least a bin wide to either side."""
    to_scale, to_hz = (lambda f: f), (lambda m: m)
    if config.scale == "mel":
        to_scale, to_hz = (lambda f: 1127.010480 * np.log1p(f / 700.0)), (lambda m: 700.0 * np.expm1(m / 1127.010480))
    low, high = to_scale(config.f_min_hz), to_scale(config.f_max_hz)
    points_hz = [to_hz(low + (high - low) * i / (config.n_bands + 1)) for i in range(config.n_bands + 2)]
    bin_hz = RATE_HZ / config.n_fft
    weights = np.zeros((config.n_bands, config.n_fft // 2 + 1))
    for band in range(config.n_bands):
        left, centre, right = points_hz[band : band + 3]
        left, right = min(left, centre - bin_hz), max(right, centre + bin_hz)
        for index in range(weights.shape[1]):
            rising = (index * bin_hz - left) / (centre - left)
            falling = (right - index * bin_hz) / (right - centre)
            weights[band, index] = max(0.0, min(rising, falling))
        weights[band] /= weights[band].sum()
    return weights


def _reference_pcen(energies: np.ndarray, pcen: PcenConfig) -> np.ndarray:
    alpha, delta, root, smoothing = (np.array(v) for v in (pcen.alpha, pcen.delta, pcen.root, pcen.smoothing))
    smoothed, features = np.zeros(energies.shape[1]), np.zeros_like(energies)
    for t, energy in enumerate(energies):
        smoothed = (1.0 - smoothing) * smoothed + smoothing * energy
        features[t] = (energy / (pcen.eps + smoothed) ** alpha + delta) ** root - delta**root
    return features


def main() -> None:
    """Write the signal and the features of every configuration."""
    pcm16 = synthetic_signal()
    arrays = {
        name: reference_features(pcm16 / 32768.0, config)[:: STORED_EVERY[name]].astype(np.float32)
        for name, config in CONFIGS.items()
    }
    np.savez_compressed(TARGET, pcm16=pcm16, **arrays)


if __name__ == "__main__":
    main()
