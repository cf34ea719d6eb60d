"""Splits: whole speakers and recordings, the same for the same seed, nothing on two sides."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from data_tools.split import SplitOptions, read_rows, split_rows
from data_tools.tally import Cell, licences, tally
from kws.audio import write_audio
from kws.errors import ConfigError, DataError
from kws.manifest import write_manifest
from tests.data_sets import clip, sound

QUICK = SplitOptions(listens=False)


def spoken(n_speakers: int = 20, labels: tuple[str, ...] = ("yes", "no"), n_clips: int = 3) -> list[dict[str, str]]:
    return [
        {"path": f"{label}/{speaker}_{index}.wav", "label": label, "speaker": f"s{speaker}"}
        for speaker in range(n_speakers)
        for label in labels
        for index in range(n_clips)
    ]


def sides_of(rows, column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        found[row[column]].add(row["split"])
    return found


def test_speakers_stay_whole_and_labels_get_their_shares(tmp_path: Path) -> None:
    rows = split_rows(spoken(), tmp_path, QUICK).rows
    assert all(len(sides) == 1 for sides in sides_of(rows, "speaker").values())
    counts = tally(rows).cells
    # 15 % of 20 equal speakers are 3, of each label.
    assert [counts[label, side].n_clips for label in ("yes", "no") for side in ("train", "val", "test")] == [
        42,
        9,
        9,
    ] * 2


def test_a_rare_label_is_balanced_too(tmp_path: Path) -> None:
    # Of 40 speakers 10 say the rare word: a split that looks at all clips together may give val none of them.
    rows = spoken(40, ("often",), 4) + spoken(10, ("rare",), 1)
    for seed in range(5):
        cells = tally(split_rows(rows, tmp_path, SplitOptions(0.2, 0.2, seed, listens=False)).rows).cells
        assert [cells["rare", side].n_clips for side in ("train", "val", "test")] == [6, 2, 2]
        assert [cells["often", side].n_clips for side in ("train", "val", "test")] == [96, 32, 32]


def test_the_seed_decides(tmp_path: Path) -> None:
    first, again = (split_rows(spoken(), tmp_path, QUICK).rows for _ in range(2))
    other = split_rows(spoken(), tmp_path, SplitOptions(seed=2, listens=False)).rows
    assert first == again != other


def test_sides_that_are_there_stay(tmp_path: Path) -> None:
    rows = spoken()
    for row in rows:
        if row["speaker"] in ("s3", "s4"):
            row["split"] = "validation" if row["speaker"] == "s3" else "fold1"
    result = split_rows(rows, tmp_path, QUICK)
    sides = sides_of(result.rows, "speaker")
    assert sides["s3"] == {"val"} and sides["s4"] == {"fold1"}
    assert (result.n_kept, result.n_placed) == (12, 108)
    anew = split_rows(rows, tmp_path, SplitOptions(again=True, listens=False))
    assert (anew.n_kept, anew.n_placed) == (0, 120)
    assert {row["split"] for row in anew.rows} == {"train", "val", "test"}


def test_synthetic_clips_are_for_training(tmp_path: Path) -> None:
    voices = [
        {**row, "speaker": f"voice {row['speaker']}", "synthetic": "espeak", "path": f"tts/{row['path']}"}
        for row in spoken()
    ]
    rows = split_rows(spoken() + voices, tmp_path, QUICK).rows
    assert {row["split"] for row in rows if row.get("synthetic")} == {"train"}
    forced = split_rows(spoken() + voices, tmp_path, SplitOptions(judges_synthetic=True, listens=False)).rows
    assert {row["split"] for row in forced if row.get("synthetic")} == {"train", "val", "test"}


@pytest.mark.parametrize(
    ("shared", "message"),
    [({"speaker": "x"}, "speaker x"), ({"sha1": "abc"}, "sha1 abc"), ({"session": "tape"}, "session tape")],
)
def test_a_leak_is_refused_and_can_be_divided_anew(tmp_path: Path, shared: dict[str, str], message: str) -> None:
    leak = [
        {"path": f"leak{i}.wav", "label": "yes", "split": side, **shared} for i, side in enumerate(("train", "test"))
    ]
    with pytest.raises(DataError, match=f"1 speakers or recordings are on two sides already: {message} .test, train."):
        split_rows(spoken() + leak, tmp_path, QUICK)
    rows = split_rows(spoken() + leak, tmp_path, SplitOptions(again=True, listens=False)).rows
    assert len({row["split"] for row in rows if row["path"].startswith("leak")}) == 1


def test_copies_in_disguise_stay_together(tmp_path: Path) -> None:
    rows = []
    for index in range(12):
        clip(tmp_path / f"{index}.wav", index, 1.0)
        rows.append({"path": f"{index}.wav", "label": "yes", "split": ""})
    # The same recording, shifted and quieter.
    write_audio(tmp_path / "copy.wav", 0.4 * np.concatenate([np.zeros(800, np.float32), sound(3, 1.0)]))
    rows.append({"path": "copy.wav", "label": "yes", "split": ""})
    for seed in range(4):
        side = {row["path"]: row["split"] for row in split_rows(rows, tmp_path, SplitOptions(0.3, 0.3, seed)).rows}
        assert side["copy.wav"] == side["3.wav"]
    rows[3]["split"], rows[-1]["split"] = "train", "test"
    with pytest.raises(DataError, match=r"3\.wav is copy\.wav \(train, test\)"):
        split_rows(rows, tmp_path)


def test_too_few_to_divide(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing is left for test: there are 2 speakers"):
        split_rows(spoken(2), tmp_path, QUICK)
    assert {row["split"] for row in split_rows(spoken(3), tmp_path, QUICK).rows} == {"train", "val", "test"}
    result = split_rows(spoken(20) + spoken(1, ("lonely",)), tmp_path, QUICK)
    assert any("no clips in" in note and "lonely" in note for note in result.notes)
    with pytest.raises(ConfigError, match="less than 1"):
        SplitOptions(0.6, 0.4)


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    clip(tmp_path / "a.wav", 1)
    path = tmp_path / "manifest.csv"
    path.write_text("path,label\na.wav,yes\nb.wav,no\n")
    with pytest.raises(DataError, match=r"1 files are not there, such as b\.wav; --drop"):
        read_rows(tmp_path)
    assert read_rows(path, drops=True)[1:] == ([{"path": "a.wav", "label": "yes"}], 1)
    path.write_text("path,label\na.wav,yes\na.wav,no\n")
    with pytest.raises(DataError, match=r"1 files have more than one row, such as a\.wav"):
        read_rows(tmp_path)
    assert read_rows(path, drops=True)[1:] == ([{"path": "a.wav", "label": "yes"}], 1)
    write_manifest(path, [])
    with pytest.raises(DataError, match="has no rows"):
        read_rows(path)
    with pytest.raises(DataError, match="--link' makes one"):
        read_rows(tmp_path / "none")


def test_the_tally_counts_by_hand() -> None:
    rows = [
        {"label": "a", "split": "dev", "speaker": "x", "duration_s": "1800", "licence": "CC0", "source": "S"},
        {"label": "a", "split": "val", "speaker": "x", "duration_s": "nan", "licence": "CC0", "source": "S"},
        {"label": "b", "split": "", "speaker": "-"},
    ]
    counts = tally(rows)
    assert counts.sides == ("train", "val", "test", "") and counts.labels == ["a", "b"]
    assert counts.cells == {("a", "val"): Cell(2, 1, 0.5), ("b", ""): Cell(1, 0, 0.0)}
    assert licences(rows) == {("CC0", "S"): 2, ("", ""): 1}
