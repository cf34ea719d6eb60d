"""Rows of recordings: read from anywhere, written whole."""

import pytest

from kws.errors import DataError
from kws.manifest import Manifest, NearestManifests, add_rows, inherited, speaker_of, split_of, write_manifest


def test_what_is_written_is_read_back_in_order(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [{"path": "b/1.wav", "speaker": "bo", "mood": "glad"}, {"path": "a.wav", "label": 'x, "y"'}])
    header, first, second = path.read_text(encoding="utf-8").splitlines()
    assert header == "path,label,speaker,split,format,mood"
    assert (first, second) == ('a.wav,"x, ""y""",,,1,', "b/1.wav,,bo,,1,glad")
    rows = Manifest(path).rows
    assert [row["path"] for row in rows] == ["a.wav", "b/1.wav"]
    assert rows[0]["label"] == 'x, "y"' and rows[1]["mood"] == "glad"


def test_a_row_takes_the_place_of_the_one_of_its_path(tmp_path):
    path = tmp_path / "manifest.csv"
    add_rows(path, [{"path": "a.wav", "speaker": "anna"}, {"path": "b.wav"}])
    add_rows(path, [{"path": "a.wav", "speaker": "bo"}, {"path": "c.wav"}])
    rows = Manifest(path).rows
    assert [(row["path"], row["speaker"]) for row in rows] == [("a.wav", "bo"), ("b.wav", ""), ("c.wav", "")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"speaker": "anna"}], "a row has path ''"),
        ([{"path": "/etc/a.wav"}], "a row has path '/etc/a.wav'"),
        ([{"path": "x/../../a.wav"}], r"a row has path 'x/\.\./\.\./a.wav'"),
        ([{"path": "a.wav"}, {"path": "a.wav"}], "a.wav has 2 rows"),
    ],
)
def test_rows_that_cannot_be_and_the_file_that_stays(tmp_path, rows, message):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [{"path": "old.wav"}])
    with pytest.raises(DataError, match=message):
        write_manifest(path, rows)
    assert [row["path"] for row in Manifest(path).rows] == ["old.wav"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name,speaker\nx,y\n", "has no column path; it has name, speaker"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"path,format\nx,2\n", "of format '2'; accepted is up to 1"),
    ],
)
def test_files_that_are_none(tmp_path, content, message):
    path = tmp_path / "manifest.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        Manifest(path)


def test_short_rows_long_rows_and_a_mark_of_windows(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"\xef\xbb\xbfpath,speaker\na.wav\nb.wav,bo,more\n")
    assert Manifest(path).rows == [{"path": "a.wav", "speaker": ""}, {"path": "b.wav", "speaker": "bo"}]


def test_the_nearest_one_above_is_found_and_knows_its_files(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    write_manifest(tmp_path / "manifest.csv", [{"path": "a/b/1.wav", "speaker": "anna"}])
    found = Manifest.above(tmp_path / "a" / "b")
    assert found.row(tmp_path / "a" / "b" / "1.wav")["speaker"] == "anna"
    assert found.row(tmp_path / "a" / "1.wav") == {}
    assert found.row(tmp_path.parent / "1.wav") == {}
    write_manifest(tmp_path / "a" / "manifest.csv", [{"path": "b/1.wav", "speaker": "bo"}])
    assert Manifest.above(tmp_path / "a" / "b").row(tmp_path / "a" / "b" / "1.wav")["speaker"] == "bo"


def test_speakers_of_a_folder_are_counted(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(
        path,
        [
            {"path": f"{folder}/{i}.wav", "speaker": name}
            for folder, i, name in [("a", 1, "x"), ("a", 2, "y"), ("b", 1, "x")]
        ],
    )
    manifest = Manifest(path)
    assert [manifest.n_speakers(name) for name in ("a/1.wav", "b/9.wav", "c/1.wav")] == [2, 1, 0]


def test_words_for_sides_and_speakers():
    words = ("train", "Training", "dev", "valid", "TEST", "-", "unsplit", "fold2 ")
    assert [split_of(word) for word in words] == ["train", "train", "val", "val", "test", "", "", "fold2"]
    assert [speaker_of({"speaker": name}) for name in ("anna", "-", "Unknown", "")] == ["anna", "", "", ""]
    assert speaker_of({}) == ""


def test_the_nearest_manifest_of_a_folder_is_read_once(tmp_path):
    (tmp_path / "a").mkdir()
    write_manifest(tmp_path / "manifest.csv", [{"path": "a/1.wav", "speaker": "anna"}])
    nearest = NearestManifests()
    assert nearest.row(tmp_path / "a" / "1.wav")["speaker"] == "anna"
    assert nearest.of(tmp_path / "a" / "2.wav") is nearest.of(tmp_path / "a" / "1.wav")
    assert nearest.row(tmp_path / "a" / "2.wav") == {}


def test_a_clip_inherits_who_and_where_and_not_what(tmp_path):
    row = {
        "path": "a.wav",
        "speaker": "anna",
        "split": "val",
        "synthetic": "1",
        "label": "hey",
        "sha1": "00",
        "room": "",
    }
    assert inherited(row) == {"speaker": "anna", "split": "val", "synthetic": "1"}
