"""The second reference of the recorder's benchmark: a word in loud rumble, beside a louder click, in silence."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.vad import region_above_noise
from kws.activity import active_region

RATE_HZ = 16_000
N = 2 * RATE_HZ


def word(first_s: float, last_s: float) -> np.ndarray:
    """Return two seconds with a voice in it: the harmonics of 150 Hz."""
    t = np.arange(N) / RATE_HZ
    voice = sum(np.sin(2 * np.pi * 150 * k * t) for k in range(2, 40)) / 40
    return np.where((t >= first_s) & (t < last_s), voice, 0.0)


def hiss(level: float, seed: int = 0) -> np.ndarray:
    return level * np.random.default_rng(seed).normal(size=N)


def rumble(level: float) -> np.ndarray:
    """Return what wind does: slow, strong, below all voices."""
    slow = np.convolve(hiss(1.0, 1), np.hanning(640), "same")
    return level * slow / slow.std()


def seconds(region: tuple[int, int]) -> tuple[float, float]:
    return region[0] / RATE_HZ, region[1] / RATE_HZ


def test_a_word_in_rumble_is_found_where_all_energy_is_the_rumble():
    recording = (0.05 * word(0.9, 1.4) + hiss(0.0005) + rumble(0.05)).astype(np.float32)
    # The reason for it: the energy begins long before the word.
    assert seconds(active_region(recording))[0] < 0.7
    assert seconds(region_above_noise(recording)) == pytest.approx((0.9, 1.4), abs=0.06)


def test_a_click_that_is_louder_than_the_word_is_not_the_word():
    recording = 0.02 * word(1.0, 1.5) + hiss(0.0005)
    recording[4800:5100] += hiss(0.3, 2)[:300]
    assert seconds(region_above_noise(recording.astype(np.float32))) == pytest.approx((1.0, 1.5), abs=0.06)


@pytest.mark.parametrize("n_samples", [0, 100, 16_000])
def test_silence_is_whole(n_samples):
    assert region_above_noise(np.zeros(n_samples, np.float32)) == (0, n_samples)
