"""Intervals against formulas by hand and against sums over the distributions themselves."""

import math

import pytest

from kws.errors import ConfigError
from kws.evaluate.intervals import (
    hours_needed,
    poisson_interval,
    rate_below,
    share_below,
    wilson_interval,
    words_needed,
)


def poisson_at_most(n: int, mean: float) -> float:
    return sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(n + 1))


def binomial_at_most(k: int, n: int, p: float) -> float:
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    # From Wilson's formula by hand: 0 of 10 -> z^2 / (n + z^2); 5 of 10 is symmetric around one half.
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (1, 44, 0.0040, 0.1181), (0, 0, 0.0, 1.0)],
)
def test_wilson_interval(k, n, low, high):
    assert wilson_interval(k, n) == pytest.approx((low, high), abs=1e-4)


def test_wilson_interval_ends_exactly_at_0_and_1():
    assert wilson_interval(0, 7)[0] == 0.0
    assert wilson_interval(7, 7)[1] == 1.0


@pytest.mark.parametrize("n", [1, 4, 30])
@pytest.mark.parametrize("hours", [0.5, 2.0])
def test_poisson_interval_leaves_2_5_percent_on_either_side(n, hours):
    low, high = poisson_interval(n, hours)
    assert 1 - poisson_at_most(n - 1, low * hours) == pytest.approx(0.025, abs=1e-9)
    assert poisson_at_most(n, high * hours) == pytest.approx(0.025, abs=1e-9)


def test_poisson_interval_of_nothing():
    assert poisson_interval(0, 2.0) == pytest.approx((0.0, -math.log(0.025) / 2))


@pytest.mark.parametrize("n", [0, 1, 7])
def test_rate_below_is_exceeded_with_5_percent(n):
    assert poisson_at_most(n, 2.3 * rate_below(n, 2.3)) == pytest.approx(0.05, abs=1e-9)


def test_the_rule_of_three():
    # 0 in 2.3 h shows below 1.3/h; 30 h are needed for 0.1/h.
    assert rate_below(0, 2.3) == pytest.approx(1.3025, abs=1e-4)
    assert hours_needed(0.1) == pytest.approx(29.957, abs=1e-3)
    assert rate_below(0, hours_needed(0.1)) == pytest.approx(0.1)


@pytest.mark.parametrize(("k", "n"), [(0, 44), (1, 10), (9, 10)])
def test_share_below_is_exceeded_with_5_percent(k, n):
    assert binomial_at_most(k, n, share_below(k, n)) == pytest.approx(0.05, abs=1e-9)


def test_few_words_show_little():
    assert share_below(0, 44) == pytest.approx(0.0658, abs=1e-4)
    assert (share_below(3, 3), share_below(0, 0)) == (1.0, 1.0)
    assert words_needed(0.01) == 299
    assert share_below(0, 299) < 0.01 < share_below(0, 298)


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan")])
def test_no_hours_no_rate(hours):
    with pytest.raises(ConfigError, match="hours"):
        poisson_interval(0, hours)
    with pytest.raises(ConfigError, match="hours"):
        rate_below(0, hours)
