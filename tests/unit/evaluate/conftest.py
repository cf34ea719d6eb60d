"""Trials with scores by hand, for one model that hears 'word'."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.evaluate.results import ScoredTrial, Trial
from kws.evaluate.subject import Subject

STEP_S = 0.1
WORD_S = 3.0
RULE = DecisionConfig(threshold=0.5, refractory_s=0.0)


def make_scored(name: str, peaks: dict[float, float], audio_s: float = 5.0, **fields) -> ScoredTrial:
    """Return a trial that scores `peaks` (seconds: score) and 0 elsewhere; by default with a word that ends at 3 s."""
    scores = np.zeros(round(audio_s / STEP_S), np.float32)
    for time_s, score in peaks.items():
        scores[round(time_s / STEP_S) - 1] = score
    fields = {"condition": "clean", "keyword": "word", "word_ends_s": (WORD_S,), "sources": (f"{name}.wav",), **fields}
    noise = np.random.default_rng(len(name)).normal(0.0, 0.05, round(audio_s * 16_000)).astype(np.float32)
    return ScoredTrial(Trial(name, samples=noise, **fields), scores)


def make_negative(name: str, peaks: dict[float, float], audio_s: float = 60.0, **fields) -> ScoredTrial:
    """Return a trial without a word."""
    return make_scored(name, peaks, audio_s, **{"condition": "negatives", "keyword": "", "word_ends_s": (), **fields})


def make_subject(items: list[ScoredTrial], name: str = "model.onnx") -> Subject:
    """Return a subject at a threshold of 0.5."""
    return Subject(name, "word", items, RULE, STEP_S)


@pytest.fixture(scope="session")
def scored() -> Callable[..., ScoredTrial]:
    return make_scored


@pytest.fixture(scope="session")
def negative() -> Callable[..., ScoredTrial]:
    return make_negative


@pytest.fixture(scope="session")
def subject() -> Callable[..., Subject]:
    return make_subject
