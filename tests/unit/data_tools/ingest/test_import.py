"""Clips and their manifest: what is copied, linked, left out, and done only once."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_tools.ingest import Entry, ImportOptions, import_data
from data_tools.ingest.entries import speech_label
from kws.errors import AudioError, ConfigError, DataError
from kws.manifest import Manifest, add_rows
from tests.data_sets import clip


def entries_of(root: Path) -> list[Entry]:
    files = [clip(root / "a.wav", 1), clip(root / "b.wav", 2, 0.5, 44_100), clip(root / "b.flac", 3)]
    bad = root / "bad.wav"
    bad.write_bytes(b"RIFF nothing")
    return [Entry(path, f"word/{path.stem}", {"label": "word", "licence": "CC0"}) for path in [*files, bad]]


def test_copies_are_16_khz_with_their_measures(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    options = ImportOptions(columns={"speaker": "anna"}, jobs=2)
    found = import_data(entries_of(tmp_path / "in"), tmp_path / "out", options, lambda *p: told.append(p))
    rows = Manifest(tmp_path / "out" / "manifest.csv").rows
    assert [row["path"] for row in rows] == ["word/a.flac", "word/b.flac", "word/b_2.flac"]
    assert {(row["label"], row["speaker"], row["licence"], row["sample_rate"]) for row in rows} == {
        ("word", "anna", "CC0", "16000")
    }
    pcm, rate_hz = soundfile.read(tmp_path / "out" / "word/b.flac", dtype="int16")
    assert rate_hz == 16_000 and len(pcm) == 8000 and rows[1]["duration_s"] == "0.500"
    assert rows[1]["sha1"] == hashlib.sha1(pcm.tobytes()).hexdigest()
    assert [path.name for path, _ in found.failures] == ["bad.wav"] and "bad.wav" in found.failures[0][1]
    assert told[-1] == (4, 4)


def test_again_nothing_is_read_that_is_there(tmp_path: Path) -> None:
    entries = entries_of(tmp_path / "in")
    import_data(entries, tmp_path / "out")
    with (tmp_path / "out" / ".import.jsonl").open("a") as file:
        file.write('{"key": "cut o')
    (tmp_path / "out" / "word/a.flac").unlink()
    kept = (tmp_path / "out" / "word/b.flac").stat().st_mtime_ns
    add_rows(tmp_path / "out" / "manifest.csv", [{"path": "word/b.flac", "split": "val"}])
    found = import_data(entries, tmp_path / "out")
    assert (tmp_path / "out" / "word/a.flac").is_file()
    assert (tmp_path / "out" / "word/b.flac").stat().st_mtime_ns == kept
    assert found.n_known == 3
    # A side that was given since stays.
    assert Manifest(tmp_path / "out" / "manifest.csv").named("word/b.flac")["split"] == "val"
    # A file that changed is read again.
    clip(tmp_path / "in" / "b.wav", 4, 1.0)
    import_data(entries, tmp_path / "out")
    assert Manifest(tmp_path / "out" / "manifest.csv").named("word/b.flac")["duration_s"] == "1.000"


def test_links_name_files_in_place(tmp_path: Path) -> None:
    entries = entries_of(tmp_path / "in")
    import_data(entries, tmp_path, ImportOptions(links=True))
    row = Manifest(tmp_path / "manifest.csv").row(tmp_path / "in" / "b.wav")
    assert (row["sample_rate"], row["duration_s"]) == ("44100", "0.500")
    pcm = soundfile.read(tmp_path / "in" / "b.wav", dtype="int16")[0]
    assert row["sha1"] == hashlib.sha1(pcm.tobytes()).hexdigest()
    with pytest.raises(ConfigError, match="does not lie below"):
        import_data(entries, tmp_path / "out", ImportOptions(links=True))
    with pytest.raises(ConfigError, match="without --link"):
        import_data([Entry(entries[0].path, "x", {}, (0.0, 0.1))], tmp_path, ImportOptions(links=True))
    with pytest.raises(ConfigError, match="another folder, or --link"):
        import_data(entries, tmp_path / "in")


def test_a_stretch_is_cut_out(tmp_path: Path) -> None:
    path = clip(tmp_path / "long.wav", 1, 3.0)
    import_data([Entry(path, "cut", {}, (1.0, 1.5))], tmp_path / "out", ImportOptions(format="wav"))
    whole, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(soundfile.read(tmp_path / "out" / "cut.wav", dtype="int16")[0], whole[16_000:24_000])


def test_nothing_that_can_be_read_and_nowhere_to_write(tmp_path: Path) -> None:
    entries = entries_of(tmp_path / "in")
    with pytest.raises(DataError, match=r"none of 1 files can be read; the first: .*bad\.wav"):
        import_data(entries[-1:], tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.csv").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "word").write_text("a file, where a folder is needed")
    with pytest.raises((AudioError, OSError)):
        import_data(entries[:1], tmp_path / "full")


@pytest.mark.parametrize(
    ("transcript", "label"),
    [
        ("Hey Computer, stop!", "with-computer"),
        ("computers", "negative"),
        ("COMPUTER", "with-computer"),
        ("", "negative"),
    ],
)
def test_sentences_with_the_word(transcript: str, label: str) -> None:
    assert speech_label(transcript, "computer") == label
