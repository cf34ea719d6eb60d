"""Noise for a recipe that has no recordings of any: hiss, rumble and hum, which rooms are made of at least."""

from __future__ import annotations

import numpy as np

from kws.audio import to_pcm16
from kws.config import SAMPLE_RATE_HZ
from kws.train.clip import Clip

_SECONDS = 30
_LEVEL = 0.05
# Slopes of the power spectrum: white, pink and brown noise.
_SLOPES = {"white": 0.0, "pink": 1.0, "brown": 2.0}
_LOWEST_HZ = 20.0
_MAINS_HZ = (50.0, 60.0)
_SWELL_S = 2.0


def made_noise(rng: np.random.Generator) -> list[Clip]:
    """Return half a minute each of white, pink, brown noise, and of pink noise with a mains hum.

    Their level swells and fades by up to 6 dB over seconds, as that of real rooms does.
    """
    clips = [_clip(name, _coloured(slope, rng), rng) for name, slope in _SLOPES.items()]
    return [*clips, _clip("hum", _coloured(1.0, rng) + 2.0 * _hum(rng), rng)]


def _clip(name: str, samples: np.ndarray, rng: np.random.Generator) -> Clip:
    n_swells = int(_SECONDS / _SWELL_S) + 1
    swell_db = np.interp(np.arange(len(samples)), np.linspace(0, len(samples), n_swells), rng.uniform(-3, 3, n_swells))
    loud = samples / np.sqrt(np.mean(np.square(samples))) * _LEVEL * 10 ** (swell_db / 20)
    return Clip(f"made noise/{name}", "", to_pcm16(np.clip(loud, -1.0, 1.0).astype(np.float32)), is_synthetic=True)


def _coloured(slope: float, rng: np.random.Generator) -> np.ndarray:
    n = _SECONDS * SAMPLE_RATE_HZ
    frequencies_hz = np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ)
    shape = np.maximum(frequencies_hz, _LOWEST_HZ) ** (-slope / 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    return noise / np.sqrt(np.mean(np.square(noise)))


def _hum(rng: np.random.Generator) -> np.ndarray:
    time_s = np.arange(_SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    mains_hz = _MAINS_HZ[int(rng.integers(len(_MAINS_HZ)))]
    # Harmonics fall off; their phases do not matter to an ear.
    parts = [np.sin(2 * np.pi * mains_hz * k * time_s + rng.uniform(0, 2 * np.pi)) / k for k in range(1, 9)]
    hum: np.ndarray = np.sum(parts, axis=0)
    return hum / np.sqrt(np.mean(np.square(hum)))
