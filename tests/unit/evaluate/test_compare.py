"""Two models on the same trials, by hand."""

import dataclasses
import math

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import DataError
from kws.evaluate.bootstrap import BootstrapInterval
from kws.evaluate.compare import PairedMisses, at_equal_false_accepts, compare, sign_test
from kws.evaluate.operating_point import default_thresholds
from kws.evaluate.results import ScoredTrial, Trial
from kws.evaluate.subject import Subject, outcomes

STEP_S = 0.5
RULE = DecisionConfig(threshold=0.5, refractory_s=0.0)
WORD_S = 5.0


def scored(name: str, peaks: dict[int, float], n_steps=20, words=(WORD_S,), condition="clean", **fields) -> ScoredTrial:
    scores = np.zeros(n_steps, np.float32)
    for step, score in peaks.items():
        scores[step] = score
    trial = Trial(name, condition, fields.pop("keyword", "word"), np.zeros(n_steps, np.float32), tuple(words), **fields)
    return ScoredTrial(trial, scores)


def subject(name: str, items: list[ScoredTrial], threshold=0.5) -> Subject:
    return Subject(name, "word", items, dataclasses.replace(RULE, threshold=threshold), STEP_S)


def heard(name: str, score: float, **fields) -> ScoredTrial:
    # Step 9 is known at 5 s, where the word ends.
    return scored(name, {9: score}, **fields)


def models(scores_a: list[float], scores_b: list[float], **fields) -> tuple[Subject, Subject]:
    sides = []
    for name, scores in (("A", scores_a), ("B", scores_b)):
        items = [heard(f"t{i}", s, sources=(f"r{i}",), speaker=f"s{i % 7}", **fields) for i, s in enumerate(scores)]
        sides.append(subject(name, items))
    return sides[0], sides[1]


def negative(name: str, peaks: dict[int, float], **fields) -> ScoredTrial:
    return scored(name, peaks, n_steps=7200, words=(), condition="negatives", keyword="", **fields)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_sign_test_by_hand():
    # 1 of 6: 2 * (1 + 6) / 64. Nothing to split: 1.
    assert sign_test(1, 5) == pytest.approx(14 / 64)
    assert sign_test(5, 1) == pytest.approx(14 / 64)
    assert sign_test(3, 3) == pytest.approx(1.0)
    assert sign_test(0, 0) == 1.0


def test_the_four_cells():
    # both hit 4, only A missed 3, only B missed 1, both missed 2
    a, b = models([0.9] * 4 + [0.1] * 3 + [0.9] + [0.1] * 2, [0.9] * 4 + [0.9] * 3 + [0.1] + [0.1] * 2)
    (paired,) = compare(a, b, rng()).misses
    cells = (paired.n_both_hit, paired.n_only_a_missed, paired.n_only_b_missed, paired.n_both_missed)
    assert cells == (4, 3, 1, 2)
    assert (paired.n_words, paired.n_missed_a, paired.n_missed_b) == (10, 5, 3)
    assert paired.p_value == pytest.approx(10 / 16)
    assert paired.by_recording.estimate == pytest.approx(-0.2)
    assert (paired.by_recording.n_clusters, paired.by_speaker.n_clusters) == (10, 7)
    assert paired.by_recording.low < -0.2 < paired.by_recording.high


def test_pairs_are_found_by_name_whatever_the_order():
    a, b = models([0.9, 0.1, 0.9, 0.1], [0.9, 0.9, 0.1, 0.1])
    turned = dataclasses.replace(b, scored=b.scored[::-1])
    assert compare(a, turned, rng()).misses == compare(a, b, rng()).misses


def test_each_model_has_its_own_rule():
    a, b = models([0.4] * 3, [0.4] * 3)
    (paired,) = compare(a, b.at(0.3, "chosen"), rng()).misses
    assert (paired.n_missed_a, paired.n_missed_b) == (3, 0)


