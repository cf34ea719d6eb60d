"""Where the sound of a clip is, in frames of 10 ms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.activity import _tenth_percentile, active_region, active_rms

FRAME_SAMPLES = 160


def clip(n_frames: int, *sounds: tuple[int, int, float], floor: float = 1e-3, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    samples = floor * rng.standard_normal(n_frames * FRAME_SAMPLES)
    for start, end, level in sounds:
        part = slice(start * FRAME_SAMPLES, end * FRAME_SAMPLES)
        samples[part] += level * rng.standard_normal(part.stop - part.start)
    return samples.astype(np.float32)


def region_frames(samples: np.ndarray, **kwargs: float) -> tuple[float, float]:
    start, end = active_region(samples, **kwargs)
    return start / FRAME_SAMPLES, end / FRAME_SAMPLES


@pytest.mark.parametrize(
    ("start", "end"), [(30, 60), (5, 12), (0, 50), (1, 50), (2, 40), (50, 100), (60, 99), (40, 41)]
)
def test_a_sound_in_quiet(start: int, end: int) -> None:
    assert region_frames(clip(100, (start, end, 0.3))) == (start, end)


def test_edges_do_not_depend_on_level() -> None:
    for gain in (1e-3, 0.1, 1.0):
        assert region_frames(np.float32(gain) * clip(100, (30, 60, 0.3))) == (30, 60)


def test_a_word_in_noise() -> None:
    start, end = region_frames(clip(200, (80, 130, 0.3), floor=0.05))
    assert abs(start - 80) <= 2
    assert abs(end - 130) <= 2


def test_a_short_pause_inside_the_word_is_joined() -> None:
    assert region_frames(clip(150, (30, 50, 0.3), (65, 90, 0.3))) == (30, 90)


def test_a_click_far_from_the_word_is_left_out() -> None:
    assert region_frames(clip(200, (10, 11, 0.2), (100, 150, 0.3))) == (100, 150)


def test_what_is_quieter_than_the_range_is_left_out() -> None:
    samples = clip(100, (30, 60, 0.3), (60, 80, 0.3 * 10 ** (-30 / 20)), floor=1e-5)
    assert region_frames(samples) == (30, 60)
    assert region_frames(samples, range_db=40.0, headroom_db=3.0)[1] >= 80


@pytest.mark.parametrize("n_frames", [1, 2, 3, 4, 5, 6, 100])
def test_sound_throughout(n_frames: int) -> None:
    start, end = region_frames(clip(n_frames, (0, n_frames, 0.3)))
    assert 0 <= start <= 1
    assert n_frames - 1 <= end <= n_frames


@pytest.mark.parametrize("n_samples", [0, 1, 159])
def test_shorter_than_a_frame_is_the_whole_clip(n_samples: int) -> None:
    assert active_region(np.ones(n_samples, np.float32)) == (0, n_samples)


@pytest.mark.parametrize("n_samples", [160, 1000, 16_000])
def test_silence_is_the_whole_clip(n_samples: int) -> None:
    assert active_region(np.zeros(n_samples, np.float32)) == (0, n_samples)
    assert active_rms(np.zeros(n_samples, np.float32)) == 0.0


@given(
    st.integers(160, 8000), st.integers(0, 8000), st.integers(1, 2000), st.floats(1e-6, 1.0), st.integers(0, 2**32 - 1)
)
@settings(max_examples=200, deadline=None)
def test_region_lies_in_the_clip(n_samples: int, at: int, length: int, level: float, seed: int) -> None:
    samples = 1e-4 * np.random.default_rng(seed).standard_normal(n_samples).astype(np.float32)
    samples[at : at + length] = level
    start, end = active_region(samples)
    assert 0 <= start < end <= n_samples


def test_rms_is_that_of_the_sound_not_of_the_clip() -> None:
    samples = np.zeros(32_000, np.float32)
    samples[8000:16_000] = 0.25
    assert active_rms(samples) == pytest.approx(0.25, rel=1e-6)


def test_rms_of_nothing() -> None:
    assert active_rms(np.zeros(0, np.float32)) == 0.0


@given(st.lists(st.floats(-120.0, 0.0), min_size=1, max_size=40))
def test_the_noise_floor_is_the_tenth_percentile(values: list[float]) -> None:
    assert _tenth_percentile(np.array(values)) == pytest.approx(float(np.percentile(values, 10)), abs=1e-9)
