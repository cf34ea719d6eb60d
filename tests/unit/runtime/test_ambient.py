"""Levels and noise floors against signals of known power."""

import numpy as np
import pytest

from kws.errors import AudioError, ConfigError
from kws.runtime.ambient import SILENCE_DB, AmbientLevel

RATE_HZ = 16_000


def noise(level_db: float, seconds: float, seed: int = 0) -> np.ndarray:
    samples = np.random.default_rng(seed).standard_normal((1, round(seconds * RATE_HZ)))
    return (10 ** (level_db / 20) * samples).astype(np.float32)


def bursts(level_db: float, seconds: float) -> np.ndarray:
    """Sound for 0.8 s of every second, like words with pauses."""
    samples = noise(level_db, seconds, seed=1)
    samples[0, np.arange(samples.shape[1]) % RATE_HZ >= 0.8 * RATE_HZ] = 0.0
    return samples


def after(*parts: np.ndarray) -> AmbientLevel:
    ambient = AmbientLevel(1)
    for part in parts:
        ambient.update(part)
    return ambient


def test_full_scale_sine_measures_minus_three_db():
    sine = np.sin(2 * np.pi * 1000 * np.arange(RATE_HZ) / RATE_HZ).astype(np.float32)[np.newaxis]
    assert after(sine).levels_db == pytest.approx([-3.01], abs=0.01)


def test_constant_offset_is_no_sound():
    assert after(noise(-60.0, 5.0) + np.float32(0.1)).floors_db == pytest.approx([-60.0], abs=0.5)
    assert after(np.full((1, RATE_HZ), 0.01, np.float32)).levels_db[0] < -95.0


@pytest.mark.parametrize("level_db", [-80.0, -50.0, -20.0])
def test_floor_of_white_noise_is_its_level(level_db):
    ambient = after(noise(level_db, 20.0))
    assert ambient.floors_db == pytest.approx([level_db], abs=0.3)
    assert ambient.levels_db == pytest.approx([level_db], abs=1.0)


def test_digital_silence_has_a_stated_floor():
    ambient = AmbientLevel(2)
    assert ambient.levels_db == ambient.floors_db == (SILENCE_DB, SILENCE_DB)
    ambient.update(np.zeros((2, RATE_HZ), np.float32))
    assert ambient.levels_db == ambient.floors_db == (SILENCE_DB, SILENCE_DB)


def test_floor_falls_at_once_and_rises_within_nine_seconds():
    ambient = after(noise(-40.0, 10.0), noise(-60.0, 1.0))
    assert ambient.floors_db == pytest.approx([-60.0], abs=0.5)
    ambient.update(noise(-40.0, 7.5))
    assert ambient.floors_db == pytest.approx([-60.0], abs=0.5)
    ambient.update(noise(-40.0, 1.6))
    assert ambient.floors_db == pytest.approx([-40.0], abs=0.5)


def test_words_do_not_lift_the_floor():
    quiet = noise(-60.0, 60.0)
    assert after(quiet + bursts(-25.0, 60.0)).floors_db == pytest.approx(after(quiet).floors_db, abs=0.5)


def test_channels_are_measured_on_their_own():
    ambient = AmbientLevel(2)
    ambient.update(np.concatenate([noise(-40.0, 10.0), noise(-70.0, 10.0, seed=1)]))
    assert ambient.floors_db == pytest.approx([-40.0, -70.0], abs=0.5)


@pytest.mark.parametrize("n_samples", [1, 640, 1280, 1601, 32_000])
def test_any_chunking_measures_the_same(n_samples):
    samples = noise(-50.0, 4.0) + bursts(-30.0, 4.0)
    ambient, whole = AmbientLevel(1), AmbientLevel(1)
    chunks = range(0, samples.shape[1], n_samples)
    powers = [pair for start in chunks for pair in ambient.update(samples[:, start : start + n_samples])[0]]
    np.testing.assert_allclose(powers, whole.update(samples)[0], rtol=1e-5)
    assert len(powers) == 50
    assert ambient.levels_db + ambient.floors_db == pytest.approx(whole.levels_db + whole.floors_db, abs=1e-3)


def test_reset_forgets():
    ambient = after(noise(-60.0, 5.0), noise(-30.0, 0.01))
    ambient.reset()
    assert ambient.floors_db == (SILENCE_DB,) and ambient.rest_samples == 0
    ambient.update(noise(-30.0, 1.0))
    assert ambient.floors_db == pytest.approx([-30.0], abs=0.6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_impossible_samples_are_refused_and_leave_it_as_it_was(value):
    ambient = after(noise(-60.0, 5.01))
    before = (ambient.levels_db, ambient.floors_db, ambient.rest_samples)
    with pytest.raises(AudioError, match="NaN or infinity"):
        ambient.update(np.full((1, RATE_HZ), value, np.float32))
    assert (ambient.levels_db, ambient.floors_db, ambient.rest_samples) == before


def test_other_shapes_are_refused():
    with pytest.raises(AudioError, match=r"shape \(2, 320\); accepted is \(1, N\)"):
        AmbientLevel(1).update(np.zeros((2, 320), np.float32))
    with pytest.raises(ConfigError, match="n_channels is 0"):
        AmbientLevel(0)
