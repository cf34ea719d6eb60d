"""What counts as spurious after a cut."""

import numpy as np
import pytest

from benchmarks.after_reset import Cut, Stream, count_hits, count_spurious, cut_anywhere, cut_words
from kws.evaluate.mixing import PlacedWord

RATE_HZ = 16_000
STREAM = Stream(np.zeros(20 * RATE_HZ, np.float32), (5.0, 12.0))


@pytest.mark.parametrize(
    ("cut_s", "event_s", "expected"),
    [
        (2.0, 0.5, (1, 0)),  # nothing there
        (4.5, 0.5, (0, 0)),  # the event itself
        (4.5, 0.75, (0, 0)),  # late by less than 0.3 s
        (4.5, 0.9, (1, 0)),  # too late
        (5.1, 0.1, (0, 1)),  # the uninterrupted run had it before the cut
        (2.0, 1.04, (0, 0)),  # after the first second
    ],
)
def test_spurious_and_repeats(cut_s, event_s, expected):
    assert count_spurious([Cut(STREAM, round(cut_s * RATE_HZ))], [[event_s]]) == expected


def test_hits_are_counted_on_the_timeline_of_the_stream():
    trial = PlacedWord(STREAM.samples, 5 * RATE_HZ, 6 * RATE_HZ)
    cut = Cut(STREAM, 4 * RATE_HZ, trial)
    assert count_hits([cut, cut, cut], [[1.5], [0.5], []]) == 1


def test_cuts_leave_a_second_and_reach_every_stream():
    streams = [Stream(np.zeros(n, np.float32), ()) for n in (RATE_HZ, 3 * RATE_HZ, 2 * RATE_HZ)]
    cuts = cut_anywhere(streams, 300, np.random.default_rng(0))
    assert {id(cut.stream) for cut in cuts} == {id(stream) for stream in streams[1:]}
    assert all(0 <= cut.start < len(cut.stream.samples) - RATE_HZ for cut in cuts)


def test_cuts_before_and_within_words():
    pair = (STREAM, PlacedWord(STREAM.samples, 5 * RATE_HZ, 6 * RATE_HZ))
    rng = np.random.default_rng(0)
    assert all(4.7 <= cut.start / RATE_HZ < 5.0 for cut in cut_words([pair], 50, True, rng))
    assert all(5.05 <= cut.start / RATE_HZ < 6.0 for cut in cut_words([pair], 50, False, rng))
