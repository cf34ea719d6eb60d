"""Voices shared out, recipes of the folds, and the table counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.unheard_voices import interval, is_below, of_voice, open_bench, parse, share_out, table
from kws.audio import to_float32, write_audio
from kws.errors import DataError
from kws.evaluate.evaluation import evaluate
from kws.evaluate.results import Trial
from kws.manifest import Manifest, write_manifest
from kws.train.recipe import load_recipe
from tests.tiny_model import bursts, write_tiny_model

RECIPE = """
name = "loud"
[data]
root = "audio"
manifest = "manifest.csv"
negatives = ["speech"]
[data.keywords]
loud = ["word"]
"""
SPLITS = {"ann": "train", "ben": "train", "cat": "val"}


def make_recipe(folder: Path) -> Path:
    rows = [{"path": "speech/0.flac", "speaker": "dan", "split": "train"}]
    for voice, split in SPLITS.items():
        first, second = (to_float32(bursts((1.0,), 3.0, seed=len(rows) + index)) for index in range(2))
        for index, samples in enumerate((first, second, second / 2)):
            path = folder / "audio" / "word" / f"{voice}{index}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, samples)
            rows.append({"path": f"word/{path.name}", "speaker": voice, "split": split})
    write_manifest(folder / "audio" / "manifest.csv", rows)
    (folder / "recipe.toml").write_text(RECIPE)
    return folder / "recipe.toml"


def test_voices_are_shared_out_evenly() -> None:
    sizes = {"a": 10, "b": 7, "c": 5, "d": 4, "e": 2}
    assert share_out(sizes, 2) == [["a", "d"], ["b", "c", "e"]]
    assert share_out(sizes, 5) == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_only_whole_folders_are_below() -> None:
    assert is_below("word/a/b.flac", ["word"])
    assert not is_below("words/a.flac", ["word"])


def test_a_fold_learns_from_all_other_voices(tmp_path: Path) -> None:
    bench = open_bench(parse(["--recipe", str(make_recipe(tmp_path)), "--out", str(tmp_path / "out"), "--folds", "3"]))
    assert sorted(voice for fold in bench.folds for voice in fold) == ["ann", "ben", "cat"]
    assert bench.copies == {f"word/{voice}2.flac" for voice in SPLITS}
    fold = bench.folds.index(["ben"])
    recipe = load_recipe(bench.prepare(fold, 8))
    assert recipe.seed == 8
    sides = {row["path"]: row["split"] for row in Manifest(Path(recipe.data.manifest or "")).rows}
    assert sides["speech/0.flac"] == "train"
    assert {sides[f"word/ben{index}.flac"] for index in range(3)} == {"val"}
    assert {sides[f"word/{voice}{index}.flac"] for voice in ("ann", "cat") for index in range(3)} == {"train"}


def test_too_few_voices(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="3 voices in word"):
        open_bench(parse(["--recipe", str(make_recipe(tmp_path)), "--out", str(tmp_path / "out"), "--folds", "4"]))


def test_a_voice_is_judged_beside_all_negatives(tmp_path: Path) -> None:
    quiet, said = to_float32(bursts((), 3.0)), to_float32(bursts((1.0,), 3.0))
    trials = [
        Trial("a", "clean", "loud", said, (1.3,), speaker="ann"),
        Trial("b", "clean", "loud", said, (1.3,), speaker="ben"),
        Trial("n", "negatives", "", quiet),
    ]
    heard = of_voice(evaluate(write_tiny_model(tmp_path / "tiny.onnx"), trials)[0], "ben")
    assert [s.trial.name for s in heard.scored] == ["b", "n"]


def test_the_table_counts_voices() -> None:
    def result(missed: int) -> dict:
        # Only the second budget is shown.
        return {"missed": {"clean": [9, missed, 0, 0]}, "words": {"clean": 10}, "hours": 1.0}

    runs = {"ben": [result(5), result(7)], "ann": [result(0), result(0)]}
    lines = list(table(runs))
    assert lines[2:4] == ["| ann | 10 | 0/20 = 0 % |", "| ben | 10 | 12/20 = 60 % |"]
    assert lines[4].startswith("| all 2, 95 % over voices | 20 | 30.0 % [")
    found = interval(runs, "clean")
    assert (found.estimate, found.n_clusters) == (0.3, 2)
    assert found.low < 0.3 < found.high