def test_conditions_and_their_sum():
    clean_a, clean_b = models([0.9] * 5, [0.9] * 5)
    noisy_a, noisy_b = models([0.1] * 5, [0.9, 0.1, 0.1, 0.1, 0.1], condition="noise")
    rename = [
        dataclasses.replace(i, trial=dataclasses.replace(i.trial, name="n" + i.trial.name)) for i in noisy_a.scored
    ]
    rename_b = [ScoredTrial(t.trial, i.scores) for t, i in zip(rename, noisy_b.scored, strict=True)]
    a, b = subject("A", [*clean_a.scored, *rename]), subject("B", [*clean_b.scored, *rename_b])
    found = compare(a, b, rng())
    assert [(p.condition, p.n_words, p.n_missed_a, p.n_missed_b) for p in found.misses] == [
        ("clean", 5, 0, 0),
        ("noise", 5, 5, 4),
        ("all", 10, 5, 4),
    ]


def test_mixes_of_a_recording_stay_together():
    # Twenty words of two recordings: whichever is drawn, its ten mixes come along.
    items = [heard(f"t{i}", 0.9, sources=(f"r{i // 10}",)) for i in range(20)]
    others = [heard(f"t{i}", 0.9 if i < 10 else 0.1, sources=(f"r{i // 10}",)) for i in range(20)]
    (paired,) = compare(subject("A", items), subject("B", others), rng()).misses
    assert (paired.by_recording.low, paired.by_recording.high) == (0.0, 1.0)
    assert "2 recordings: this interval means little" in paired.by_recording.caution
    assert paired.p_value == pytest.approx(2 / 2**10)


def test_false_accepts_are_paired_in_time():
    # 100 and 101 are 0.5 s apart and one; 200 is A's; 300, 400 and 500 are B's. Two hours.
    a = [heard("w", 0.9), negative("n1", {100: 0.9, 200: 0.9}), negative("n2", {})]
    b = [heard("w", 0.9), negative("n1", {101: 0.9, 300: 0.9, 400: 0.9}), negative("n2", {500: 0.9})]
    found = compare(subject("A", a), subject("B", b), rng())
    paired = found.false_accepts
    assert (paired.n_both, paired.n_only_a, paired.n_only_b, paired.hours) == (1, 1, 3, 2.0)
    assert paired.p_value == pytest.approx(10 / 16)
    assert paired.by_recording.estimate == pytest.approx(1.0)
    told = [(d.trial, d.time_s, d.is_word, d.is_error_of_a) for d in found.differences]
    assert told == [
        (1, 100.5, False, True),
        (1, 150.5, False, False),
        (1, 200.5, False, False),
        (2, 250.5, False, False),
    ]


def test_events_of_another_keyword_are_false_accepts():
    item = heard("w", 0.9, keyword="other")
    (outcome,) = outcomes(subject("A", [item]))
    assert outcome.word_ends_s == () and outcome.counts.n_false_accepts == 1


def test_words_on_which_they_differ_are_listed():
    a, b = models([0.9, 0.1, 0.9], [0.1, 0.9, 0.9])
    told = [(d.trial, d.time_s, d.is_word, d.is_error_of_a) for d in compare(a, b, rng()).differences]
    assert told == [(0, WORD_S, True, False), (1, WORD_S, True, True)]


def paired_misses(only_a: int, only_b: int, low: float, high: float, n=220, p=0.0625, clusters=9) -> PairedMisses:
    by_speaker = BootstrapInterval((only_b - only_a) / n, low, high, "speaker", clusters, 1000)
    by_recording = dataclasses.replace(by_speaker, low=-0.04, high=-0.01, unit="recording", n_clusters=44)
    return PairedMisses("clean", n - only_a - only_b - 7, only_a, only_b, 7, p, by_recording, by_speaker)


@pytest.mark.parametrize(
    ("paired", "says"),
    [
        (
            paired_misses(6, 1, -0.051, 0.002),
            "B misses 5 fewer of 220 (p = 0.062, 95 % of the difference -5.1 … +0.2 points)",
        ),
        (
            paired_misses(1, 6, -0.002, 0.051, p=0.0001),
            "B misses 5 more of 220 (p = < 0.001, 95 % of the difference -0.2 … +5.1 points)",
        ),
        (
            # Of four speakers nothing can be said; the recordings are more.
            paired_misses(6, 1, -0.051, 0.002, clusters=4),
            "B misses 5 fewer of 220 (p = 0.062, 95 % of the difference -4.0 … -1.0 points)",
        ),
        (
            paired_misses(2, 2, -0.01, 0.01, p=1.0),
            "B misses as many of 220 as A, 2 of them other words (p = 1, 95 % of the difference -1.0 … +1.0 points)",
        ),
        (
            # 1 - 0.05 ** (1 / 220) = 1.35 %
            paired_misses(0, 0, 0.0, 0.0, p=1.0),
            "A and B miss the same 7 of 220 (they differ on fewer than 1.4 % of such words)",
        ),
    ],
)
def test_sentences(paired, says):
    assert paired.sentence() == says.replace("p = <", "p <")


