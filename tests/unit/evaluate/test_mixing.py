"""A word in its surroundings: the level that was asked for, and where the word is."""

import numpy as np
import pytest

from kws.errors import DataError
from kws.evaluate.levels import active_level
from kws.evaluate.mixing import LEAD_SAMPLES, TAIL_SAMPLES, PlacedWord, endless, place_word, rms, stretch

WORD = (4_000, 12_000)


@pytest.fixture
def clip() -> np.ndarray:
    samples = np.zeros(16_000, np.float32)
    samples[slice(*WORD)] = 0.1 * np.random.default_rng(3).standard_normal(8_000)
    return samples


def steady_noise(seed: int, n: int = 160_000) -> np.ndarray:
    return (0.02 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 10.0])
def test_level_of_word_over_noise_is_the_one_asked_for(clip, snr_db):
    noisy = place_word(clip, [steady_noise(1)], snr_db, np.random.default_rng(0), WORD)
    clean = place_word(clip, word=WORD)
    scale = 1 / max(1.0, np.abs(noisy.samples).max() / 0.99)
    noise = noisy.samples - clean.samples * scale
    ratio = rms(clean.samples[noisy.word_start : noisy.word_end] * scale) / rms(noise)
    assert 20 * np.log10(ratio) == pytest.approx(snr_db, abs=0.05)


def test_level_of_other_sound_leaves_its_pauses_out(clip):
    talk = np.concatenate([steady_noise(2, 8_000), np.zeros(8_000, np.float32)] * 20)
    mixed = place_word(clip, [talk], 20.0, np.random.default_rng(0), WORD)
    other = mixed.samples - place_word(clip, word=WORD).samples
    assert active_level(other) == pytest.approx(rms(clip[slice(*WORD)]) / 10, rel=1e-3)


def test_clean_is_the_recording_between_silence(clip):
    placed = place_word(clip)
    assert np.array_equal(placed.samples[LEAD_SAMPLES:-TAIL_SAMPLES], clip)
    assert not placed.samples[:LEAD_SAMPLES].any() and not placed.samples[-TAIL_SAMPLES:].any()
    # By its active region, to within two frames.
    assert abs(placed.word_start - LEAD_SAMPLES - WORD[0]) <= 320
    assert abs(placed.word_end - LEAD_SAMPLES - WORD[1]) <= 320


def test_times_that_are_known_are_taken(clip):
    placed = place_word(clip, word=(5_000, 9_000))
    assert (placed.word_start, placed.word_end) == (LEAD_SAMPLES + 5_000, LEAD_SAMPLES + 9_000)
    assert placed.word_end_s == 1.5 + 9 / 16


def test_loud_mix_is_scaled_and_never_clipped(clip):
    placed = place_word(8 * clip, [steady_noise(2)], -20.0, np.random.default_rng(0))
    assert np.abs(placed.samples).max() == pytest.approx(0.99)


def test_silence_as_other_sound_is_an_error_not_a_loop(clip):
    with pytest.raises(DataError, match="silent"):
        place_word(clip, [np.zeros(1_000, np.float32)], 10.0, np.random.default_rng(0))


def test_silent_recordings_among_others_are_passed_over(clip):
    others = [np.zeros(200_000, np.float32), steady_noise(1, 200_000)]
    used = {place_word(clip, others, 10.0, np.random.default_rng(seed)).backgrounds for seed in range(12)}
    assert used <= {(1,), (1, 0), (0, 1)} and (1,) in used


def test_endless_goes_on_over_the_ends_and_repeats_by_seed():
    recordings = [np.full(7, value, np.float32) for value in (1, 2, 3)]
    first = endless(recordings, 50, np.random.default_rng(9))
    assert len(first) == 50
    assert np.array_equal(first, endless(recordings, 50, np.random.default_rng(9)))
    assert set(first) == {1.0, 2.0, 3.0}


def test_stretch_tells_what_it_was_cut_from():
    recordings = [np.full(10, value, np.float32) for value in (0, 1, 2)]
    for seed in range(10):
        samples, used = stretch(recordings, 15, np.random.default_rng(seed))
        assert list(dict.fromkeys(samples.tolist())) == [float(index) for index in used]


@pytest.mark.parametrize(("event_s", "hit"), [(1.39, False), (1.4, True), (2.5, True), (3.0, True), (3.01, False)])
def test_event_counts_from_shortly_before_the_end_to_a_second_after_it(event_s, hit):
    assert PlacedWord(np.zeros(80_000, np.float32), 16_000, 32_000).is_hit(event_s) is hit
