import csv

import numpy as np
import pytest

from data_tools.record import Store
from data_tools.record.store import last_speaker
from kws.audio import read_audio, to_pcm16, write_audio
from kws.errors import AudioError, DataError
from kws.manifest import Manifest, add_rows
from tests.unit.data_tools.record.sounds import word


def rows(folder):
    return {row["path"]: row for row in csv.DictReader((folder / "manifest.csv").open(encoding="utf-8"))}


def store(folder, **how):
    return Store(folder, "computer", "computer", **how)


def test_takes_are_numbered_and_described(tmp_path):
    first = store(tmp_path / "new" / "folder")
    path = first.add(word(), word()[None], {"speaker": "anna", "snr_db": "40.0"})
    assert path == tmp_path / "new" / "folder" / "computer" / "computer-0001.flac"
    np.testing.assert_array_equal(to_pcm16(read_audio(path)), to_pcm16(word()))
    (row,) = rows(first.folder).values()
    assert (row["path"], row["label"], row["speaker"]) == ("computer/computer-0001.flac", "computer", "anna")
    assert (row["sample_rate"], row["duration_s"], row["snr_db"]) == ("16000", "0.500", "40.0")
    assert float(row["level_dbfs"]) == pytest.approx(-13.5, abs=0.5)
    # The next session goes on, and cannot undo what it has not recorded.
    second = store(first.folder)
    assert second.count == 1 and second.last is None and second.undo() is None
    assert second.add(word(), word()[None], {}).name == "computer-0002.flac"
    assert sorted(rows(first.folder)) == ["computer/computer-0001.flac", "computer/computer-0002.flac"]


def test_channels_are_kept_where_they_differ(tmp_path):
    kept = store(tmp_path)
    kept.add(word(), np.stack([word(), word()]), {})
    kept.add(word(), np.stack([word(), 0.5 * word()]), {})
    assert not (tmp_path / "original/computer/computer-0001.flac").exists()
    assert rows(tmp_path)["computer/computer-0002.flac"]["original"] == "original/computer/computer-0002.flac"
    original = read_audio(tmp_path / "original/computer/computer-0002.flac", mono=False)
    np.testing.assert_allclose(original, np.stack([word(), 0.5 * word()]), atol=1 / 32768)


def test_undo_and_redo(tmp_path):
    kept = store(tmp_path)
    kept.add(word(), np.stack([word(), 0.5 * word()]), {"speaker": "anna"})
    kept.add(word(), np.stack([word(), 0.5 * word()]), {"speaker": "anna"})
    assert kept.undo().name == "computer-0002.flac" and kept.count == 1
    assert list(rows(tmp_path)) == ["computer/computer-0001.flac"]
    assert sorted(path.name for path in tmp_path.rglob("*.flac")) == ["computer-0001.flac"] * 2
    again = kept.add(word(0.7), word(0.7)[None], {"speaker": "ben"}, replaces=True)
    assert again.name == "computer-0001.flac" and kept.count == 1
    assert rows(tmp_path)["computer/computer-0001.flac"]["speaker"] == "ben"
    assert len(read_audio(again)) == len(word(0.7))
    # All channels of the old one went with it.
    assert [path.name for path in tmp_path.rglob("*.flac")] == ["computer-0001.flac"]


def test_a_file_without_a_row_is_found_again_and_never_overwritten(tmp_path):
    store(tmp_path).add(word(), word()[None], {})
    write_audio(tmp_path / "computer/computer-0007.flac", word(0.3))
    again = store(tmp_path)
    assert again.count == 2 and rows(tmp_path)["computer/computer-0007.flac"]["duration_s"] == "0.300"
    # Meanwhile somebody else records into it.
    write_audio(tmp_path / "computer/computer-0008.flac", word(0.3))
    assert again.add(word(), word()[None], {}).name == "computer-0009.flac"


def test_rows_of_others_are_kept(tmp_path):
    add_rows(
        tmp_path / "manifest.csv", [{"path": "stop/stop-0001.flac", "label": "stop", "speaker": "ben", "mood": "glad"}]
    )
    kept = store(tmp_path)
    assert kept.count == 0
    kept.add(word(), word()[None], {})
    kept.undo()
    assert Manifest(tmp_path / "manifest.csv").named("stop/stop-0001.flac")["mood"] == "glad"


def test_many_rows_are_written_at_a_time(tmp_path):
    kept = store(tmp_path, is_bulk=True)
    for _ in range(33):
        kept.add(word(0.1), word(0.1)[None], {})
    assert len(rows(tmp_path)) == 32
    kept.flush()
    assert len(rows(tmp_path)) == 33


def test_two_words_do_not_share_a_folder(tmp_path):
    Store(tmp_path, "a-b", "a/b").add(word(), word()[None], {})
    with pytest.raises(DataError, match=r"a-b: holds 'a/b'; accepted for 'a b' is another DIR"):
        Store(tmp_path, "a-b", "a b")


def test_what_cannot_be_written_leaves_nothing_half(tmp_path, monkeypatch):
    kept = store(tmp_path)
    kept.add(word(), word()[None], {})

    def full(*_):
        raise DataError("manifest.csv: cannot be written (No space left on device)")

    with monkeypatch.context() as patch:
        patch.setattr("data_tools.record.store.add_rows", full)
        with pytest.raises(DataError, match="No space left"):
            kept.add(word(), word()[None], {})
        patch.setattr("data_tools.record.store.write_audio", lambda *_: (_ for _ in ()).throw(AudioError("full")))
        with pytest.raises(AudioError):
            kept.add(word(), word()[None], {})
    assert kept.count == 1 and sorted(p.name for p in tmp_path.rglob("*.*")) == ["computer-0001.flac", "manifest.csv"]
    # And it can be tried again.
    assert kept.add(word(), word()[None], {}).name == "computer-0002.flac"
    assert list(rows(tmp_path)) == ["computer/computer-0001.flac", "computer/computer-0002.flac"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        store(tmp_path / "file")


def test_the_last_speaker_is_remembered(tmp_path):
    assert last_speaker(tmp_path) == ""
    kept = store(tmp_path)
    kept.add(word(), word()[None], {"speaker": "anna", "recorded": "2026-01-02T10:00:00+0000"})
    kept.add(word(), word()[None], {"speaker": "ben", "recorded": "2026-01-01T10:00:00+0000"})
    assert last_speaker(tmp_path) == "anna"


def test_folders_that_stayed_empty_are_taken_away_again(tmp_path):
    (tmp_path / "there").mkdir()
    store(tmp_path / "there" / "new").leave()
    assert list((tmp_path / "there").iterdir()) == []
    # What was there before stays, empty as it is.
    store(tmp_path / "there").leave()
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]
    kept = store(tmp_path / "there")
    kept.add(word(), word()[None], {})
    kept.leave()
    assert list(rows(tmp_path / "there")) == ["computer/computer-0001.flac"]
