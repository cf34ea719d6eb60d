"""Streams of single words, and what a detector makes of them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kws.config import DecisionConfig
from kws.errors import ConfigError
from kws.evaluate.classification import LabelledClip
from kws.evaluate.word_streams import WordStream, count_words, word_streams
from kws.runtime import Detector
from tests.tiny_model import tiny_spec, write_tiny_model


def clip(label: str, number: int, level: float = 3000.0) -> LabelledClip:
    rng = np.random.default_rng(number)
    samples = np.zeros(16_000, np.int16)
    samples[4000:12_000] = rng.normal(0, level, 8000)
    return LabelledClip(f"{label}-{number}", label, samples)


def ends_in_order(streams: list[WordStream]) -> list[tuple[int, float, str]]:
    return sorted((i, end, label) for i, s in enumerate(streams) for label, e in s.word_ends_s.items() for end in e)


def test_every_clip_is_there_once() -> None:
    clips = [clip(label, i) for label in ("a", "b", "c") for i in range(20)]
    streams = word_streams(clips, np.random.default_rng(0), stream_s=30.0)
    assert [stream.audio_s for stream in streams] == [30.0] * 4
    labels = [label for *_, label in ends_in_order(streams)]
    assert sorted(labels) == ["a"] * 20 + ["b"] * 20 + ["c"] * 20
    assert labels != sorted(labels)


def test_ends_are_those_of_the_sound_after_a_second_of_a_quiet_room() -> None:
    (stream,) = word_streams([clip("a", 1), clip("b", 2)], np.random.default_rng(0))
    assert [end for _, end, _ in ends_in_order([stream])] == pytest.approx([1.75, 3.75], abs=0.03)
    assert 0 < np.abs(stream.samples[:16_000]).max() < 1e-3
    assert np.abs(stream.samples[16_000:32_000]).max() > 0.1


def test_the_order_comes_from_the_generator() -> None:
    clips = [clip(label, i) for label in ("a", "b") for i in range(6)]
    first, again, other = (word_streams(clips, np.random.default_rng(seed))[0].samples for seed in (1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_wrong_length() -> None:
    with pytest.raises(ConfigError, match="stream_s is 0"):
        word_streams([clip("a", 1)], np.random.default_rng(0), 0.0)


def test_hits_misses_and_false_accepts_by_hand(tmp_path: Path) -> None:
    # "loud" fires on every loud clip and nothing else; "never" has a rule that nothing fulfils.
    names = ("loud", "never")
    rules = {"loud": DecisionConfig(threshold=0.5, refractory_s=0.5), "never": DecisionConfig(1.0, patience_steps=1000)}
    spec = dataclasses.replace(tiny_spec(), keywords=names, decision=rules)
    detector = Detector.open(write_tiny_model(tmp_path / "tiny.onnx", spec))
    clips = [clip("loud", i) for i in range(5)]
    clips += [clip("loud", i + 10, level=2.0) for i in range(2)]  # too quiet: missed
    clips += [clip("other", i) for i in range(3)]  # loud as well: false accepts
    clips += [clip("never", i, level=2.0) for i in range(4)]
    heard: list[float] = []
    streams = word_streams(clips, np.random.default_rng(3), stream_s=10.0)
    counts = count_words(detector, streams, heard.append)
    loud, never = counts["loud"], counts["never"]
    assert (loud.n_hits, loud.n_misses, loud.n_false_accepts) == (5, 2, 3)
    assert (never.n_hits, never.n_misses, never.n_false_accepts) == (0, 4, 0)
    assert loud.audio_s == pytest.approx(sum(stream.audio_s for stream in streams)) == pytest.approx(sum(heard))
