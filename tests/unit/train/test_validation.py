"""Validation: thresholds and figures from known scores; streams with known words."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from kws.config import DecisionConfig
from kws.spec import ModelSpec
from kws.train.clip import Clip
from kws.train.corpus import Split
from kws.train.validation import Validator
from kws.train.validation_streams import NEGATIVES, ValidationStream, validation_streams

SPEC = ModelSpec("m", ("word",), step_frames=4, decision={"word": DecisionConfig()})


class LoudnessNetwork(nn.Module):
    """Fires where the features are loud: a stand-in whose scores are known."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))

    def forward(self, inputs: Tensor, state: None = None) -> tuple[Tensor, list[Tensor]]:
        steps = inputs.shape[1] // 4
        loudness = inputs[:, : steps * 4].reshape(inputs.shape[0], steps, 4, -1).mean(dim=(2, 3))
        return self.scale * (loudness - 8.0).unsqueeze(2), []


def stream(condition: str, bursts: list[tuple[float, float]], words_s: tuple[float, ...]) -> ValidationStream:
    samples = np.full(16_000 * 10, 0.0, np.float32)
    rng = np.random.default_rng(0)
    for at_s, level in bursts:
        start = round(at_s * 16_000)
        samples[start : start + 3200] = level * rng.standard_normal(3200)
    return ValidationStream(condition, samples, {"word": words_s} if words_s else {})


def test_loud_words_are_found_and_the_threshold_keeps_negatives_out() -> None:
    streams = [
        stream("clean", [(2.0, 0.2), (5.0, 0.2)], (2.2, 5.2)),
        stream(NEGATIVES, [(3.0, 0.01), (6.0, 0.01)], ()),
    ]
    outcome = Validator(streams, SPEC, 1.0).judge(LoudnessNetwork())
    assert outcome.misses["clean"].n_misses == 0 and outcome.misses["clean"].n_words == 2
    assert outcome.negatives.n_false_accepts == 0
    assert outcome.negatives.hours == pytest.approx(10 / 3600, rel=0.01)
    # The plateau's middle is clear of the negatives' scores and of the words' scores.
    score = outcome.thresholds["word"]
    assert 0.05 < score < 0.999
    assert outcome.apply(SPEC).decision_of("word").threshold == score


def test_words_quieter_than_the_negatives_are_missed() -> None:
    streams = [stream("clean", [(2.0, 0.005)], (2.2,)), stream(NEGATIVES, [(3.0, 0.2)], ())]
    outcome = Validator(streams, SPEC, 1.0).judge(LoudnessNetwork())
    assert outcome.misses["clean"].n_misses == 1
    # Missed at no false accept and at the margin above it; heard where one, two or four are allowed.
    assert outcome.cost == pytest.approx(2 / 5)


def clip(seed: int, seconds: float, level: float = 0.2) -> Clip:
    rng = np.random.default_rng(seed)
    quiet = 0.0005 * rng.standard_normal(8000)
    sound = np.concatenate([quiet, level * rng.standard_normal(round(seconds * 16_000)), quiet])
    return Clip(f"{seed}.wav", "", np.rint(sound * 32768).astype(np.int16))


def test_streams_know_where_their_words_end(tmp_path: Path) -> None:
    split = Split({"word": [clip(i, 0.5) for i in range(4)]}, [clip(9, 4.0)], [clip(10, 2.0, 0.05)])
    streams = validation_streams(split, np.random.default_rng(0))
    assert {s.condition for s in streams} == {"clean", "noise", "speech", NEGATIVES}
    clean = next(s for s in streams if s.condition == "clean")
    # A second, then the clip: half a second of quiet and half a second of sound.
    np.testing.assert_allclose(clean.word_ends_s["word"], [2.0 + 2.5 * i for i in range(4)], atol=0.06)
    assert all(np.abs(s.samples).max() <= 1.0 for s in streams)
    again = validation_streams(split, np.random.default_rng(0))
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(streams, again, strict=True))


def test_what_is_overheard_is_negative_and_under_no_word() -> None:
    split = Split({"word": [clip(i, 0.5) for i in range(4)]}, [clip(9, 4.0)], [clip(10, 2.0, 0.05)])
    more = dataclasses.replace(split, overheard=[clip(11, 9.0)])
    plain, longer = (validation_streams(s, np.random.default_rng(0)) for s in (split, more))
    hours = [sum(s.audio_s for s in streams if s.condition == NEGATIVES) for streams in (plain, longer)]
    assert hours[1] - hours[0] == pytest.approx(10.0)
    words = [[s.samples for s in streams if s.condition != NEGATIVES] for streams in (plain, longer)]
    assert all(map(np.array_equal, *words))
