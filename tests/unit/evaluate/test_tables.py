"""The rows of the report, by hand."""

import numpy as np
import pytest

from kws.evaluate.counting import Counts
from kws.evaluate.intervals import poisson_interval, wilson_interval
from kws.evaluate.tables import (
    MAX_ROWS,
    breakdowns,
    by_level,
    by_model,
    count_all,
    false_accept_rows,
    natural,
    words_rows,
)

N = 500


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_words_by_condition(scored, subject):
    items = [
        scored("a", {3.2: 0.9}, speaker="anna"),
        scored("b", {3.4: 0.9}, speaker="ben"),
        scored("c", {}, speaker="ben"),
        scored("d", {}, condition="noise"),
    ]
    clean, noise = words_rows(count_all(subject(items)), rng(), N)
    assert (clean.condition, clean.counts.n_misses, clean.counts.n_words) == ("clean", 1, 3)
    assert (clean.low, clean.high) == wilson_interval(1, 3)
    assert clean.by_speaker is not None
    assert (clean.by_speaker.n_clusters, clean.by_recording.n_clusters) == (2, 3)
    assert clean.delays_s == pytest.approx((0.2, 0.4)) and clean.delay_ms == pytest.approx((300.0, 380.0))
    assert (noise.condition, noise.by_speaker, noise.delay_ms) == ("noise", None, None)


def test_false_accepts_by_set_and_in_all(scored, negative, subject):
    items = [
        scored("w", {3.0: 0.9, 1.0: 0.9}),
        negative("n1", {10.0: 0.9, 20.0: 0.8}, 1800.0, attributes={"set": "radio"}),
        negative("n2", {10.0: 0.4}, 1800.0, attributes={"set": "kitchen"}),
    ]
    radio, kitchen, everything = false_accept_rows(count_all(subject(items)), rng(), N)
    assert [row.name for row in (radio, kitchen, everything)] == ["radio", "kitchen", "all"]
    assert [row.counts.n_false_accepts for row in (radio, kitchen, everything)] == [2, 0, 2]
    assert everything.counts.hours == pytest.approx(1.0)
    assert (everything.low, everything.high) == pytest.approx(poisson_interval(2, 1.0))


def test_one_set_has_no_sum(negative, subject):
    (row,) = false_accept_rows(count_all(subject([negative("n", {})])), rng(), N)
    assert row.name == "recordings without the word"


def test_groups_are_those_with_several_values(scored, subject):
    items = [
        scored("a", {}, speaker="anna", attributes={"gender": "f", "device": "phone"}),
        scored("b", {3.0: 0.9}, speaker="ben", attributes={"gender": "m", "device": "phone"}),
        scored("c", {3.0: 0.9}, speaker="ben", condition="noise", attributes={"gender": "m", "snr_db": "10"}),
    ]
    speaker, gender = breakdowns(count_all(subject(items)))
    assert (speaker.attribute, gender.attribute, speaker.series) == ("speaker", "gender", ("clean", "noise"))
    assert [value for value, _ in speaker.rows] == ["anna", "ben"]
    found = {value: [(c.n_misses, c.n_words) for c in counts] for value, counts in speaker.rows}
    assert found == {"anna": [(1, 1), (0, 0)], "ben": [(0, 1), (0, 1)]}


def test_many_speakers_are_cut_to_the_worst(scored, subject):
    items = [scored(f"t{i}", {} if i == 60 else {3.0: 0.9}, speaker=f"s{i}") for i in range(MAX_ROWS + 30)]
    (table,) = breakdowns(count_all(subject(items)))
    assert (len(table.rows), table.n_more) == (MAX_ROWS, 30)
    assert "s60" in dict(table.rows)


def test_values_are_sorted_by_number():
    assert sorted(["10 m", "2 m", "2.5 m", "near"], key=natural) == ["2 m", "2.5 m", "10 m", "near"]


def test_levels(scored, subject):
    items = [
        scored(f"{kind}{level}", peaks, condition=f"{kind} {level} dB", attributes={"snr_db": level})
        for kind, level, peaks in [
            ("noise", "10", {3.0: 0.9}),
            ("noise", "5", {}),
            ("noise", "-5", {}),
            ("speech", "10", {}),
        ]
    ]
    found = by_level(count_all(subject(items)))
    assert {kind: [(snr, c.n_misses) for snr, c in points] for kind, points in found.items()} == {
        "noise": [(-5.0, 1), (5.0, 1), (10.0, 0)]
    }


def test_two_models_have_a_column_each(scored, subject):
    first = [scored("a", {}, speaker="anna"), scored("b", {}, speaker="ben", condition="noise")]
    second = [scored("a", {3.0: 0.9}, speaker="anna"), scored("b", {}, speaker="ben", condition="noise")]
    tables = [breakdowns(count_all(subject(items))) for items in (first, second)]
    (joined,) = by_model(tables, ["A", "B"])
    assert joined.series == ("A", "B")
    assert [(value, [c.n_misses for c in counts]) for value, counts in joined.rows] == [
        ("anna", [1, 0]),
        ("ben", [1, 1]),
    ]


def test_trials_without_audio_are_left_out(scored, subject):
    assert count_all(subject([scored("a", {}, audio_s=0.01)])) == []
    assert sum((o.counts for o in count_all(subject([scored("a", {})]))), Counts()).n_words == 1
