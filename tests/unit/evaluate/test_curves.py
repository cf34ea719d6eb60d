"""DET curves by hand."""

import pytest

from kws.evaluate.curves import at_rates, det_curves


def test_every_threshold(scored, negative, subject):
    # Words score 0.9, 0.6 and 0.3; in the hour without one there are peaks of 0.7 and 0.4.
    words = [scored(f"w{i}", {3.0: score}) for i, score in enumerate((0.9, 0.6, 0.3))]
    (curve,) = det_curves(subject([*words, negative("n", {100.0: 0.7, 200.0: 0.4}, 3600.0)]), ["clean"])
    assert (curve.n_words, curve.hours) == (3, pytest.approx(1.0))
    at = {
        threshold: (misses, rate)
        for threshold, misses, rate in zip(
            curve.thresholds, curve.false_reject_rates, curve.false_accepts_per_hour, strict=True
        )
    }
    assert at[0.5] == (pytest.approx(1 / 3), pytest.approx(1.0))
    assert list(curve.thresholds) == sorted(curve.thresholds, reverse=True)
    expected = {0.95: (1.0, 0.0), 0.8: (2 / 3, 0.0), 0.65: (2 / 3, 1.0), 0.35: (1 / 3, 2.0), 0.25: (0.0, 2.0)}
    for threshold, values in expected.items():
        nearest = min(at, key=lambda t: abs(t - threshold))
        assert at[nearest] == (pytest.approx(values[0]), pytest.approx(values[1]))


def test_a_score_that_never_falls_is_no_merit(scored, negative, subject):
    # Ten peaks an hour at 0.6 over a floor of 0.2: at thresholds below the floor there is one event, and no rest.
    noisy = negative("n", {100.0 * i: 0.6 for i in range(1, 11)}, 3600.0)
    noisy.scores[noisy.scores == 0] = 0.2
    (curve,) = det_curves(subject([scored("w", {3.0: 0.9}), noisy]), ["clean"])
    assert curve.false_accepts_per_hour[-1] == pytest.approx(10.0)


def test_where_rates_are_kept(scored, negative, subject):
    words = [scored(f"w{i}", {3.0: score}) for i, score in enumerate((0.9, 0.6, 0.3))]
    (curve,) = det_curves(subject([*words, negative("n", {100.0: 0.7, 200.0: 0.4}, 3600.0)]), ["clean"])
    none, one, two = at_rates(curve, [0.0, 1.5, 2.0])
    assert none is not None and 0.7 < none[0] < 0.72 and none[1:] == (pytest.approx(2 / 3), 0.0)
    assert one is not None and 0.4 < one[0] < 0.42 and one[1:] == (pytest.approx(1 / 3), pytest.approx(1.0))
    assert two is not None and two[1:] == (0.0, pytest.approx(2.0))


def test_a_rate_that_no_threshold_keeps(scored, negative, subject):
    (curve,) = det_curves(subject([scored("w", {3.0: 0.9}), negative("n", {100.0: 1.0}, 3600.0)]), ["clean"])
    assert at_rates(curve, [0.5]) == [None]


def test_no_curve_without_hours(scored, subject):
    assert det_curves(subject([scored("w", {3.0: 0.9})]), ["clean"]) == []
