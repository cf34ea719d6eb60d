"""What each augmentation does, in numbers."""

import numpy as np
import pytest

from kws.config import SAMPLE_RATE_HZ, ConfigError
from kws.train.augment.band_warp import BandWarp
from kws.train.augment.elastic import Elastic
from kws.train.augment.equalise import Equalise
from kws.train.augment.fourier import convolve, fast_length
from kws.train.augment.gain import Gain, MicrophoneNoise
from kws.train.augment.pass_band import PassBand
from kws.train.augment.reverb import Reverb
from kws.train.augment.spec_augment import SpecAugment
from kws.train.augment.speed import Speed
from kws.train.augment.telephone import Telephone, companded
from kws.train.augment.tempo import Tempo

NOISE = (0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE_HZ)).astype(np.float32)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (5, 3), (1000, 17), (4096, 4096)])
def test_convolution_equals_the_direct_sum(n: int, m: int) -> None:
    rng = np.random.default_rng(1)
    x, k = rng.standard_normal(n).astype(np.float32), rng.standard_normal(m).astype(np.float32)
    np.testing.assert_allclose(convolve(x, k), np.convolve(x, k), atol=1e-3)


def test_fast_lengths() -> None:
    assert [fast_length(n) for n in (1, 2, 3, 5, 6, 7, 9, 11, 17, 21, 33)] == [1, 2, 3, 5, 6, 8, 10, 12, 20, 24, 40]
    assert all(fast_length(n) >= n for n in range(1, 5000))


def test_speed_scales_duration_and_pitch() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ).astype(np.float32)
    faster = Speed(probability=1.0, minimum=1.25, maximum=1.25)(tone, np.random.default_rng(0))
    assert len(faster) == pytest.approx(SAMPLE_RATE_HZ / 1.25, abs=2)
    peak_hz = np.argmax(np.abs(np.fft.rfft(faster))) * SAMPLE_RATE_HZ / len(faster)
    assert peak_hz == pytest.approx(1250, abs=3)


@pytest.mark.parametrize("factor", [0.75, 1.0, 1.3])
def test_tempo_scales_duration_and_keeps_pitch(factor: float) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ).astype(np.float32)
    changed = Tempo(probability=1.0, minimum=factor, maximum=factor)(tone, np.random.default_rng(0))
    assert len(changed) == pytest.approx(SAMPLE_RATE_HZ / factor, abs=SAMPLE_RATE_HZ / 50)
    middle = changed[2000:-2000]
    peak_hz = np.argmax(np.abs(np.fft.rfft(middle))) * SAMPLE_RATE_HZ / len(middle)
    assert peak_hz == pytest.approx(440, abs=2)
    # Pieces that were joined out of phase would cancel.
    assert rms(middle) == pytest.approx(np.sqrt(0.5), rel=0.03)


def test_tempo_keeps_events_in_their_place() -> None:
    clicks = np.zeros(SAMPLE_RATE_HZ, np.float32)
    clicks[[4000, 12_000]] = 1.0
    slower = Tempo(probability=1.0, minimum=0.8, maximum=0.8)(clicks, np.random.default_rng(0))
    strong = np.flatnonzero(np.abs(slower) > 0.5)
    # Within the search range of 10 ms and a hop.
    assert abs(strong[0] - 5000) < 500
    assert abs(strong[-1] - 15_000) < 500


def test_reverb_keeps_the_energy_and_starts_where_the_clip_did() -> None:
    click = np.zeros(2000, np.float32)
    click[100] = 1.0
    for seed in range(10):
        wet = Reverb(probability=1.0, measured_share=0.0)(click, np.random.default_rng(seed))
        assert np.dot(wet, wet) == pytest.approx(1.0, rel=1e-3)
        assert np.flatnonzero(np.abs(wet) > 1e-3)[0] == 100


def test_measured_response_is_used_from_its_direct_path_on() -> None:
    rir = np.array([0.1, 0.0, 1.0, 0.5], np.float32)
    wet = Reverb(probability=1.0, measured_share=1.0)(np.array([1.0], np.float32), np.random.default_rng(0), [rir])
    np.testing.assert_allclose(wet / wet[0], [1.0, 0.5], atol=1e-5)


def test_gain_is_in_range_and_clips_as_a_sound_card_does() -> None:
    quieter = Gain(probability=1.0, minimum_db=-6.0, maximum_db=-6.0)(NOISE, np.random.default_rng(0))
    assert rms(quieter) / rms(NOISE) == pytest.approx(10 ** (-6 / 20), rel=1e-3)
    assert np.abs(Gain(1.0, 60.0, 60.0)(NOISE, np.random.default_rng(0))).max() == 1.0


def test_microphone_noise_has_its_level() -> None:
    member = MicrophoneNoise(probability=1.0, minimum_dbfs=-60.0, maximum_dbfs=-60.0)
    hiss = member(np.zeros(SAMPLE_RATE_HZ, np.float32), np.random.default_rng(0))
    assert 20 * np.log10(rms(hiss)) == pytest.approx(-60.0, abs=0.2)


def test_equaliser_of_no_depth_changes_nothing() -> None:
    same = Equalise(probability=1.0, depth_db=0.0)(NOISE, np.random.default_rng(0))
    np.testing.assert_allclose(same, NOISE, atol=1e-6)


