"""The cluster bootstrap against plain loops, exact enumeration and known coverage."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from kws.errors import ConfigError
from kws.evaluate.bootstrap import BootstrapInterval, bootstrap_ratio, cluster_labels
from kws.evaluate.results import Trial


def trial(name: str, speaker: str = "", sources: tuple[str, ...] = ()) -> Trial:
    return Trial(name, "clean", "word", np.zeros(160, np.float32), speaker=speaker, sources=sources)


def every_draw(tops: list[float], bottoms: list[float]) -> np.ndarray:
    """Return the ratio of each of the M**M equally likely draws."""
    draws = itertools.product(range(len(tops)), repeat=len(tops))
    return np.array([sum(tops[i] for i in d) / sum(bottoms[i] for i in d) for d in draws])


def test_equals_the_enumeration_of_all_draws():
    # Six speakers: 46 656 draws, so that the ends of the interval are known without drawing.
    misses, words = [0, 1, 3, 2, 0, 5], [10, 10, 12, 8, 9, 11]
    found = bootstrap_ratio(misses, words, list("abcdef"), np.random.default_rng(1), "speaker", 200_000)
    tail = stats.norm.cdf(-math.sqrt(6 / 5) * stats.t.ppf(0.975, 5))
    low, high = np.quantile(every_draw(misses, words), [tail, 1 - tail])
    assert found.estimate == pytest.approx(11 / 60)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    assert (found.unit, found.n_clusters, found.n_resamples) == ("speaker", 6, 200_000)


def test_trials_of_one_cluster_stay_together():
    # Ten trials of two recordings are the same as their two sums.
    one_by_one = bootstrap_ratio([1] * 5 + [0] * 5, [1] * 10, ["a"] * 5 + ["b"] * 5, np.random.default_rng(3))
    summed = bootstrap_ratio([5, 0], [5, 5], ["a", "b"], np.random.default_rng(3))
    assert one_by_one == summed
    assert (summed.low, summed.high) == (0.0, 1.0)
    apart = bootstrap_ratio([1] * 5 + [0] * 5, [1] * 10, list("abcdefghij"), np.random.default_rng(3))
    # Apart they are a binomial of ten: 0.1 % of the draws miss none, 1.1 % one at most, and the tail is 0.9 %.
    assert (apart.low, apart.high) == pytest.approx((0.1, 0.9))


def test_same_seed_same_interval_also_in_blocks(monkeypatch):
    arguments = ([1, 0, 2, 0, 1], [5, 5, 6, 4, 5], list("abcde"))
    whole = bootstrap_ratio(*arguments, np.random.default_rng(7), n_resamples=1000)
    monkeypatch.setattr("kws.evaluate.bootstrap._BLOCK", 37)
    assert bootstrap_ratio(*arguments, np.random.default_rng(7), n_resamples=1000) == whole
    assert bootstrap_ratio(*arguments, np.random.default_rng(8), n_resamples=1000) != whole


def test_wider_than_wilson_where_speakers_differ():
    # Half of the speakers are never heard, the others always: 200 words say no more than 10 speakers.
    found = bootstrap_ratio([20, 0] * 5, [20] * 10, list("abcdefghij"), np.random.default_rng(0), "speaker")
    assert found.low < 0.25 and found.high > 0.75


def test_differences_may_be_negative():
    found = bootstrap_ratio([-1, -2, 0, 1, -3], [10] * 5, list("abcde"), np.random.default_rng(0))
    assert found.estimate == pytest.approx(-0.1)
    assert found.low < -0.1 < found.high


def test_clusters_without_a_word_are_left_out():
    with_empty = bootstrap_ratio([1, 0, 2, 0], [4, 4, 4, 0], list("abcd"), np.random.default_rng(0))
    assert with_empty == bootstrap_ratio([1, 0, 2], [4, 4, 4], list("abc"), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("n", "says"), [(1, "1 speaker: there is nothing to draw from"), (2, "2 speakers: this interval means little")]
)
def test_few_clusters_are_said(n, says):
    found = bootstrap_ratio([1, 0][:n], [4, 4][:n], ["a", "b"][:n], np.random.default_rng(0), "speaker")
    assert says in found.caution
    assert math.isnan(found.low) == (n == 1)


def test_nothing_missed_is_no_interval():
    found = bootstrap_ratio([0] * 6, [4] * 6, list("abcdef"), np.random.default_rng(0))
    assert (found.low, found.high) == (0.0, 0.0)
    assert "take that of the counts" in found.caution


def test_enough_clusters_need_no_caution():
    assert BootstrapInterval(0.1, 0.0, 0.2, "speaker", 5, 1000).caution == ""


def test_labels():
    trials = [trial("1", "anna", ("a.flac", "noise.flac")), trial("2", "", ("a.flac",)), trial("3")]
    assert cluster_labels(trials, "recording") == ("recording a.flac", "recording a.flac", "recording 3")
    assert cluster_labels(trials, "speaker") == ("speaker anna", "recording a.flac", "recording 3")
    with pytest.raises(ConfigError, match="unit"):
        cluster_labels(trials, "room")


@pytest.mark.parametrize(
    ("tops", "bottoms", "clusters", "says"),
    [
        ([1, 2], [1], ["a", "b"], "one each"),
        ([1], [1], ["a", "b"], "one each"),
        ([0], [0], ["a"], "all denominators are zero"),
        ([], [], [], "all denominators are zero"),
    ],
)
def test_bad_input(tops, bottoms, clusters, says):
    with pytest.raises(ConfigError, match=says):
        bootstrap_ratio(tops, bottoms, clusters, np.random.default_rng(0))


def test_bad_settings():
    with pytest.raises(ConfigError, match="n_resamples"):
        bootstrap_ratio([1], [1], ["a"], np.random.default_rng(0), n_resamples=10)
    with pytest.raises(ConfigError, match="level"):
        bootstrap_ratio([1], [1], ["a"], np.random.default_rng(0), level=95)


def test_coverage_at_ten_speakers():
    # Speakers who differ, beta-binomial with a correlation of 0.1 within a speaker and a rate of 0.2.
    rng = np.random.default_rng(0)
    truth, n_inside = 0.2, 0
    for _ in range(300):
        misses = rng.binomial(20, rng.beta(truth * 9, (1 - truth) * 9, 10))
        found = bootstrap_ratio(misses, [20] * 10, list("abcdefghij"), rng, "speaker", 1000)
        n_inside += found.low <= truth <= found.high
    # 95 % is what is claimed; few clusters keep it near 90. Wilson's interval reaches 71 % here.
    assert 0.86 <= n_inside / 300 <= 0.98
