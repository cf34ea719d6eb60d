"""Peaks that come in pieces of any size are those of the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kws.evaluate.peaks import Peak, PeakPicker

STEP_S = 0.5  # the reach of 2 s is 4 steps


def track(**peaks: float) -> np.ndarray:
    scores = np.zeros((30, 1), np.float32)
    for step, score in peaks.items():
        scores[int(step[1:])] = score
    return scores


def picked(scores: np.ndarray, size: int) -> list[tuple[int, float]]:
    picker = PeakPicker(0.3, STEP_S, (0,))
    found: list[Peak] = []
    for start in range(0, len(scores), size):
        found += picker.update(scores[start : start + size])
    return [(peak.step, round(peak.score, 3)) for peak in [*found, *picker.flush()]]


@pytest.mark.parametrize("size", [1, 3, 7, 30])
@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (track(), []),
        (track(s5=0.29), []),
        (track(s5=0.3), [(5, 0.3)]),
        # A higher one within four steps takes its place; of equals the first stays.
        (track(s5=0.5, s8=0.6), [(8, 0.6)]),
        (track(s5=0.6, s8=0.5), [(5, 0.6)]),
        (track(s5=0.6, s9=0.6), [(5, 0.6)]),
        (track(s5=0.5, s10=0.6), [(5, 0.5), (10, 0.6)]),
        (track(s29=0.9), [(29, 0.9)]),
    ],
)
def test_the_highest_of_its_surroundings(scores: np.ndarray, expected: list, size: int) -> None:
    assert picked(scores, size) == [(step, pytest.approx(score)) for step, score in expected]


def test_keywords_have_peaks_of_their_own() -> None:
    scores = np.zeros((30, 3), np.float32)
    scores[5] = 0.5, 0.9, 0.7
    found = [*(picker := PeakPicker(0.3, STEP_S, (0, 2))).update(scores), *picker.flush()]
    assert [(peak.column, peak.step) for peak in found] == [(0, 5), (2, 5)]
    assert found[0].end_s(STEP_S) == 3.0


@pytest.mark.parametrize("size", [1, 3, 10])
@pytest.mark.parametrize(
    ("floor", "join_steps", "fired", "expected"),
    [
        (0.3, 2, [], [2, 8]),
        (0.3, 1, [], [2, 4, 8]),
        # The first time that it fires belongs to what rose before.
        (0.3, 2, [2], [2, 8]),
        (0.3, 2, [2, 4], [2, 4, 8]),
        (0.95, 2, [], []),
    ],
)
def test_stretches_are_joined_over_short_dips_and_parted_where_it_fires(floor, join_steps, fired, expected, size):
    scores = np.array([[0.0, 0.4, 0.9, 0.1, 0.5, 0.0, 0.0, 0.0, 0.6, 0.3]]).T
    picker = PeakPicker(floor, STEP_S, (0,), math.inf, join_steps * STEP_S)
    found = [p for at in range(0, 10, size) for p in picker.update(scores[at : at + size], {0: fired})]
    assert [peak.step for peak in [*found, *picker.flush()]] == expected