def test_pass_band_halves_the_power_at_its_corners_and_keeps_the_middle() -> None:
    member = PassBand(probability=1.0, low_share=1.0, high_share=1.0, low_hz=(300.0, 300.0), high_hz=(4000.0, 4000.0))
    gain = np.abs(np.fft.rfft(member(NOISE, np.random.default_rng(0)))) / np.abs(np.fft.rfft(NOISE))
    hz = np.fft.rfftfreq(len(NOISE), 1 / SAMPLE_RATE_HZ)
    assert np.median(gain[np.abs(hz - 300) < 5]) == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert np.median(gain[np.abs(hz - 4000) < 20]) == pytest.approx(np.sqrt(0.5), abs=0.05)
    assert np.median(gain[(hz > 900) & (hz < 1500)]) == pytest.approx(1.0, abs=0.02)
    assert np.median(gain[hz < 40]) < 0.1
    untouched = PassBand(probability=1.0, low_share=0.0, high_share=0.0)(NOISE, np.random.default_rng(0))
    np.testing.assert_allclose(untouched, NOISE, atol=1e-6)


def test_a_telephone_keeps_its_band_and_nothing_above_four_kilohertz() -> None:
    member = Telephone(1.0, (300.0, 300.0), (3400.0, 3400.0), minimum_dbfs=-90.0, maximum_dbfs=-90.0)
    hz = np.fft.rfftfreq(len(NOISE), 1 / SAMPLE_RATE_HZ)
    heard = member(NOISE, np.random.default_rng(0))
    gain = np.abs(np.fft.rfft(heard)) / np.abs(np.fft.rfft(NOISE))
    assert np.median(gain[(hz > 1000) & (hz < 2000)]) == pytest.approx(1.0, abs=0.03)
    assert np.median(gain[np.abs(hz - 300) < 5]) == pytest.approx(np.sqrt(0.5), abs=0.1)
    assert np.median(gain[np.abs(hz - 3400) < 20]) == pytest.approx(np.sqrt(0.5), abs=0.1)
    # Under a window, as the cut at the end of the noise has all frequencies.
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert spectrum[hz > 4010].max() < 1e-5 * spectrum.max()


def test_the_noise_of_a_line_has_its_level() -> None:
    member = Telephone(1.0, (10.0, 10.0), (4000.0, 4000.0), minimum_dbfs=-40.0, maximum_dbfs=-40.0)
    hiss = member(np.zeros(SAMPLE_RATE_HZ, np.float32), np.random.default_rng(0))
    assert 20 * np.log10(rms(hiss)) == pytest.approx(-40.0, abs=0.3)


def test_eight_bits_by_mu_law_are_fine_where_it_is_quiet() -> None:
    x = np.array([-2.0, -1.0, 0.0, 1.0, 0.01, -0.01])
    # One step in 127 of ln(1 + 255 |x|) / ln 256 is 4.4 % of a loud sample; half of that is the error.
    np.testing.assert_allclose(companded(x), [-1.0, -1.0, 0.0, 1.0, 0.01, -0.01], rtol=0.03, atol=0.0)
    loud, quiet = np.linspace(0.1, 1.0, 1000), np.linspace(1e-4, 1e-3, 1000)
    assert np.abs(companded(loud) / loud - 1.0).max() < 0.024
    assert np.abs(companded(quiet) - quiet).max() < 1.2e-4


def test_spec_augment_masks_are_silence_of_bounded_width() -> None:
    x = np.ones((50, 20), np.float32)
    for seed in range(20):
        y = SpecAugment(1.0, time_masks=1, max_frames=5, band_masks=1, max_bands=3)(x, np.random.default_rng(seed))
        assert int((y == 0).all(axis=1).sum()) <= 5
        assert int((y == 0).all(axis=0).sum()) <= 3
        assert set(np.unique(y)) <= {0.0, 1.0}


def test_an_inverted_range_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"augment\.gain"):
        Gain(minimum_db=3.0, maximum_db=-3.0)


def test_band_warp_moves_bands_and_leaves_time() -> None:
    x = np.zeros((6, 20), np.float32)
    x[2, 10] = 1.0
    lower = BandWarp(1.0, 1.25, 1.25)(x, np.random.default_rng(0))
    assert np.argmax(lower[2]) == 8
    assert not lower[[0, 1, 3, 4, 5]].any()
    np.testing.assert_array_equal(BandWarp(1.0, 1.0, 1.0)(x, np.random.default_rng(0)), x)


def test_elastic_keeps_a_ramp_within_its_displacements() -> None:
    rng = np.random.default_rng(0)
    over_bands = np.repeat(np.arange(40, dtype=np.float32)[None], 400, 0)
    moved = Elastic(probability=1.0, bands=0.7, frames=0.0)(over_bands, rng) - over_bands
    # A ramp over the bands shows by how many each place was moved: a voice's part and a changing one of 0.7 of it.
    assert 0.3 < float(moved.std()) < 1.5
    assert float(np.abs(np.diff(moved, axis=0)).max()) < 0.15
    over_time = np.repeat(np.arange(400, dtype=np.float32)[:, None], 40, 1)
    moved = Elastic(probability=1.0, bands=0.0, frames=2.0)(over_time, rng) - over_time
    assert 0.8 < float(moved.std()) < 4.0
    assert np.ptp(moved, axis=1).max() == 0.0


def test_elastic_without_displacement_changes_nothing() -> None:
    x = np.random.default_rng(1).random((50, 13), dtype=np.float32)
    np.testing.assert_array_equal(Elastic(probability=1.0, bands=0.0, frames=0.0)(x, np.random.default_rng(2)), x)
