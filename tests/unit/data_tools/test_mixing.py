"""Levels: exact ratios over the active part, full scale by scaling."""

from __future__ import annotations

import numpy as np
import pytest

from data_tools.synthesize.mixing import FULL_SCALE, db_to_gain, gain_for_snr, keep_full_scale, mix_at_snr, peak_of, rms

SECOND = 16_000


def test_levels_of_known_signals():
    assert rms(np.array([3.0, -4.0, 0.0, 0.0], dtype=np.float32)) == pytest.approx(2.5)
    assert rms(np.zeros(0, dtype=np.float32)) == 0.0
    assert peak_of(np.array([0.2, -0.7], dtype=np.float32)) == pytest.approx(0.7)
    assert peak_of(np.zeros(0, dtype=np.float32)) == 0.0
    assert db_to_gain(20.0) == pytest.approx(10.0)
    assert gain_for_snr(0.1, 0.01, 20.0) == pytest.approx(1.0)
    assert gain_for_snr(0.1, 0.01, 0.0) == pytest.approx(0.1)


@pytest.mark.parametrize(("signal_rms", "noise_rms"), [(0.0, 0.1), (0.1, 0.0), (0.0, 0.0)])
def test_silence_has_no_ratio_and_keeps_its_level(signal_rms, noise_rms):
    assert gain_for_snr(signal_rms, noise_rms, 10.0) == 1.0


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 12.5])
def test_the_ratio_is_that_of_the_active_part_to_what_lies_under_it(snr_db):
    rng = np.random.default_rng(0)
    background = rng.standard_normal(3 * SECOND).astype(np.float32) * np.float32(0.01)
    # Loud noise elsewhere, and most of the clip silent: neither may count.
    background[: SECOND // 2] *= 10.0
    clip = np.zeros(SECOND, dtype=np.float32)
    clip[4000:8000] = rng.standard_normal(4000) * 0.1
    before = background.copy()
    mixed = mix_at_snr(background, clip, SECOND, snr_db)
    np.testing.assert_array_equal(background, before)
    added = (mixed - background)[SECOND + 4000 : SECOND + 8000]
    measured_db = 20.0 * np.log10(rms(added) / rms(background[SECOND + 4000 : SECOND + 8000]))
    assert measured_db == pytest.approx(snr_db, abs=0.1)


def test_full_scale_is_kept_by_scaling_the_whole_stream():
    loud = np.array([0.5, -2.0, 1.5, 0.0], dtype=np.float32)
    result = keep_full_scale(loud)
    assert np.abs(result).max() <= FULL_SCALE
    np.testing.assert_allclose(result / result[0], loud / loud[0], rtol=1e-6)
    quiet = np.array([0.5, -0.9], dtype=np.float32)
    assert keep_full_scale(quiet) is quiet


def test_a_mix_that_would_pass_full_scale_is_scaled_not_clipped():
    rng = np.random.default_rng(1)
    background = (rng.standard_normal(SECOND) * 0.2).astype(np.float32)
    clip = (rng.standard_normal(SECOND // 2) * 0.2).astype(np.float32)
    mixed = mix_at_snr(background, clip, 0, 30.0)
    assert 0.99 < np.abs(mixed).max() <= FULL_SCALE
    assert (np.abs(mixed) > 0.999 * FULL_SCALE).sum() == 1
    tail = slice(SECOND // 2, None)
    np.testing.assert_allclose(mixed[tail] / background[tail], mixed[-1] / background[-1], rtol=1e-4)
