"""Copies of a recording: one clip of each is kept, on whichever side the others are."""

from __future__ import annotations

from pathlib import Path

import pytest

from kws.audio import to_float32, to_pcm16, write_audio
from kws.cli.copies import without_copies
from kws.errors import DataError
from kws.train.clip import Clip
from kws.train.corpus import Corpus, Split
from tests.tiny_model import bursts

ONCE, OTHER, THIRD = (to_float32(bursts((0.5, 1.3), 2.0, seed=seed)) for seed in (1, 2, 3))


def make_corpus(folder: Path, training: dict, validation: dict) -> Corpus:
    sides = []
    for clips in (training, validation):
        for name, samples in clips.items():
            write_audio(folder / name, samples)
        sides.append(Split({"loud": [Clip(name, "", to_pcm16(samples)) for name, samples in clips.items()]}, [], []))
    return Corpus(*sides, [])


def kept(split: Split) -> list[str]:
    return [clip.path for clip in split.keywords["loud"]]


def test_copies_are_left_out_on_both_sides(tmp_path: Path) -> None:
    training = {"z.wav": ONCE, "b.wav": OTHER, "c.wav": 0.5 * OTHER}
    validation = {"a.wav": 0.7 * ONCE, "d.wav": THIRD, "e.wav": 0.8 * THIRD, "f.wav": 0.6 * THIRD}
    said: list[str] = []
    corpus = without_copies(make_corpus(tmp_path, training, validation), tmp_path, said.append)
    assert kept(corpus.train) == ["z.wav", "b.wav"]
    assert kept(corpus.validation) == ["d.wav"]
    (line,) = said
    assert line.startswith("4 of 7 clips of 'loud' are left out: they are copies of 3 recordings that are kept")


def test_nothing_is_said_where_there_are_none(tmp_path: Path) -> None:
    said: list[str] = []
    corpus = make_corpus(tmp_path, {"a.wav": ONCE}, {"b.wav": OTHER})
    same = without_copies(corpus, tmp_path, said.append)
    assert (kept(same.train), kept(same.validation), said) == (["a.wav"], ["b.wav"], [])


def test_a_validation_side_of_copies_alone_is_none(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, {"a.wav": ONCE, "b.wav": OTHER}, {"c.wav": 0.5 * ONCE, "d.wav": 0.5 * OTHER})
    with pytest.raises(DataError, match="all 2 validation clips of 'loud' are copies of training clips"):
        without_copies(corpus, tmp_path, lambda _: None)
