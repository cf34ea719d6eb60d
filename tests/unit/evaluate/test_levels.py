"""Active level against closed forms, and against the recommendation computed sample by sample."""

import math

import numpy as np
import pytest

from kws.evaluate.levels import active_level


def noise(seed: int, n: int, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def by_the_book(samples: np.ndarray, rate_hz: int = 16_000) -> float:
    """ITU-T P.56, method B, as its text has it: one sample after the other, thresholds one power of two apart."""
    g = math.exp(-1 / (0.03 * rate_hz))
    hangover = round(0.2 * rate_hz)
    thresholds = [2.0**-j for j in range(21)]
    active, since = [0] * 21, [hangover] * 21
    p = q = energy = 0.0
    for x in samples.tolist():
        p = g * p + (1 - g) * abs(x)
        q = g * q + (1 - g) * p
        energy += x * x
        for j, c in enumerate(thresholds):
            if q >= c:
                active[j] += 1
                since[j] = 0
            elif since[j] < hangover - 1:
                active[j] += 1
                since[j] += 1
    before = None
    for c, a in zip(thresholds, active, strict=True):
        if not a:
            continue
        level = 10 * math.log10(energy / a)
        distance = level - 20 * math.log10(c)
        if distance >= 15.9:
            if before is None:
                return 10 ** (level / 20)
            share = (15.9 - before[1]) / (distance - before[1])
            return 10 ** ((before[0] + share * (level - before[0])) / 20)
        before = (level, distance)
    raise AssertionError("too quiet")


def test_same_as_sample_by_sample():
    rng = np.random.default_rng(0)
    # Bursts and pauses, at a level that differs from burst to burst.
    samples = np.concatenate(
        [noise(i, int(rng.integers(800, 6000)), rng.uniform(0.01, 0.2)) * (i % 2) for i in range(12)]
    ).astype(np.float32)
    assert 20 * math.log10(active_level(samples) / by_the_book(samples)) == pytest.approx(0, abs=1e-6)


def test_steady_noise_has_its_root_mean_square():
    assert active_level(noise(1, 160_000)) == pytest.approx(0.1, rel=0.01)


def test_pauses_are_left_out_but_for_the_hangover():
    burst = noise(2, 16_000)
    alone = active_level(np.concatenate([burst, np.zeros(160_000, np.float32)]))
    # A second, and 0.2 s or a little more in which the envelope falls and the hangover runs.
    assert 20 * math.log10(alone / 0.1) == pytest.approx(-10 * math.log10(1.2), abs=0.5)


def test_level_scales_with_the_sound():
    bursts = np.concatenate([noise(3, 4000), np.zeros(8000, np.float32)] * 4)
    assert active_level(0.5 * bursts) == pytest.approx(0.5 * active_level(bursts), rel=1e-4)


@pytest.mark.parametrize("samples", [np.zeros(0, np.float32), np.zeros(100, np.float32)])
def test_silence_has_no_level(samples):
    assert active_level(samples) == 0.0


def test_a_single_sample_is_a_sound():
    assert active_level(np.array([0.5], np.float32)) > 0.0
