"""Noise where nobody recorded any: four colours, at a level that moves."""

import numpy as np
import pytest

from kws.audio import to_float32
from kws.train.made_noise import made_noise

CLIPS = {clip.path.rpartition("/")[2]: to_float32(clip.samples) for clip in made_noise(np.random.default_rng(1))}


def octave_powers_db(samples: np.ndarray) -> np.ndarray:
    """Return the power in the octaves from 250 Hz to 4 kHz."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / 16_000)
    return np.array([10 * np.log10(power[(hz >= f) & (hz < 2 * f)].sum()) for f in (250, 500, 1000, 2000)])


@pytest.mark.parametrize(("name", "step_db"), [("white", 3.0), ("pink", 0.0), ("brown", -3.0)])
def test_colours_have_their_slopes(name: str, step_db: float) -> None:
    assert np.diff(octave_powers_db(CLIPS[name])) == pytest.approx([step_db] * 3, abs=0.3)


def test_the_hum_is_at_the_mains_and_its_harmonics() -> None:
    power = np.abs(np.fft.rfft(CLIPS["hum"] * np.hanning(len(CLIPS["hum"])))) ** 2
    hz = np.fft.rfftfreq(len(CLIPS["hum"]), 1 / 16_000)
    assert min(abs(hz[power.argmax()] - mains) for mains in (50.0, 60.0)) < 0.2


def test_levels_are_alike_and_nothing_clips() -> None:
    levels_db = [20 * np.log10(np.sqrt(np.mean(clip**2))) for clip in CLIPS.values()]
    assert levels_db == pytest.approx([-26.0] * 4, abs=1.0)
    assert max(np.abs(clip).max() for clip in CLIPS.values()) < 0.99


def test_the_same_chance_makes_the_same_noise() -> None:
    first, again, other = (made_noise(np.random.default_rng(seed))[0].samples for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
