"""Calibration, by hand and on scores whose true probability is known."""

import math

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import ConfigError, DataError
from kws.evaluate.calibration import (
    Calibration,
    Readings,
    apply_temperature,
    calibrate,
    cross_calibrate,
    fit_temperature,
    read_stretches,
    reliability,
)
from kws.evaluate.counting import MatchWindow
from kws.evaluate.results import ScoredTrial, Trial
from kws.evaluate.subject import Subject

STEP_S = 0.1
RULE = DecisionConfig()
WINDOW = MatchWindow(early_s=0.2, late_s=0.3)


def readings(scores, is_word) -> Readings:
    return Readings(np.array(scores, np.float64), np.array(is_word, bool))


def read(scores, word_ends_s=(), said="word", rule=RULE) -> Readings:
    trial = Trial("t", "clean", said, np.zeros(len(scores) * 1600, np.float32), tuple(word_ends_s))
    scored = [ScoredTrial(trial, np.array(scores, np.float32))]
    return read_stretches(Subject("a", "word", scored, rule, STEP_S, WINDOW))


def drawn(n: int, true_temperature: float, seed: int) -> Readings:
    """Draw scores that are `true_temperature` times too sure of themselves, half of them of words."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.0, 1.5, n)
    is_word = rng.random(n) < 1 / (1 + np.exp(-logits))
    return Readings(1 / (1 + np.exp(-logits * true_temperature)), is_word)


def test_stretches_of_words_are_the_match_window():
    # Step i is known at (i + 1) / 10 s. The word ends at 1.0 s: steps 7 to 12 count.
    scores = np.zeros(20)
    scores[[6, 7, 12, 13]] = [0.9, 0.3, 0.4, 0.8]
    found = read(scores, [1.0])
    assert found.scores.tolist() == [pytest.approx(0.4)] and found.is_word.tolist() == [True]


def test_stretches_of_negatives_are_as_long_and_the_rest_is_dropped():
    scores = [0.1, 0.2, 0.0, 0.0, 0.0, 0.0, 0.6, 0.0, 0.0, 0.5, 0.9, 0.9]
    found = read(scores)
    assert found.scores.tolist() == pytest.approx([0.2, 0.6]) and not found.is_word.any()


def test_a_negative_shorter_than_a_stretch_is_one():
    assert read([0.1, 0.7]).scores.tolist() == pytest.approx([0.7])


def test_a_word_beyond_the_scores_has_none():
    assert read([0.9, 0.9], [5.0]).scores.tolist() == [0.0]


def test_another_keyword_is_no_word():
    found = read([0.0, 0.9, 0.0], [0.2], said="other")
    assert found.scores.tolist() == pytest.approx([0.9]) and not found.is_word.any()


def test_one_half_of_the_speakers():
    trials = [Trial(fold, "negatives", "", np.zeros(160, np.float32), fold=fold) for fold in "AB"]
    scored = [ScoredTrial(t, np.array([s], np.float32)) for t, s in zip(trials, (0.25, 0.75), strict=True)]
    subject = Subject("a", "word", scored, RULE, STEP_S, WINDOW)
    assert read_stretches(subject).scores.tolist() == [0.25, 0.75]
    assert read_stretches(subject, "B").scores.tolist() == [0.75]


def test_scores_are_smoothed_as_the_rule_does():
    rule = DecisionConfig(smoothing_steps=2)
    assert read([0.0, 0.8, 0.4], rule=rule).scores.tolist() == pytest.approx([0.6])


def test_error_by_hand_equal_width():
    # Two bins. Upper: 0.8 and 0.6 words, 0.6 not: mean 2/3, share 2/3. Lower: 0.2 word, 0.1 0.1 0.3 not.
    found = reliability(
        readings([0.8, 0.6, 0.2, 0.6, 0.1, 0.1, 0.3], [1, 1, 1, 0, 0, 0, 0]), n_bins=2, word_share=3 / 7
    )
    lower, upper = found.bins
    assert (upper.n, upper.mean_score, upper.share_of_words) == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert (lower.n, lower.mean_score, lower.share_of_words) == (4, pytest.approx(0.7 / 4), pytest.approx(0.25))
    assert found.calibration_error == pytest.approx(4 / 7 * 0.075)
    assert found.brier == pytest.approx((0.04 + 0.16 + 0.64 + 0.36 + 0.01 + 0.01 + 0.09) / 7)
    nll = -sum(map(math.log, [0.8, 0.6, 0.2, 0.4, 0.9, 0.9, 0.7])) / 7
    assert found.negative_log_likelihood == pytest.approx(nll)


def test_share_of_words_is_what_is_stated_not_how_much_silence_there_is():
    some = readings([0.9, 0.7, 0.2, 0.4], [1, 1, 0, 0])
    # The same negatives a hundred times.
    more = readings([0.9, 0.7] + [0.2, 0.4] * 100, [1, 1] + [0] * 200)
    for share in (0.5, 0.1):
        assert reliability(more, word_share=share).calibration_error == pytest.approx(
            reliability(some, word_share=share).calibration_error
        )


def test_bins_of_equal_mass():
    # Eight values of equal weight in four bins, two each, though all lie in one bin of equal width.
    scores = [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]
    found = reliability(readings(scores, [1, 0] * 4), n_bins=4, binning="equal-mass")
    assert [b.n for b in found.bins] == [2, 2, 2, 2]
    assert [b.mean_score for b in found.bins] == pytest.approx([0.015, 0.035, 0.055, 0.075])
    assert len(reliability(readings(scores, [1, 0] * 4), n_bins=4).bins) == 1


def test_equal_scores_share_a_bin():
    found = reliability(readings([0.0] * 9 + [0.9], [0] * 9 + [1]), n_bins=10, binning="equal-mass")
    assert [b.n for b in found.bins] == [9, 1]


def test_a_score_of_one_is_in_the_last_bin():
    assert [b.mean_score for b in reliability(readings([1.0, 0.0], [1, 0])).bins] == [0.0, 1.0]


def test_temperature_on_the_logit():
    # logit(0.9) = ln 9; halved it is ln 3, which is 0.75.
    assert apply_temperature([0.9, 0.5, 0.1], 2.0) == pytest.approx([0.75, 0.5, 0.25])
    assert apply_temperature([0.0, 1.0], 1.0) == pytest.approx([1e-6, 1 - 1e-6])


@pytest.mark.parametrize("truth", [0.5, 1.0, 3.0])
def test_temperature_is_found(truth):
    assert fit_temperature(drawn(200_000, truth, 0)) == pytest.approx(truth, rel=0.02)


def test_no_other_temperature_is_more_likely():
    data = drawn(500, 2.0, 1)
    best = fit_temperature(data)
    losses = [reliability(data.cooled(best * f)).negative_log_likelihood for f in (0.9, 0.99, 1.0, 1.01, 1.1)]
    assert losses.index(min(losses)) == 2


def test_calibration_is_reported_on_other_recordings():
    found = calibrate(drawn(20_000, 3.0, 0), drawn(10_000, 3.0, 1))
    assert found.temperature == pytest.approx(3.0, rel=0.1)
    assert (found.n_fitted, found.before.n, found.after.n) == (20_000, 10_000, 10_000)
    assert found.before.calibration_error > 0.08 and found.after.calibration_error < 0.02
    assert found.after.negative_log_likelihood < found.before.negative_log_likelihood
    assert not found.is_at_limit


def test_halves_are_calibrated_by_each_other():
    hot, cold = drawn(20_000, 3.0, 0), drawn(20_000, 1.0, 1)
    found = cross_calibrate(hot, cold)
    # Each gets the temperature of the other, so the hot half stays hot and the cold one is cooled for nothing.
    wrong = [hot.cooled(fit_temperature(cold)), cold.cooled(fit_temperature(hot))]
    nll = [reliability(half).negative_log_likelihood for half in wrong]
    assert found.after.negative_log_likelihood == pytest.approx(np.mean(nll), rel=0.01)
    assert 1.0 < found.temperature < 3.0 and found.n_fitted == found.after.n == 40_000


def test_scores_without_an_error_have_no_best_temperature():
    perfect = readings([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0])
    found = calibrate(perfect, perfect)
    assert isinstance(found, Calibration) and found.is_at_limit


@pytest.mark.parametrize("is_word", [[1, 1], [0, 0]])
def test_both_kinds_are_needed(is_word):
    with pytest.raises(DataError, match="accepted is both"):
        fit_temperature(readings([0.1, 0.9], is_word))


def test_bad_settings():
    data = readings([0.1, 0.9], [0, 1])
    with pytest.raises(ConfigError, match="binning"):
        reliability(data, binning="equal")
    with pytest.raises(ConfigError, match="n_bins"):
        reliability(data, n_bins=1)
    with pytest.raises(ConfigError, match="word_share"):
        reliability(data, word_share=1.0)
    with pytest.raises(ConfigError, match="temperature"):
        apply_temperature([0.5], 0.0)
    with pytest.raises(ConfigError, match="labels"):
        readings([0.1, 0.9], [0])
