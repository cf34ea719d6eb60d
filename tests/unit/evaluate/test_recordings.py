"""Recordings with and without a manifest."""

import numpy as np
import pytest

from kws.activity import active_region
from kws.audio import write_audio
from kws.errors import DataError
from kws.evaluate.recordings import describe, find_recordings, fingerprint, hours, read_folder, says_once

SECOND = np.full(16_000, 0.25, np.float32)


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.wav", "a/1.wav", "a/notes.txt"):
        path = tmp_path / "words" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".wav":
            write_audio(path, SECOND)
        else:
            path.write_text("not audio")
    return tmp_path / "words"


def write_manifest(folder, *lines):
    (folder.parent / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_without_a_manifest_a_subfolder_is_a_speaker(folder):
    found = read_folder(folder)
    assert [(r.name, r.speaker) for r in found] == [("words/a/1.wav", "a"), ("words/b/2.wav", "b")]
    assert found[0].audio_s == 1.0 and hours(found) == pytest.approx(2 / 3600)
    assert (found[0].word_s, found[0].attributes) == (None, {})


def test_manifest_says_speaker_attributes_and_times(folder):
    write_manifest(
        folder,
        "path,speaker,split,gender,device,licence,kw_start_s,kw_end_s",
        "words/a/1.wav,anna,val,female,phone,MIT,0.25,0.75",
        "words/b/2.wav,-,test,,,,,",
    )
    first, second = read_folder(folder)
    assert (first.name, first.speaker) == ("words/a/1.wav", "anna")
    assert first.attributes == {"gender": "female", "device": "phone"}
    assert first.word == (4_000, 12_000)
    # A dash is nobody, and without times the active region counts.
    assert (second.speaker, second.attributes, second.word) == ("", {}, active_region(second.samples))


def test_one_split_of_a_manifest(folder):
    with pytest.raises(DataError, match="no manifest.csv at or above it"):
        find_recordings(folder, "val")
    write_manifest(folder, "path,split", "words/a/1.wav,val", "words/b/2.wav,test")
    assert [path.name for path in find_recordings(folder, "test")] == ["2.wav"]
    with pytest.raises(DataError, match="no recordings of split 'other'"):
        read_folder(folder, "other")


def test_nothing_there(folder, tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read_folder(tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no recordings"):
        read_folder(tmp_path / "empty")


@pytest.mark.parametrize(("start", "end"), [("0.5", "0.4"), ("2.0", "3.0"), ("-1", "0.5")])
def test_word_must_lie_in_its_recording(start, end):
    with pytest.raises(DataError, match=r"x\.wav: its word is said to last"):
        describe("x.wav", SECOND, {"kw_start_s": start, "kw_end_s": end})


def test_times_must_be_numbers():
    with pytest.raises(DataError, match="kw_end_s 'soon'; accepted are seconds"):
        describe("x.wav", SECOND, {"kw_start_s": "0.1", "kw_end_s": "soon"})


@pytest.mark.parametrize(("mentions", "once"), [("go", True), ("go go", False), ("", True), (None, True)])
def test_words_that_are_said_several_times_are_told(mentions, once):
    assert says_once({"kw_mentions": mentions} if mentions is not None else {}) is once


def test_fingerprint_is_of_names_samples_and_order():
    a, b = describe("a", SECOND, {}), describe("b", SECOND, {})
    quieter = describe("a", SECOND - 1 / 32768, {})
    prints = [fingerprint(part) for part in ([a, b], [b, a], [a], [quieter, b], [a, b])]
    assert prints[0] == prints[4] and len(set(prints)) == 4
