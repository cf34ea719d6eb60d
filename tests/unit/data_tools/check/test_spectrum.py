"""Where a sound's band ends, and whether it is white."""

import numpy as np
import pytest

from data_tools.check.spectrum import flatness, loud_spectrum, source_rate_hz
from kws.audio import resample
from tests.planted import utterance


def noise(seed: int = 0, n_samples: int = 32_000) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n_samples)).astype(np.float32)


@pytest.mark.parametrize("rate_hz", [8000, 11_025])
@pytest.mark.parametrize("make", [noise, lambda: utterance(np.random.default_rng(3))])
def test_what_was_once_at_a_low_rate_is_known(make, rate_hz: int) -> None:
    upsampled = resample(resample(make(), 16_000, rate_hz), rate_hz, 16_000)
    # Stored as int16: the upper band holds the rounding.
    stored = np.rint(upsampled * 32768) / 32768
    assert source_rate_hz(loud_spectrum(stored.astype(np.float32))) == rate_hz


def test_a_full_band_and_a_dull_one_are_no_sign() -> None:
    assert source_rate_hz(loud_spectrum(noise())) == 0
    spectrum = np.fft.rfft(noise())
    # A fall of 12 dB an octave from 500 Hz, as of a voice from behind.
    dull = np.fft.irfft(spectrum / (1 + (np.fft.rfftfreq(32_000, 1 / 16_000) / 500) ** 2), 32_000)
    assert source_rate_hz(loud_spectrum(dull.astype(np.float32))) == 0


def test_a_hum_with_nothing_above_it_is_no_sign() -> None:
    hum = 0.3 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert source_rate_hz(loud_spectrum(hum.astype(np.float32))) == 0


def test_flatness_of_noise_and_of_a_tone() -> None:
    assert flatness(loud_spectrum(noise())) > 0.9
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert flatness(loud_spectrum(tone)) < 0.01


def test_the_loud_half_is_measured() -> None:
    samples = np.concatenate([noise(n_samples=8000), np.zeros(24_000, np.float32)])
    # Half of the frames have energy at or above the median, which is zero: all count.
    assert loud_spectrum(samples).shape == (257,)
    loud, quiet = noise(1, 16_000), 1e-3 * noise(2, 16_000)
    both = loud_spectrum(np.concatenate([loud, quiet])).sum()
    assert both == pytest.approx(loud_spectrum(np.concatenate([loud, loud])).sum(), rel=0.1)


def test_a_clip_shorter_than_a_window_is_measured() -> None:
    assert np.isfinite(loud_spectrum(noise(n_samples=20))).all()
