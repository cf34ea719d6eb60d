import csv

import numpy as np
import pytest

from benchmarks.trials import (
    LEAD_SAMPLES,
    TAIL_SAMPLES,
    Trial,
    endless,
    find_recordings,
    make_trial,
    sounding_rms,
    wilson_interval,
)
from kws.activity import active_rms
from kws.audio import write_audio
from kws.errors import DataError


@pytest.fixture
def word() -> np.ndarray:
    rng = np.random.default_rng(3)
    clip = np.zeros(16_000, np.float32)
    clip[4_000:12_000] = 0.1 * rng.standard_normal(8_000)
    return clip


def steady_noise(seed: int, n: int = 160_000) -> np.ndarray:
    return (0.02 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    # From Wilson's formula by hand: 0 of 10 -> z^2 / (n + z^2); 5 of 10 is symmetric around one half.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 44, 0.0040, 0.1181), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval(successes, n, low, high):
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("level_over", ["word", "whole"])
@pytest.mark.parametrize("level_db", [-5.0, 0.0, 10.0])
def test_level_of_word_over_noise_is_the_one_asked_for(word, level_db, level_over):
    noisy = make_trial(word, [steady_noise(1)], level_db, np.random.default_rng(0), level_over)
    clean = make_trial(word, [], 0.0, np.random.default_rng(0))
    scale = 1 / max(1.0, np.abs(noisy.samples).max() / 0.99)
    noise = noisy.samples - clean.samples * scale
    under = np.sqrt(np.mean(noise[noisy.word_start : noisy.word_end] ** 2))
    assert 20 * np.log10(active_rms(word) / under) == pytest.approx(level_db, abs=0.5)


def test_clean_trial_is_the_recording_between_silence(word):
    trial = make_trial(word, [], 10.0, np.random.default_rng(0))
    assert np.array_equal(trial.samples[LEAD_SAMPLES:-TAIL_SAMPLES], word)
    assert not trial.samples[:LEAD_SAMPLES].any() and not trial.samples[-TAIL_SAMPLES:].any()
    assert abs(trial.word_start - LEAD_SAMPLES - 4_000) <= 320
    assert abs(trial.word_end - LEAD_SAMPLES - 12_000) <= 320


def test_loud_mix_is_scaled_and_never_clipped(word):
    trial = make_trial(8 * word, [steady_noise(2)], -20.0, np.random.default_rng(0))
    assert np.abs(trial.samples).max() == pytest.approx(0.99)


def test_pause_under_the_word_is_not_raised_to_its_level(word):
    mostly_silent = np.zeros(160_000, np.float32)
    mostly_silent[:16_000] = steady_noise(4, 16_000)
    for seed in range(20):
        trial = make_trial(word, [mostly_silent], 10.0, np.random.default_rng(seed), "word")
        assert trial.samples[trial.word_start : trial.word_end].any()
        assert np.abs(trial.samples).max() < 0.99


def test_silence_as_other_sound_is_an_error_not_a_loop(word):
    with pytest.raises(DataError, match="not a pause"):
        make_trial(word, [np.zeros(1_000, np.float32)], 10.0, np.random.default_rng(0))


def test_sounding_rms_leaves_pauses_out():
    noise = steady_noise(5, 32_000)
    with_pause = np.concatenate([noise, np.zeros(32_000, np.float32)])
    assert sounding_rms(with_pause) == pytest.approx(sounding_rms(noise), rel=0.01)


def test_endless_goes_on_over_the_ends_and_repeats_by_seed():
    recordings = [np.full(7, value, np.float32) for value in (1, 2, 3)]
    first = endless(recordings, 50, np.random.default_rng(9))
    assert len(first) == 50
    assert np.array_equal(first, endless(recordings, 50, np.random.default_rng(9)))
    assert set(first) == {1.0, 2.0, 3.0}


@pytest.mark.parametrize(("event_s", "hit"), [(0.99, False), (1.0, True), (1.5, True), (3.0, True), (3.01, False)])
def test_detection_belongs_to_the_word_until_one_second_after_it(event_s, hit):
    assert Trial(np.zeros(80_000, np.float32), 16_000, 32_000).is_hit(event_s) is hit


def test_recordings_of_one_split(tmp_path):
    folder = tmp_path / "words"
    folder.mkdir()
    for name in ("a", "b"):
        write_audio(folder / f"{name}.wav", np.zeros(160, np.float32))
    with pytest.raises(DataError, match="manifest"):
        find_recordings(folder, "val")
    with (tmp_path / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "split"], ["words/a.wav", "train"], ["words/b.wav", "val"]])
    assert [path.name for path in find_recordings(folder, "val")] == ["b.wav"]
    assert len(find_recordings(folder)) == 2
    with pytest.raises(DataError, match="no recordings of split 'other'"):
        find_recordings(folder, "other")
