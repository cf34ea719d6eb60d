"""The sweep finds what `Decider` finds, at every threshold, and is quick."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.config import DecisionConfig
from kws.decision import Decider, sweep
from kws.errors import ConfigError

STEP_S = 0.04
THRESHOLDS = [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0]


def by_decider(track, config, threshold):
    rule = DecisionConfig(**{**vars(config), "threshold": threshold})
    return [step for step, _ in Decider(rule, STEP_S).run(track)]


@st.composite
def configs(draw):
    return DecisionConfig(
        smoothing_steps=draw(st.integers(1, 6)),
        patience_steps=draw(st.integers(1, 5)),
        rearm_ratio=draw(st.sampled_from([0.0, 0.5, 0.8, 1.0])),
        refractory_s=draw(st.sampled_from([0.0, 0.04, 0.2, 1.0])),
    )


# Few distinct values, so that scores meet thresholds exactly.
tracks = st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 0.6, 0.9, 1.0]), max_size=60)


@settings(max_examples=200, deadline=None)
@given(configs(), st.lists(tracks, max_size=3))
def test_equal_to_decider(config, tracks):
    found = sweep(tracks, config, THRESHOLDS, STEP_S)
    for threshold, events in zip(THRESHOLDS, found, strict=True):
        assert [steps.tolist() for steps in events] == [by_decider(track, config, threshold) for track in tracks]


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_decider_on_float32_tracks(seed):
    rng = np.random.default_rng(seed)
    track = np.clip(np.cumsum(rng.normal(0, 0.1, 3000)) % 1.2, 0, 1).astype(np.float32)
    config = DecisionConfig(smoothing_steps=5, patience_steps=2, refractory_s=0.5)
    for threshold, (steps,) in zip(THRESHOLDS, sweep([track], config, THRESHOLDS, STEP_S), strict=True):
        assert steps.tolist() == by_decider(track, config, threshold)


def test_by_hand():
    config = DecisionConfig(refractory_s=0.0, rearm_ratio=0.5)
    found = sweep([[0.3, 0.0, 0.8, 0.3, 0.8], []], config, [0.2, 0.7], STEP_S)
    assert [[steps.tolist() for steps in events] for events in found] == [[[0, 2], []], [[2, 4], []]]


def test_no_tracks_and_no_thresholds():
    assert sweep([], DecisionConfig(), [0.5], STEP_S) == [[]]
    assert sweep([[0.5]], DecisionConfig(), [], STEP_S) == []


def test_threshold_out_of_range():
    with pytest.raises(ConfigError, match="threshold is 1.5"):
        sweep([[0.5]], DecisionConfig(), [1.5], STEP_S)


def test_hours_of_scores_take_seconds_at_most():
    # 3 h at 25 steps a second, 120 thresholds. Step by step this would take half a minute.
    track = np.random.default_rng(0).beta(0.2, 2.0, 3 * 3600 * 25)
    config = DecisionConfig(smoothing_steps=3, patience_steps=2)
    start_s = time.process_time()
    sweep([track], config, np.linspace(0.02, 0.999, 120).tolist(), STEP_S)
    assert time.process_time() - start_s < 3.0
