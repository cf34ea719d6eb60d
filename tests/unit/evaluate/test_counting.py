"""Counting events against words, by hand."""

import math

import pytest

from kws.errors import ConfigError
from kws.evaluate.counting import Counts, MatchWindow, count, match


def test_hits_misses_and_false_accepts():
    # Words end at 2, 5 and 9 s. 2.3 is the first word, 2.8 the same again, 7.0 nothing, 8.5 the third.
    assert count([2.3, 2.8, 7.0, 8.5], [2.0, 5.0, 9.0], 10.0) == Counts(2, 1, 2, 10.0)


@pytest.mark.parametrize(("event_s", "is_hit"), [(4.39, False), (4.4, True), (5.0, True), (6.0, True), (6.01, False)])
def test_edges_of_the_window(event_s, is_hit):
    assert count([event_s], [5.0], 10.0) == (Counts(1, 0, 0, 10.0) if is_hit else Counts(0, 1, 1, 10.0))


def test_edges_hold_for_sums_of_steps():
    step_s = 0.04
    word_end_s = 37 * step_s
    assert count([word_end_s + 25 * step_s], [word_end_s], 10.0).n_hits == 1


def test_words_close_together_take_one_event_each():
    # Both events lie in the windows of both words.
    assert count([5.5, 5.7], [5.0, 5.9], 10.0) == Counts(2, 0, 0, 10.0)


def test_order_does_not_matter():
    assert count([9.1, 2.1], [9.0, 2.0], 10.0) == Counts(2, 0, 0, 10.0)


def test_window_can_be_set():
    assert count([3.5], [2.0], 10.0, MatchWindow(early_s=0.0, late_s=1.5)).n_hits == 1
    with pytest.raises(ConfigError, match="match.late_s"):
        MatchWindow(late_s=-1.0)


def test_rates_use_the_true_hours():
    counts = Counts(n_hits=3, n_misses=1, n_false_accepts=2, audio_s=1800.0)
    assert counts.false_reject_rate == 0.25
    assert counts.false_accepts_per_hour == 4.0


def test_rates_without_words_or_audio_are_nan():
    assert math.isnan(Counts(audio_s=10.0).false_reject_rate)
    assert math.isnan(Counts().false_accepts_per_hour)


def test_counts_add():
    assert Counts(1, 2, 3, 4.0) + Counts(10, 20, 30, 40.0) == Counts(11, 22, 33, 44.0)


@pytest.mark.parametrize("audio_s", [0.0, -1.0, float("nan")])
def test_audio_must_have_a_length(audio_s):
    with pytest.raises(ConfigError, match="audio_s"):
        count([], [], audio_s)


def test_matching_tells_which_event_is_which_word():
    # As above, and a word at 12 s that nothing heard, before one more event.
    found = match([2.3, 2.8, 7.0, 8.5, 20.0], [2.0, 5.0, 9.0, 12.0], MatchWindow())
    assert found.hits == ((2.3, 2.0), (8.5, 9.0))
    assert found.missed_s == (5.0, 12.0)
    assert found.false_accepts_s == (2.8, 7.0, 20.0)
    assert found.delays_s == pytest.approx([0.3, -0.5])
