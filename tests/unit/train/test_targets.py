"""Targets on the step grid."""

from dataclasses import dataclass

import numpy as np

from kws.spec import UNKNOWN
from kws.train.recipe import LossConfig
from kws.train.targets import IGNORE, frame_labels, windows

STEP_SAMPLES = 640
CONFIG = LossConfig(before_s=0.08, after_s=0.08, ignore_s=0.08)


@dataclass(frozen=True)
class FakeSegment:
    label: str
    word_end: int


def test_window_lies_around_the_end_and_is_followed_by_free_steps() -> None:
    marks = windows([FakeSegment("a", 10 * STEP_SAMPLES)], ["a"], 20, STEP_SAMPLES, CONFIG)
    expected = np.zeros(20, np.int8)
    expected[8:13] = 1
    expected[13:15] = IGNORE
    assert marks[:, 0].tolist() == expected.tolist()


def test_occurrences_are_numbered_in_order_of_time() -> None:
    segments = [FakeSegment("a", 15 * STEP_SAMPLES), FakeSegment("a", 5 * STEP_SAMPLES)]
    marks = windows(segments, ["a"], 20, STEP_SAMPLES, CONFIG)
    assert marks[5, 0] == 1
    assert marks[15, 0] == 2


def test_other_labels_leave_no_mark() -> None:
    segments = [FakeSegment("", 5 * STEP_SAMPLES), FakeSegment("b", 5 * STEP_SAMPLES)]
    assert not windows(segments, ["a"], 20, STEP_SAMPLES, CONFIG).any()
    assert not frame_labels(segments, ["a"], 20, STEP_SAMPLES, 0.3).any()


def test_free_steps_never_erase_the_next_word() -> None:
    segments = [FakeSegment("a", 5 * STEP_SAMPLES), FakeSegment("a", 9 * STEP_SAMPLES)]
    marks = windows(segments, ["a"], 20, STEP_SAMPLES, CONFIG)
    assert (marks[:, 0] == 2).sum() == 5


def test_a_word_at_the_edge_stays_inside() -> None:
    marks = windows([FakeSegment("a", 19 * STEP_SAMPLES)], ["a"], 20, STEP_SAMPLES, CONFIG)
    assert marks.shape == (20, 1)
    assert marks[19, 0] == 1


def test_frame_labels_are_ones_after_the_end() -> None:
    labels = frame_labels([FakeSegment("b", 10 * STEP_SAMPLES + 5)], ["a", "b"], 20, STEP_SAMPLES, 0.12)
    assert np.flatnonzero(labels[:, 1]).tolist() == [10, 11, 12]
    assert not labels[:, 0].any()


@dataclass(frozen=True)
class FakeClip:
    label: str
    start: int
    word_end: int


def test_other_speech_is_the_word_of_the_unknown_output() -> None:
    segments = [FakeClip("", 6 * STEP_SAMPLES, 12 * STEP_SAMPLES), FakeClip("a", STEP_SAMPLES, 3 * STEP_SAMPLES)]
    marks = windows(segments, ["a", UNKNOWN], 20, STEP_SAMPLES, CONFIG)
    # Free while the clip lasts, then its window, then the free steps that follow every window.
    expected = np.zeros(20, np.int8)
    expected[6:10] = IGNORE
    expected[10:15] = 1
    expected[15:17] = IGNORE
    assert marks[:, 1].tolist() == expected.tolist()
    # A keyword is not other speech, and other speech is not the keyword.
    assert not marks[:6, 1].any()
    assert not marks[8:, 0].any()


def test_other_speech_leaves_the_window_of_the_clip_before_alone() -> None:
    segments = [FakeClip("", 0, 5 * STEP_SAMPLES), FakeClip("", 6 * STEP_SAMPLES, 10 * STEP_SAMPLES)]
    marks = windows(segments, [UNKNOWN], 20, STEP_SAMPLES, CONFIG)[:, 0]
    assert marks[3:8].tolist() == [1, 1, 1, 1, 1]
    assert marks[8:13].tolist() == [2, 2, 2, 2, 2]


def test_frame_labels_of_other_speech() -> None:
    labels = frame_labels([FakeClip("", 0, 10 * STEP_SAMPLES)], ["a", UNKNOWN], 20, STEP_SAMPLES, 0.08)
    assert np.flatnonzero(labels[:, 1]).tolist() == [10, 11]
    assert not labels[:, 0].any()
