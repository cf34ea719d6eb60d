"""Layouts: what each is recognised by, and what it says of its clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_tools.ingest import KINDS, Entry, Wanted, detect_kind
from data_tools.ingest.kinds.audacity import read_labels
from kws.errors import DataError
from kws.manifest import write_manifest
from kws.train.official_split import OfficialSplit
from tests import data_sets

MAKERS = {
    "speech-commands": data_sets.speech_commands,
    "precise": data_sets.precise,
    "common-voice": data_sets.common_voice,
    "librispeech": data_sets.librispeech,
    "audacity": data_sets.audacity,
}


def listed(kind: str, root: Path, word: str = "") -> dict[str, Entry]:
    source = MAKERS[kind](root)
    assert detect_kind(source) == kind
    entries = KINDS[kind].entries(source, Wanted(word, OfficialSplit().side))
    assert len({entry.name for entry in entries}) == len(entries)
    return {entry.name: entry for entry in entries}


def columns(entry: Entry, *names: str) -> tuple[str, ...]:
    return tuple(entry.columns.get(name, "") for name in names)


def test_speech_commands_by_its_lists(tmp_path: Path) -> None:
    found = listed("speech-commands", tmp_path)
    assert {name: columns(entry, "label", "speaker", "split") for name, entry in found.items()} == {
        "yes/aa11_nohash_0": ("yes", "sc_aa11", "train"),
        "yes/bb22_nohash_0": ("yes", "sc_bb22", "val"),
        "no/cc33_nohash_1": ("no", "sc_cc33", "test"),
        "_background_noise_/hum": ("noise", "", ""),
    }
    assert columns(found["yes/aa11_nohash_0"], "licence", "lang") == ("CC BY 4.0", "en")


def test_precise_names_the_word(tmp_path: Path) -> None:
    found = listed("precise", tmp_path, "athena")
    assert {name: columns(entry, "label", "split") for name, entry in found.items()} == {
        "wake-word/a": ("athena", "train"),
        "not-wake-word/deep/b": ("negative", "train"),
        "test/wake-word/c": ("athena", "test"),
        "test/not-wake-word/d": ("negative", "test"),
    }


def test_common_voice_keeps_a_speaker_on_one_side_and_finds_the_word(tmp_path: Path) -> None:
    found = listed("common-voice", tmp_path, "computer")
    sides = {name: columns(entry, "label", "split") for name, entry in found.items()}
    assert sides == {
        "with-computer/one": ("with-computer", "train"),
        "negative/gone": ("negative", "train"),
        "negative/two": ("negative", "test"),
        # Only validated, by a speaker of the test; and another word than the keyword.
        "negative/more": ("negative", "test"),
        # Said alone: its sentence is its label.
        "seven/word": ("seven", "train"),
    }
    one = found["with-computer/one"]
    assert columns(one, "speaker", "gender", "age", "lang", "licence", "source", "transcript") == (
        "cv_" + "a" * 20,
        "female",
        "twenties",
        "en",
        "CC0-1.0",
        "Common Voice 9.0",
        'A "computer" hums.',
    )


def test_librispeech_by_subset(tmp_path: Path) -> None:
    found = listed("librispeech", tmp_path)
    first, second = (found[f"negative/{name}"] for name in ("train-clean-100/84-12-0000", "dev-other/7-12-0000"))
    assert columns(first, "speaker", "split", "gender", "session") == ("ls_84", "train", "female", "84-12")
    assert columns(second, "speaker", "split", "gender") == ("ls_7", "val", "male")
    assert first.columns["transcript"] == "THE COMPUTER'S FAULT"
    assert first.columns["source"] == "LibriSpeech train-clean-100"


def test_audacity_cuts_at_its_labels(tmp_path: Path) -> None:
    found = listed("audacity", tmp_path)
    assert {name: entry.stretch_s for name, entry in found.items()} == {
        "hey-computer/evening_00001500": (1.5, 2.25),
        "noise/evening_00008000": (8.0, 9.5),
    }
    assert columns(found["noise/evening_00008000"], "label", "session") == ("noise", "evening")
    alone = KINDS["audacity"].entries(tmp_path / "evening.wav", Wanted())
    assert [entry.stretch_s for entry in alone] == [(1.5, 2.25), (8.0, 9.5)]


@pytest.mark.parametrize(("line", "message"), [("1\tx\ta", "START, END and LABEL"), ("2\t2\tpoint", "over a stretch")])
def test_labels_that_are_none(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "a.txt").write_text(f"0\t1\tword\n{line}\n")
    with pytest.raises(DataError, match=f"line 2 .*{message}"):
        read_labels(tmp_path / "a.txt")


def test_folders_tell_side_word_and_speaker_and_a_manifest_tells_more(tmp_path: Path) -> None:
    for index, name in enumerate(("train/word/anna/1.wav", "dev/noise/car/2.wav", "word/3.wav", "4.wav")):
        data_sets.clip(tmp_path / "set" / name, index)
    assert detect_kind(tmp_path / "set") == "folders"

    def told() -> dict[str, tuple[str, ...]]:
        entries = KINDS["folders"].entries(tmp_path / "set", Wanted())
        return {entry.name: columns(entry, "label", "speaker", "split", "licence") for entry in entries}

    assert told() == {
        "train/word/anna/1": ("word", "anna", "train", ""),
        "dev/noise/car/2": ("noise", "", "val", ""),
        "word/3": ("word", "", "", ""),
        "4": ("set", "", "", ""),
    }
    row = {"path": "word/3.wav", "speaker": "ben", "split": "dev", "licence": "CC0", "sha1": "old"}
    write_manifest(tmp_path / "set" / "manifest.csv", [row])
    assert told()["word/3"] == ("word", "ben", "val", "CC0")
    assert told()["4"] == ("set", "", "", "")


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        detect_kind(tmp_path / "none")
    with pytest.raises(DataError, match="accepted are speech-commands, precise"):
        detect_kind(tmp_path)
    for name, kind in KINDS.items():
        with pytest.raises(DataError, match=str(tmp_path)):
            kind.entries(tmp_path, Wanted())
        assert not kind.matches(tmp_path), name
