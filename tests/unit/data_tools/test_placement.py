"""Placement: never an overlap, always an end, every feasible request, uniform."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from data_tools.synthesize.placement import free_gaps, insert_clip, place_clips
from kws.errors import AudioError, ConfigError, NoRoomError

# A fixed generator makes these tests exact, not merely likely: a p below this would be a bug.
LEAST_P = 1e-3
SETTINGS = settings(max_examples=300, deadline=None)


def has_overlap(segments: list[tuple[int, int]], min_gap: int = 0) -> bool:
    ordered = sorted(segments)
    return any(b[0] < a[1] + min_gap for a, b in itertools.pairwise(ordered))


def all_arrangements(lengths: list[int], total: int, min_gap: int = 0) -> list[tuple[int, ...]]:
    ranges = [range(total - length + 1) for length in lengths]
    return [
        starts
        for starts in itertools.product(*ranges)
        if not has_overlap([(s, s + n) for s, n in zip(starts, lengths, strict=True)], min_gap)
    ]


@given(
    lengths=st.lists(st.integers(1, 60), max_size=12),
    min_gap=st.integers(0, 20),
    slack=st.integers(0, 200),
    seed=st.integers(0, 2**32),
)
@SETTINGS
def test_every_feasible_set_is_placed_without_overlap(lengths, min_gap, slack, seed):
    total = sum(lengths) + min_gap * max(0, len(lengths) - 1) + slack
    starts = place_clips(lengths, total, np.random.default_rng(seed), min_gap)
    segments = [(start, start + length) for start, length in zip(starts, lengths, strict=True)]
    assert not has_overlap(segments, min_gap)
    assert all(start >= 0 and end <= total for start, end in segments)
    assert all(type(start) is int for start in starts)


@given(
    lengths=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    min_gap=st.integers(0, 20),
    missing=st.integers(1, 50),
)
@SETTINGS
def test_infeasible_sets_raise_with_the_figures_and_leave_the_generator(lengths, min_gap, missing):
    needed = sum(lengths) + min_gap * (len(lengths) - 1)
    total = max(0, needed - missing)
    rng = np.random.default_rng(1)
    with pytest.raises(NoRoomError) as error:
        place_clips(lengths, total, rng, min_gap)
    assert (error.value.clip_samples, error.value.free_samples, error.value.longest_gap_samples) == (
        needed,
        total,
        total,
    )
    assert rng.random() == np.random.default_rng(1).random()


@pytest.mark.parametrize(
    ("lengths", "total", "min_gap"),
    [([2, 2], 7, 0), ([1, 2, 3], 9, 0), ([3, 1, 2], 10, 1), ([2, 2, 2], 9, 1), ([4], 9, 3), ([1, 1, 1, 1], 6, 0)],
)
def test_all_arrangements_are_equally_likely(lengths, total, min_gap):
    possible = all_arrangements(lengths, total, min_gap)
    rng = np.random.default_rng(7)
    drawn = Counter(tuple(place_clips(lengths, total, rng, min_gap)) for _ in range(60 * len(possible)))
    assert set(drawn) <= set(possible)
    assert chisquare([drawn[arrangement] for arrangement in possible]).pvalue > LEAST_P


def test_every_order_along_time_is_equally_likely_for_unequal_lengths():
    rng = np.random.default_rng(3)
    orders = Counter(tuple(np.argsort(place_clips([100, 20, 3], 500, rng))) for _ in range(6000))
    assert len(orders) == 6
    assert chisquare(list(orders.values())).pvalue > LEAST_P


def test_starts_of_a_long_stream_follow_the_exact_law():
    # One clip of n: uniform over all starts.
    rng = np.random.default_rng(4)
    starts = [place_clips([16_000], 160_000, rng)[0] for _ in range(8000)]
    assert chisquare(np.histogram(starts, bins=20, range=(0, 144_001))[0]).pvalue > LEAST_P


def test_the_classic_failing_case_a_thousand_times():
    # Four 2 s clips into 10 s: the assignment's loop has no end when three of them leave no gap of 2 s.
    rng = np.random.default_rng(5)
    for _ in range(1000):
        starts = place_clips([32_000] * 4, 160_000, rng)
        assert not has_overlap([(start, start + 32_000) for start in starts])
        assert min(starts) >= 0 and max(starts) + 32_000 <= 160_000


def test_no_clips_and_a_full_stream():
    rng = np.random.default_rng(0)
    assert place_clips([], 10, rng) == []
    assert place_clips([], 0, rng) == []
    assert sorted(place_clips([5, 5], 10, rng)) == [0, 5]
    assert sorted(place_clips([4, 4], 10, rng, min_gap=2)) == [0, 6]
    assert place_clips(np.array([3]), np.int64(3), rng) == [0]


@pytest.mark.parametrize(
    "bad",
    [
        dict(lengths=[0]),
        dict(lengths=[-3]),
        dict(lengths=[2.5]),
        dict(lengths=[float("nan")]),
        dict(total=-1),
        dict(total=7.0),
        dict(min_gap=-1),
        dict(rng=np.random),
        dict(rng=3),
    ],
)
def test_bad_requests_name_what_is_accepted(bad):
    arguments = dict(lengths=[2], total=10, rng=np.random.default_rng(0), min_gap=0) | bad
    with pytest.raises(ConfigError, match="accepted"):
        place_clips(**arguments)


@st.composite
def streams_with_segments(draw):
    total = draw(st.integers(1, 120))
    edges = sorted(draw(st.lists(st.integers(0, total), max_size=10)))
    segments = list(zip(edges[::2], edges[1::2], strict=False))
    return total, draw(st.permutations(segments))


@given(stream=streams_with_segments(), clip_samples=st.integers(1, 60), seed=st.integers(0, 2**32))
@SETTINGS
def test_insert_serves_what_fits_and_refuses_the_rest_at_once(stream, clip_samples, seed):
    total, segments = stream
    background = np.linspace(-0.5, 0.5, total, dtype=np.float32)
    before = background.copy()
    clip = np.full(clip_samples, 0.25, dtype=np.float32)
    taken = np.zeros(total, dtype=bool)
    for start, end in segments:
        taken[start:end] = True
    fits = [s for s in range(total - clip_samples + 1) if not taken[s : s + clip_samples].any()]
    if fits:
        result, (start, end) = insert_clip(background, clip, segments, np.random.default_rng(seed))
        assert start in fits and end - start == clip_samples
        expected = before.copy()
        expected[start:end] += clip
        np.testing.assert_array_equal(result, expected)
    else:
        with pytest.raises(NoRoomError) as error:
            insert_clip(background, clip, segments, np.random.default_rng(seed))
        gaps = [end - start for start, end in free_gaps(segments, total)]
        assert error.value.clip_samples == clip_samples
        assert error.value.free_samples == int((~taken).sum()) == sum(gaps)
        assert error.value.longest_gap_samples == max(gaps, default=0)
    np.testing.assert_array_equal(background, before)


def test_insert_is_uniform_over_all_starts_that_fit():
    background, clip = np.zeros(60, dtype=np.float32), np.ones(5, dtype=np.float32)
    segments = [(30, 33), (10, 20), (20, 24), (52, 60)]
    fits = [*range(0, 6), *range(24, 26), *range(33, 48)]
    rng = np.random.default_rng(6)
    starts = Counter(insert_clip(background, clip, segments, rng)[1][0] for _ in range(200 * len(fits)))
    assert set(starts) == set(fits)
    assert chisquare([starts[start] for start in fits]).pvalue > LEAST_P


def test_insert_takes_any_iterable_and_int16():
    background = np.full(100, 16384, dtype=np.int16)
    clip = np.full(50, 16384, dtype=np.int16)
    result, segment = insert_clip(background, clip, iter([(50, 100)]), np.random.default_rng(0))
    assert segment == (0, 50)
    # The sum passes neither int16 nor float: nothing is clipped here.
    assert result.dtype == np.float32 and result[0] == 1.0 and result[99] == 0.5
    rows = np.array([[0, 20], [70, 100]])
    assert insert_clip(background, clip, rows, np.random.default_rng(0))[1] == (20, 70)


def test_inserting_one_by_one_until_the_stream_is_full_always_ends():
    rng = np.random.default_rng(8)
    endings = Counter()
    for _ in range(1000):
        stream, segments = np.zeros(1000, dtype=np.float32), []
        with pytest.raises(NoRoomError) as error:
            while True:
                stream, segment = insert_clip(stream, np.ones(200, dtype=np.float32), segments, rng)
                segments.append(segment)
        assert error.value.longest_gap_samples < 200
        assert stream.max() == 1.0 and stream.sum() == 200 * len(segments)
        endings[len(segments)] += 1
    # Why place_clips is to be preferred: as often as not, early inserts used up the room of a fourth.
    assert endings[3] > 300 and endings[4] > 300


@pytest.mark.parametrize(
    "segment",
    [(-1, 3), (5, 3), (0, 101), (101, 102), (0.0, 3.0), (float("nan"), 3), (1,), (1, 2, 3), 7, "ab", None, (None, 3)],
)
def test_impossible_segments_are_named(segment):
    with pytest.raises(ConfigError, match="previous_segments"):
        insert_clip(np.zeros(100), np.zeros(5), [segment], np.random.default_rng(0))


@pytest.mark.parametrize(
    ("background", "clip"),
    [
        (np.zeros(100), np.zeros(0)),
        (np.zeros((2, 100)), np.zeros(5)),
        (np.zeros(100), np.zeros((1, 5))),
        (np.full(100, np.nan), np.zeros(5)),
        (np.zeros(100), np.array([np.inf])),
        (np.zeros(100, dtype=np.int32), np.zeros(5)),
        (np.full(100, 20_000.0), np.zeros(5)),
    ],
)
def test_impossible_audio_is_refused(background, clip):
    with pytest.raises(AudioError, match="accepted"):
        insert_clip(background, clip, [], np.random.default_rng(0))


def test_a_clip_longer_than_the_stream_and_an_empty_stream():
    for n_samples in (0, 4):
        with pytest.raises(NoRoomError) as error:
            insert_clip(np.zeros(n_samples), np.zeros(5), [], np.random.default_rng(0))
        assert error.value.longest_gap_samples == error.value.free_samples == n_samples


def test_free_gaps_of_touching_overlapping_and_empty_segments():
    assert free_gaps([(5, 8), (0, 2), (8, 9), (6, 7), (3, 3)], 12) == [(2, 5), (9, 12)]
    assert free_gaps([], 4) == [(0, 4)]
    assert free_gaps([(0, 4)], 4) == []
