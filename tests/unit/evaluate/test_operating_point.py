"""The choice of a threshold, by hand."""

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.evaluate.operating_point import (
    Track,
    allowed_in,
    choose_threshold,
    count_tracks,
    default_thresholds,
    lowest_within,
)

STEP_S = 0.5
RULE = DecisionConfig(refractory_s=0.0)


def track(peaks: dict[int, float], n_steps: int, word_ends_s=()) -> Track:
    scores = np.zeros(n_steps, np.float32)
    for step, score in peaks.items():
        scores[step] = score
    return Track(scores, tuple(word_ends_s))


# An hour without the word, with false peaks of 0.3, 0.5 and 0.7.
NEGATIVE = track({1000: 0.3, 2000: 0.5, 3000: 0.7}, 7200)
# Three words; step i is known at (i + 1) / 2 seconds.
POSITIVE = track({9: 0.9, 29: 0.6, 49: 0.2}, 100, [5.0, 15.0, 25.0])


@pytest.mark.parametrize(("limit", "threshold", "misses"), [(0.0, 0.8, 2), (1.0, 0.6, 1), (2.0, 0.4, 1), (3.0, 0.1, 0)])
def test_lowest_threshold_within_the_limit(limit, threshold, misses):
    grid = [0.1, 0.4, 0.6, 0.8]
    point = choose_threshold([POSITIVE], [NEGATIVE], RULE, STEP_S, limit, grid)
    assert point.threshold == threshold
    assert point.is_within_limit
    assert point.false_reject_rate == pytest.approx(misses / 3)
    assert point.false_accepts_per_hour == pytest.approx({0.8: 0, 0.6: 1, 0.4: 2, 0.1: 3}[threshold])


def test_hours_are_those_of_all_negatives():
    # The same false accepts over two hours are half the rate.
    silence = track({}, 7200)
    point = choose_threshold([POSITIVE], [NEGATIVE, silence], RULE, STEP_S, 1.0, [0.1, 0.4, 0.6, 0.8])
    assert (point.threshold, point.false_accepts_per_hour) == (0.4, 1.0)


def test_a_score_that_never_falls_does_not_look_like_peace():
    # At 0.1 the score never falls below 0.08, so one event is all there is in the hour; at 0.5 there are 600.
    scores = np.full(7200, 0.2, np.float32)
    scores[::12] = 0.7
    point = choose_threshold([POSITIVE], [Track(scores)], RULE, STEP_S, 1.0, [0.1, 0.5, 0.8])
    assert point.threshold == 0.8


def test_no_threshold_within_the_limit():
    point = choose_threshold([POSITIVE], [NEGATIVE], RULE, STEP_S, 0.0, [0.1, 0.4])
    assert (point.threshold, point.is_within_limit) == (0.4, False)


def test_false_accepts_among_positives_are_counted_too():
    extra = track({9: 0.9, 60: 0.9}, 100, [5.0])
    assert count_tracks([extra], RULE, [0.5], STEP_S)[0].n_false_accepts == 1


def test_nothing_to_choose_from():
    with pytest.raises(ConfigError, match="negative recording"):
        choose_threshold([POSITIVE], [], RULE, STEP_S)


def test_default_thresholds():
    grid = default_thresholds()
    assert grid == sorted(set(grid)) and len(grid) == 241
    assert (grid[0], grid[64], grid[-1]) == (0.017986, 0.5, 0.999983)


@pytest.mark.parametrize(
    ("counts", "allowed", "index"),
    # Few at the lowest threshold mean nothing where there are more above it.
    [([1, 9, 4, 1, 0], 1, 3), ([1, 9, 4, 1, 0], 0, 4), ([3, 2, 1], 0, 3), ([0, 0], 0, 0), ([], 0, 0)],
)
def test_lowest_index_from_which_on_all_is_within(counts, allowed, index):
    assert lowest_within(counts, allowed) == index


@pytest.mark.parametrize(("hours", "rate", "allowed"), [(2.0, 0.5, 1), (1.99, 0.5, 0), (0.3, 10.0, 3), (5.0, 0.0, 0)])
def test_whole_false_accepts_that_hours_may_hold(hours, rate, allowed):
    assert allowed_in(hours, rate) == allowed
    # Hours are sums of steps, with their rounding.
    assert allowed_in(hours - 1e-9, rate) == allowed
