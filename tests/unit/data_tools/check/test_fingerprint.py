"""Fingerprints: the same for the same recording, far apart for another, found without comparing all with all."""

import numpy as np
import pytest

from data_tools.check.fingerprint import Fingerprint, candidates, error_rate, fingerprint
from kws.audio import resample
from tests.planted import utterance


def spoken(seed: int) -> np.ndarray:
    return utterance(np.random.default_rng(seed))


def test_one_word_of_20_bits_every_10_ms() -> None:
    samples = spoken(1)
    found = fingerprint(samples, 16_000)
    # The first four frames have nothing 40 ms before them.
    assert len(found.words) == len(found.is_loud) == len(samples) // 160 + 1 - 4
    assert found.words.dtype == np.uint32 and found.words.max() < 1 << 20
    assert 0.3 < found.is_loud.mean() < 1.0


def test_gain_changes_nothing() -> None:
    one, other = fingerprint(spoken(1), 16_000), fingerprint(0.25 * spoken(1), 16_000)
    assert np.array_equal(one.words[one.is_loud], other.words[one.is_loud])


def test_error_rate_counts_bits_of_loud_frames() -> None:
    words = np.arange(20, dtype=np.uint32)
    one = Fingerprint(words, np.ones(20, bool))
    # Two bits of 20 in each of ten frames of twenty.
    other = Fingerprint(words ^ np.where(np.arange(20) < 10, 3, 0).astype(np.uint32), np.ones(20, bool))
    assert error_rate(one, other, 0) == pytest.approx(2 * 10 / (20 * 20))
    half = Fingerprint(other.words, np.arange(20) >= 4)
    assert error_rate(one, half, 0) == pytest.approx(2 * 6 / (20 * 16))


def test_error_rate_meets_frames_at_an_offset() -> None:
    words = np.random.default_rng(0).integers(0, 1 << 20, 60).astype(np.uint32)
    one = Fingerprint(words[:40], np.ones(40, bool))
    later = Fingerprint(words[10:50], np.ones(40, bool))
    assert error_rate(one, later, -10) == 0.0
    assert error_rate(later, one, 10) == 0.0
    assert error_rate(one, later, 0) == pytest.approx(0.5, abs=0.06)
    # An overlap of ten frames says nothing.
    assert error_rate(one, later, -30) == 1.0


def test_other_words_of_the_same_voice_are_hardly_candidates() -> None:
    prints = {str(seed): fingerprint(spoken(seed), 16_000) for seed in range(30)}
    # The waveforms decide; of 435 pairs only a few are left for them.
    assert len(candidates(prints)) <= 5


def test_a_shifted_copy_in_noise_at_another_rate_is_a_candidate() -> None:
    rng = np.random.default_rng(9)
    copy = np.concatenate([np.zeros(1234), spoken(3)]) + 0.003 * rng.standard_normal(len(spoken(3)) + 1234)
    prints = {str(seed): fingerprint(spoken(seed), 16_000) for seed in range(10)}
    prints["copy"] = fingerprint(resample(copy.astype(np.float32), 16_000, 22_050), 22_050)
    assert [pair for pair in candidates(prints) if "copy" in pair] == [("3", "copy")]


def test_silence_and_little_are_no_candidates() -> None:
    prints = {
        name: fingerprint(np.zeros(n, np.float32), 16_000) for name, n in (("a", 16_000), ("b", 16_000), ("c", 3))
    }
    assert candidates(prints) == [] and candidates({}) == []
