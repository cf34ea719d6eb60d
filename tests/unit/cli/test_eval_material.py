"""What `kws eval --recipe` plays: the recordings of a recipe, as they are on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from kws.cli.eval_material import Sources
from kws.manifest import write_manifest
from tests.data_sets import clip

RECIPE = """
name = "tiny"

[data]
root = "."
manifest = "manifest.csv"
negatives = ["other"]
noise = ["noise"]

[data.keywords]
word = ["word"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(RECIPE)
    rows = []
    sides = ["train"] * 8 + ["val"]
    for index, (folder, split) in enumerate((folder, side) for folder in ("word", "other", "noise") for side in sides):
        name = f"{folder}/{index}.wav"
        clip(tmp_path / name, index, 3.0)
        rows.append({"path": name, "speaker": f"{folder}-{split}", "split": split})
        if folder == "word":
            # Said at the end of a sentence.
            rows[-1].update(kw_start_s="2.0", kw_end_s="2.5")
    write_manifest(tmp_path / "manifest.csv", rows)
    return tmp_path / "tiny.toml"


def test_a_word_in_a_sentence_is_played_in_its_sentence(recipe: Path) -> None:
    material = Sources(recipe, None).load("val", ("word",), lambda _: None)
    (recording,) = material.words["word"]
    assert recording.audio_s == pytest.approx(3.0)
    assert recording.word == (32_000, 40_000)
    assert recording.speaker == "word-val"