def test_sentences_of_a_comparison():
    a = subject("old", [heard("w", 0.9), negative("n", {100: 0.9})])
    b = subject("new", [heard("w", 0.1), negative("n", {})])
    first, last = compare(a, b, rng()).sentences()
    assert first.startswith("clean: new misses 1 more of 1 (p = 1")
    said = "new has 0 false accepts in 1.00 h, old 1"
    assert last == f"{said} (p = 1; 1 recording: there is nothing to draw from, so no interval)"


def test_the_same_name_twice_is_a_and_b():
    a = subject("word.onnx", [heard("w", 0.9)])
    assert compare(a, a, rng()).sentences()[0].startswith("clean: A and B miss the same 0 of 1")


def test_folds_have_their_own_thresholds():
    items = [heard(name, 0.6, fold=name) for name in "AB"]
    cross_fitted = dataclasses.replace(subject("A", items), threshold_by_fold={"A": 0.5, "B": 0.7})
    assert [len(outcome.matching.hits) for outcome in outcomes(cross_fitted)] == [1, 0]
    assert [len(outcome.matching.hits) for outcome in outcomes(cross_fitted.at(0.7, "given"))] == [0, 0]


def test_without_negatives_nothing_is_said_of_false_accepts():
    found = compare(*models([0.9], [0.9]), rng()).false_accepts
    assert found.hours == 0 and math.isnan(found.p_value) and "no recordings without the word" in found.sentence()


def test_equal_false_accepts():
    # A fires at its threshold twice in the hour; B's two highest false peaks are 0.95 and 0.7, the next 0.6.
    a = subject("A", [heard("w", 0.55), negative("n", {1000: 0.9, 2000: 0.8, 3000: 0.4})])
    b = subject("B", [heard("w", 0.65), negative("n", {1000: 0.95, 2000: 0.7, 3000: 0.6})])
    at_a, at_b = at_equal_false_accepts(a, b)
    assert 0.4 < at_a.decision.threshold < 0.42 and 0.6 < at_b.decision.threshold < 0.62
    assert at_a.threshold_from == "the lowest with at most 2 false accepts in these 1.00 h"
    strict_a, strict_b = at_equal_false_accepts(a, b, 0.0)
    assert 0.9 < strict_a.decision.threshold < 0.91 and 0.95 < strict_b.decision.threshold < 0.96


def test_no_threshold_keeps_the_rate():
    a = subject("A", [negative("n", {1000: 1.0})])
    at_a, _ = at_equal_false_accepts(a, a, 0.0)
    assert at_a.decision.threshold == default_thresholds()[-1] and at_a.threshold_from.startswith(
        "no threshold reaches"
    )


def test_equal_false_accepts_need_negatives():
    with pytest.raises(DataError, match="without the word"):
        at_equal_false_accepts(*models([0.9], [0.9]))


def test_other_trials_cannot_be_compared():
    a, b = models([0.9, 0.9], [0.9, 0.9])
    with pytest.raises(DataError, match="1 of 2 trials were heard by one model only, such as 't1'"):
        compare(a, dataclasses.replace(b, scored=b.scored[:1]), rng())
    with pytest.raises(DataError, match="share a name"):
        compare(a, dataclasses.replace(b, scored=[*b.scored, b.scored[0]]), rng())
    with pytest.raises(DataError, match="0 of 0"):
        compare(subject("A", []), subject("B", []), rng())
    longer = [heard("t0", 0.9), scored("t1", {9: 0.9}, n_steps=30)]
    with pytest.raises(DataError, match="'t1' is not the same audio"):
        compare(a, subject("B", longer), rng())
