"""A detector as a classifier: peaks through the live chain, classes, the level of silence."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.evaluate.classification import (
    NONE,
    SILENCE,
    LabelledClip,
    choose_silence_level,
    class_of,
    classes_of,
    classify,
    peak_scores,
)
from kws.runtime import Scorer, open_runner
from kws.spec import UNKNOWN
from tests.tiny_model import tiny_spec, write_tiny_model

OUTPUTS = ("yes", "no", UNKNOWN)


def test_classes_of_models_with_and_without_other_words() -> None:
    assert classes_of(OUTPUTS) == ("yes", "no", UNKNOWN, SILENCE)
    assert classes_of(("yes", "no")) == ("yes", "no", NONE)


def test_labels_become_classes() -> None:
    assert class_of("yes", classes_of(OUTPUTS)) == "yes"
    assert class_of(SILENCE, classes_of(OUTPUTS)) == SILENCE
    assert class_of(UNKNOWN, classes_of(("yes", "no"))) == NONE
    with pytest.raises(ConfigError, match="class is 'maybe'; accepted are those that the model tells: yes, no"):
        class_of("maybe", classes_of(OUTPUTS))


def test_the_highest_peak_is_told_and_nothing_below_the_level() -> None:
    peaks = np.array([[0.9, 0.2, 0.1], [0.2, 0.6, 0.7], [0.3, 0.29, 0.1], [0.5, 0.4, 0.1]], np.float32)
    assert classify(peaks, OUTPUTS, 0.5) == ["yes", UNKNOWN, SILENCE, "yes"]
    assert classify(peaks[:, :2], ("yes", "no"), 0.65) == ["yes", NONE, NONE, NONE]
    assert classify(peaks, OUTPUTS, 0.0) == ["yes", UNKNOWN, "yes", "yes"]
    with pytest.raises(ConfigError, match="silence_below is 1.5"):
        classify(peaks, OUTPUTS, 1.5)


def brute_force_right(peaks: np.ndarray, labels: list[str], level: float) -> int:
    return sum(told == said for told, said in zip(classify(peaks, OUTPUTS, level), labels, strict=True))


def test_the_level_of_silence_makes_the_most_clips_right() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels = [str(label) for label in rng.choice([*OUTPUTS, SILENCE], 40)]
        peaks = rng.random((40, 3)).astype(np.float32) * 0.6
        for row, label in zip(peaks, labels, strict=True):
            if label in OUTPUTS:
                row[OUTPUTS.index(label)] += 0.3 * rng.random()
        level = choose_silence_level(peaks, labels, OUTPUTS)
        best = max(brute_force_right(peaks, labels, float(x)) for x in np.linspace(0, 1, 2001))
        assert brute_force_right(peaks, labels, level) == best


def test_the_level_lies_in_the_middle_between_silence_and_speech() -> None:
    # Logits -2 and 4: the middle is logit 1.
    low, high = 1 / (1 + np.exp(2.0)), 1 / (1 + np.exp(-4.0))
    peaks = np.array([[low, 0.0, 0.0], [high, 0.0, 0.0]], np.float32)
    assert choose_silence_level(peaks, [SILENCE, "yes"], OUTPUTS) == pytest.approx(1 / (1 + np.exp(-1.0)), abs=1e-4)


def test_without_silent_clips_nothing_is_silence() -> None:
    peaks = np.array([[0.1, 0.2, 0.3]], np.float32)
    assert choose_silence_level(peaks, ["yes"], OUTPUTS) == 0.0


def spoken(name: str, length: int, start: int, rng: np.random.Generator) -> LabelledClip:
    samples = np.zeros(length, np.int16)
    samples[start : start + 3000] = rng.normal(0, 3000, min(3000, length - start))
    return LabelledClip(name, "loud", samples)


@pytest.fixture
def runner(tmp_path: Path):  # noqa: ANN201
    names = ("loud", "louder")
    spec = dataclasses.replace(tiny_spec(), keywords=names, decision=dict.fromkeys(names, DecisionConfig()))
    return open_runner(write_tiny_model(tmp_path / "tiny.onnx", spec))


def test_peaks_are_those_of_the_live_chain(runner) -> None:  # noqa: ANN001
    rng = np.random.default_rng(1)
    # More than one batch, of many lengths; a word that ends with its clip peaks in the silence after it.
    clips = [spoken(str(i), 8000 + 97 * i, 5000 + 97 * i, rng) for i in range(40)]
    seen: list[int] = []
    peaks = peak_scores(runner, clips, seen.append)
    assert sum(seen) == 40 and peaks.shape == (40, 2)
    for index in (0, 17, 39):
        padded = np.concatenate([clips[index].samples, np.zeros(8000, np.int16)])
        whole = np.zeros(-(-len(padded) // 640) * 640, np.int16)
        whole[: len(padded)] = padded
        scorer = Scorer(runner)
        scorer.reset()
        scores = np.concatenate([*scorer.process(whole), scorer.flush()], axis=1)[0]
        np.testing.assert_allclose(peaks[index], scores.max(axis=0), atol=1e-6)


def test_a_clip_is_not_judged_by_what_another_one_needs(runner) -> None:  # noqa: ANN001
    rng = np.random.default_rng(2)
    short, long = spoken("short", 4000, 1000, rng), spoken("long", 48_000, 40_000, rng)
    alone = peak_scores(runner, [short])
    np.testing.assert_allclose(peak_scores(runner, [long, short])[1], alone[0], atol=1e-6)
