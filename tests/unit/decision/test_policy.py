"""`Decider` on hand-computed cases."""

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.decision import Decider, smooth, step_time_s
from kws.errors import ConfigError

STEP_S = 0.04


def decider(step_s: float = STEP_S, **settings) -> Decider:
    plain = dict(threshold=0.5, smoothing_steps=1, patience_steps=1, rearm_ratio=0.8, refractory_s=0.0)
    return Decider(DecisionConfig(**{**plain, **settings}), step_s)


def test_fires_once_when_the_threshold_is_reached():
    assert decider().run([0.1, 0.49, 0.5, 0.9, 0.9]) == [(2, 0.5)]


def test_smoothing_window_starts_with_zeros():
    # Averages over 4 steps: 0.2, 0.4, 0.6.
    assert decider(smoothing_steps=4).run([0.8, 0.8, 0.8]) == [(2, pytest.approx(0.6))]


def test_a_single_spike_is_smoothed_away():
    assert decider(smoothing_steps=3).run([0, 1.0, 0, 0, 1.0, 0]) == []


def test_patience_needs_steps_in_a_row():
    assert decider(patience_steps=3).run([0.9, 0.9, 0.1, 0.9, 0.9, 0.9, 0.9]) == [(5, 0.9)]


def test_patience_sees_raw_scores_after_an_event():
    # If decided averages were written back into the window, these would decay or never build up.
    rule = decider(smoothing_steps=2, patience_steps=2)
    assert [index for index, _ in rule.run([0.9] * 4 + [0.0] * 3 + [0.9] * 4)] == [2, 9]
    # Averages: .45 .9 .9 .9 .45 0 0 .45 .9 .9 .9; two in a row at or above 0.5 are complete at 2 and 9.


def test_rearms_only_below_the_ratio():
    # 0.45 is below the threshold and above 0.8 * 0.5, so the keyword stays disarmed until 0.39.
    assert [i for i, _ in decider().run([0.9, 0.45, 0.9, 0.39, 0.9])] == [0, 4]


def test_exactly_the_ratio_does_not_arm():
    assert [i for i, _ in decider(rearm_ratio=0.5).run([0.9, 0.25, 0.9])] == [0]


def test_refractory_time_is_counted_in_steps():
    # 0.12 s are exactly three steps: an event at 0 allows the next at 3.
    scores = [0.9, 0.0, 0.9, 0.9, 0.0, 0.9, 0.9]
    assert [i for i, _ in decider(refractory_s=0.12).run(scores)] == [0, 3, 6]
    assert [i for i, _ in decider(refractory_s=0.1201).run(scores)] == [0, 5]


def test_reset_forgets_everything():
    rule = decider(smoothing_steps=2, refractory_s=1.0)
    assert [i for i, _ in rule.run([1.0, 1.0])] == [0]
    rule.reset()
    assert rule.update(0.9) is None
    assert rule.update(0.9) == pytest.approx(0.9)


def test_nan_never_fires_and_leaves_no_trace():
    rule = decider(smoothing_steps=2)
    assert [i for i, _ in rule.run([float("nan"), 0.9, 0.9])] == [2]


def test_one_step_at_a_time_equals_all_at_once():
    scores = np.random.default_rng(3).random(500)
    whole = decider(smoothing_steps=3, patience_steps=2).run(scores)
    single = decider(smoothing_steps=3, patience_steps=2)
    updates = [(i, single.update(score)) for i, score in enumerate(scores)]
    assert whole == [(i, fired) for i, fired in updates if fired is not None]
    assert whole


@pytest.mark.parametrize("step_s", [0.0, -1.0, float("nan")])
def test_step_must_be_above_zero(step_s):
    with pytest.raises(ConfigError, match="step_s"):
        decider(step_s=step_s)


def test_smooth_by_hand():
    assert smooth([1.0, 0.0, 0.5, 0.5], 2).tolist() == [0.5, 0.5, 0.25, 0.5]
    assert smooth([], 3).tolist() == []


def test_a_step_is_known_at_its_end():
    assert step_time_s(0, 0.04) == 0.04
    assert step_time_s(24, 0.04) == pytest.approx(1.0)
