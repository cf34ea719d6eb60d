"""Which mistakes are listed, in which order, and what is said of the rest."""

import dataclasses

import numpy as np
import pytest

from kws.evaluate.compare import compare
from kws.evaluate.report import mistakes
from kws.evaluate.report.mistakes import list_mistakes, mistakes_of, mistakes_of_one


def test_misses_by_condition_and_score(scored, subject):
    items = [
        scored("n1", {3.0: 0.4}, condition="noise"),
        scored("c1", {3.0: 0.45}),
        scored("n2", {3.0: 0.1}, condition="noise"),
        scored("hit", {3.0: 0.9}),
        # The peak is outside the window, which ends at 4.0 s.
        scored("c2", {3.0: 0.2, 4.2: 0.45}),
    ]
    misses, false_accepts = mistakes_of(subject(items))
    assert [m.scored.trial.name for m in misses] == ["n2", "n1", "c2", "c1"]
    assert [m.peak for m in misses] == pytest.approx([0.1, 0.4, 0.2, 0.45])
    assert all(m.is_word and m.time_s == 3.0 for m in misses) and not false_accepts


def test_false_accepts_that_count_come_first(scored, negative, subject):
    items = [scored("w", {1.0: 0.99, 3.0: 0.9}), negative("n1", {10.0: 0.6}), negative("n2", {20.0: 0.8})]
    misses, false_accepts = mistakes_of(subject(items))
    found = [(m.scored.trial.name, round(m.time_s, 6), m.is_counted) for m in false_accepts]
    assert found == [("n2", 20.0, True), ("n1", 10.0, True), ("w", 1.0, False)]
    assert not misses


def test_what_is_shown_of_one(scored, subject):
    item = scored("a", {3.0: 0.4}, sources=("a.wav", "fan.wav"), speaker="anna", attributes={"snr_db": "5"})
    one = subject([item])
    (shown,) = list_mistakes(mistakes_of(one)[0], [one], ["model"]).shown
    assert (shown.title, shown.mark_label, shown.audio_s) == ("a.wav", "end of the word", pytest.approx(3.4))
    assert shown.mark == pytest.approx(100 * 2.2 / 3.4)
    details = dict(shown.details)
    assert details == {
        "condition": "clean",
        "speaker": "anna",
        "snr db": "5",
        "with": "fan.wav",
        "trial": "a, at 3.00 s",
    }
    (line,) = shown.lines
    assert (line.threshold, line.peak) == (0.5, pytest.approx(0.4))
    assert "64.7,60.0" in line.points


def test_in_joined_recordings_the_one_that_was_heard_is_named(negative, subject):
    joined = negative("n", {30.0: 0.9}, sources=("a.wav", "b.wav", "c.wav"), source_starts_s=(0.0, 20.0, 40.0))
    one = subject([joined])
    (shown,) = list_mistakes(mistakes_of(one)[1], [one], ["model"]).shown
    assert shown.title == "b.wav" and shown.mark_label == "event" and "with" not in dict(shown.details)


def test_conditions_share_the_room(scored, subject, monkeypatch):
    monkeypatch.setattr(mistakes, "MAX_SHOWN", 4)
    items = [scored(f"n{i}", {3.0: i / 100}, condition="noise") for i in range(9)]
    items += [scored(f"c{i}", {3.0: i / 100}) for i in range(2)]
    one = subject(items)
    listing = list_mistakes(mistakes_of(one)[0], [one], ["model"])
    assert [shown.title for shown in listing.shown] == ["n0.wav", "n1.wav", "c0.wav", "c1.wav"]
    assert (listing.n_all, listing.n_more) == (11, 7)


def test_the_room_ends(scored, subject, monkeypatch):
    one = subject([scored(f"n{i}", {}) for i in range(5)])
    found = mistakes_of(one)[0]
    size = list_mistakes(found, [one], ["model"]).shown[0].n_bytes
    monkeypatch.setattr(mistakes, "MAX_CLIP_BYTES", int(2.5 * size))
    listing = list_mistakes(found, [one], ["model"])
    assert (len(listing.shown), listing.n_more) == (2, 3)


def test_nothing_to_list(scored, subject):
    listing = list_mistakes([], [subject([scored("a", {3.0: 0.9})])], ["model"])
    assert (listing.shown, listing.n_more) == ((), 0)


def test_mistakes_of_one_of_two(scored, negative, subject):
    first = [scored("x", {3.0: 0.9}), scored("y", {3.0: 0.1}), scored("z", {3.0: 0.1}), negative("n", {10.0: 0.9})]
    second = [scored("x", {3.0: 0.2}), scored("y", {3.0: 0.9}), scored("z", {3.0: 0.2}), negative("n", {20.0: 0.8})]
    a = subject(first, "old")
    # The same trials in another order.
    b = dataclasses.replace(subject(second, "new"), scored=second[::-1])
    misses, false_accepts = mistakes_of_one(compare(a, b, np.random.default_rng(0), 100))
    assert [(m.scored.trial.name, m.whose, m.peak) for m in misses] == [
        ("x", "new", pytest.approx(0.2)),
        ("y", "old", pytest.approx(0.1)),
    ]
    assert [(round(m.time_s, 6), m.whose) for m in false_accepts] == [(10.0, "old"), (20.0, "new")]
    shown = list_mistakes(misses, [a, b], ["old", "new"]).shown
    assert [[(line.name, line.peak) for line in s.lines] for s in shown] == [
        [("old", pytest.approx(0.9)), ("new", pytest.approx(0.2))],
        [("old", pytest.approx(0.1)), ("new", pytest.approx(0.9))],
    ]
