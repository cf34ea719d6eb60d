"""Stored sounds and their measures."""

from __future__ import annotations

import numpy as np
import pytest

from data_tools.synthesize.sounds import ClipBank, Recording, measure_clip
from kws.audio import to_float32, to_pcm16
from kws.errors import AudioError, DataError

SECOND = 16_000


def word(n_samples: int = SECOND, start: int = 4000, end: int = 8000, rms: float = 0.1) -> np.ndarray:
    clip = np.zeros(n_samples, dtype=np.float32)
    clip[start:end] = np.random.default_rng(0).standard_normal(end - start) * rms
    return clip


def test_a_clip_measures_the_same_as_int16_and_float32():
    audio = word()
    as_float, as_pcm = measure_clip(audio), measure_clip(to_pcm16(audio))
    assert as_float.active_end == as_pcm.active_end == pytest.approx(8000, abs=160)
    assert as_float.active_start == pytest.approx(4000, abs=160)
    assert as_float.active_rms == pytest.approx(0.1, rel=0.05)
    assert as_pcm.active_rms == pytest.approx(as_float.active_rms, rel=1e-3)
    assert as_pcm.peak == pytest.approx(as_float.peak, abs=1e-4)
    assert as_pcm.energy == pytest.approx(as_float.energy, rel=1e-3)
    assert as_pcm.samples.dtype == np.int16 and as_pcm.unit == 1 / 32768


def test_a_bank_measures_a_clip_once_and_hands_out_copies():
    bank = ClipBank("word", [word(), to_pcm16(word(8000, 1000, 3000))])
    assert len(bank) == 2 and bank.shortest_samples == 8000 and bank.n_samples(0) == SECOND
    assert bank.clip(1) is bank.clip(1)
    copy = bank.audio(0)
    copy[:] = 0.0
    assert bank.clip(0).samples.any()


def test_a_crop_is_a_piece_with_faded_edges():
    clip = np.full(SECOND, 0.5, dtype=np.float32)
    piece = ClipBank("negatives", [clip]).crop(0, 100, 4000)
    assert len(piece) == 4000 and piece[0] == piece[-1] == 0.0
    assert np.all(piece[100:-100] == 0.5) and clip[100] == 0.5
    assert len(ClipBank("negatives", [clip]).crop(0, 5, 1)) == 1


@pytest.mark.parametrize("stored", [np.float32, np.int16])
def test_recording_measures_match_the_samples(stored):
    audio = np.random.default_rng(1).standard_normal(5 * SECOND + 77).astype(np.float32) * np.float32(0.05)
    audio[30_000:40_000] *= 3.0
    samples = to_pcm16(audio) if stored is np.int16 else audio
    recording = Recording("noise", samples, SECOND)
    full_scale = to_float32(samples)
    assert recording.n_starts == len(samples) - SECOND + 1
    for start, end in [(0, len(samples)), (160, 1600), (12_345, 23_456), (35_003, 45_001), (7, 7)]:
        exact = float(np.sum(np.square(full_scale[start:end], dtype=np.float64)))
        assert recording.energy(start, end) == pytest.approx(exact, rel=0.02)
    for start in (0, 12_345, recording.n_starts - 1):
        piece = recording.piece(start)
        assert len(piece) == SECOND
        exact_peak = np.abs(piece * recording.unit).max()
        assert exact_peak <= recording.peak(start) * (1 + 1e-6)
    assert recording.energy(0, len(samples)) == pytest.approx(
        float(np.sum(full_scale.astype(np.float64) ** 2)), rel=1e-6
    )


def test_the_lowest_int16_sample_is_measured_right():
    recording = Recording("noise", np.full(320, -32768, dtype=np.int16), 320)
    assert recording.peak(0) == 1.0
    assert recording.energy(0, 320) == pytest.approx(320.0)


def test_the_level_of_a_talker_leaves_out_the_pauses():
    talk = np.random.default_rng(2).standard_normal(4 * SECOND).astype(np.float32) * np.float32(0.1)
    talk[SECOND : 3 * SECOND] = 0.0
    assert Recording("speech", talk, 4 * SECOND).speech_rms(0) == pytest.approx(0.1, rel=0.03)
    assert Recording("speech", talk, SECOND).speech_rms(SECOND + 400) == 0.0


def test_a_short_recording_is_looped_without_a_click():
    hum = np.sin(2 * np.pi * 50 * np.arange(3000) / SECOND).astype(np.float32) * np.float32(0.5)
    recording = Recording("noise", hum, SECOND)
    assert recording.n_starts > 1
    for start in (0, recording.n_starts - 1):
        piece = recording.piece(start)
        assert len(piece) == SECOND
        assert np.abs(np.diff(piece)).max() < 1.5 * np.abs(np.diff(hum)).max()


def test_a_recording_of_one_sample_loops():
    assert Recording("noise", np.array([0.1], dtype=np.float32), 50).piece(0).tolist() == pytest.approx([0.1] * 50)


@pytest.mark.parametrize(
    ("clips", "error"),
    [
        ([], DataError),
        ([np.zeros(100)], DataError),
        ([np.zeros(0)], AudioError),
        ([np.ones((2, 100))], AudioError),
        ([np.array([0.1, np.nan])], AudioError),
        ([np.array([1, 2])], AudioError),
        ([np.array([12_000.0])], AudioError),
    ],
)
def test_clips_that_cannot_be_used_are_named(clips, error):
    with pytest.raises(error, match="computer.*accepted"):
        ClipBank("computer", clips)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 5)), np.array([np.inf])])
def test_recordings_that_cannot_be_used_are_named(samples):
    with pytest.raises(AudioError, match=r"noise\[3\].*accepted"):
        Recording("noise[3]", samples, 10)


@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 5)), np.array([np.nan])])
def test_what_a_transform_gives_back_is_checked(samples):
    with pytest.raises(AudioError, match="accepted"):
        measure_clip(samples)
