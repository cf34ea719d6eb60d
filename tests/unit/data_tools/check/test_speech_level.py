"""The active speech level against tones whose level is known and against P.56 written out sample by sample."""

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from data_tools.check.speech_level import SILENCE_DBFS, active_speech_level

SECOND = 16_000


def tone(seconds: float, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * 500 * np.arange(round(seconds * SECOND)) / SECOND)).astype(np.float32)


def by_sample(samples: np.ndarray) -> float:
    """Return the level by P.56 method B, each sample on its own."""
    g = math.exp(-1 / (SECOND * 0.03))
    envelope = lfilter([1 - g], [1, -g], lfilter([1 - g], [1, -g], np.abs(samples)))
    power = np.mean(samples.astype(float) ** 2)
    previous = None
    for threshold in 2.0 ** -np.arange(1, 16):
        last, active = -(10**9), 0
        for n, value in enumerate(envelope):
            last = n if value >= threshold else last
            active += n - last < 0.2 * SECOND
        if not active:
            continue
        level = 10 * math.log10(power * len(samples) / active)
        distance = level - 20 * math.log10(threshold)
        if distance >= 15.9:
            if previous is None:
                return level
            return previous[1] + (15.9 - previous[0]) / (distance - previous[0]) * (level - previous[1])
        previous = distance, level
    raise AssertionError("no threshold is within the margin")


def test_a_tone_has_its_rms() -> None:
    assert active_speech_level(tone(3.0)) == pytest.approx(20 * math.log10(0.1 / math.sqrt(2)), abs=0.1)


def test_pauses_are_left_out() -> None:
    padded = np.concatenate([np.zeros(4 * SECOND, np.float32), tone(2.0), np.zeros(6 * SECOND, np.float32)])
    # 2 s of sound, the hangover of 0.2 s and the decay of the envelope count; 12 s would be 7.8 dB less.
    assert active_speech_level(padded) == pytest.approx(-23.01 - 10 * math.log10(2.3 / 2.0), abs=0.3)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_it_is_that_of_the_recommendation(seed: int) -> None:
    rng = np.random.default_rng(seed)
    loudness = np.repeat(np.where(rng.random(12) < 0.6, rng.uniform(0.02, 0.3, 12), 0.0005), SECOND // 4)
    samples = (loudness * rng.standard_normal(len(loudness))).astype(np.float32)
    assert active_speech_level(samples) == pytest.approx(by_sample(samples), abs=0.4)


def test_gain_is_told_to_the_decibel() -> None:
    samples = np.concatenate([tone(0.5), np.zeros(SECOND, np.float32)])
    assert active_speech_level(0.1 * samples) == pytest.approx(active_speech_level(samples) - 20.0, abs=0.01)


@pytest.mark.parametrize("n_samples", [0, 10, SECOND])
def test_silence_has_a_level_of_its_own(n_samples: int) -> None:
    assert active_speech_level(np.zeros(n_samples, np.float32)) == SILENCE_DBFS
