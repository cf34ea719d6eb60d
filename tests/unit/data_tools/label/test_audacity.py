"""Label tracks: Audacity's lines in and out."""

from pathlib import Path

import pytest

from data_tools.label.audacity import read_track, write_track
from data_tools.label.listing import list_places
from data_tools.label.store import read_labels, save_labels
from data_tools.label.tracks import export_all, import_all
from kws.audio import write_audio
from kws.errors import DataError
from kws.labels import Labels, Region


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    write_audio(tmp_path / "radio.wav", [0.0] * 160_000)
    return tmp_path / "radio.wav"


def test_a_track_of_audacity_is_read(tmp_path: Path) -> None:
    # As Audacity 3 writes it, with the frequencies of a spectral selection.
    (tmp_path / "t.txt").write_text("4.500000\t5.250000\tstop it\n\\\t200.0\t900.0\n1.000000\t1.500000\tcomputer\n")
    assert [(r.label, r.start_s, r.end_s, r.state, r.source) for r in read_track(tmp_path / "t.txt", 10.0)] == [
        ("computer", 1.0, 1.5, "accepted", "person"),
        ("stop it", 4.5, 5.25, "accepted", "person"),
    ]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("1.0 2.0 word\n", "line 1: '1.0 2.0 word'; accepted are start, end and text with tabs between them"),
        ("1\t2\ta\nx\t2\tb\n", "line 2: 'x' and '2'; accepted are seconds"),
        ("2\t1\ta\n", "line 1: end_s is 1.0; accepted is more than its start_s, 2"),
        ("1\t1\ta\n", "line 1: end_s is 1.0; accepted is more than its start_s, 1"),
        ("-1\t1\ta\n", "line 1: start_s is -1.0; accepted is 0 or more"),
        ("1\tinf\ta\n", "line 1: end_s is inf; accepted is seconds"),
        ("1\t2\t\n", "line 1: label is ''; accepted is a word on one line"),
        ("1\t12\ta\n", "line 1: the label ends at 12.000 s; the recording has 10.000 s"),
    ],
)
def test_a_malformed_track_is_one_line_and_changes_nothing(tmp_path: Path, audio: Path, text: str, line: str) -> None:
    track = tmp_path / "t.txt"
    track.write_text(text)
    with pytest.raises(DataError) as error:
        import_all(audio, track)
    assert str(error.value) == f"{track}: {line}"
    assert not (tmp_path / "radio.labels.json").exists()


def test_a_track_that_is_no_text_is_one_line(tmp_path: Path, audio: Path) -> None:
    (tmp_path / "t.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"t.txt: cannot be read \(is no UTF-8 text\)"):
        import_all(audio, tmp_path / "t.txt")


def test_only_accepted_regions_are_written(tmp_path: Path) -> None:
    guess = Region("m0", "computer", 4.0, 4.5, "model", "proposed", 0.6)
    write_track(tmp_path / "new" / "t.txt", [guess, Region("p1", "computer", 1.0, 1.25)])
    assert (tmp_path / "new" / "t.txt").read_text() == "1.000000\t1.250000\tcomputer\n"


def test_import_keeps_what_is_there_and_a_second_time_adds_nothing(tmp_path: Path, audio: Path) -> None:
    labels = tmp_path / "radio.labels.json"
    save_labels(labels, Labels("radio.wav", 10.0, regions=(Region("p1", "computer", 7.0, 7.5),)))
    (tmp_path / "tracks").mkdir()
    (tmp_path / "tracks" / "radio.txt").write_text("1\t1.5\tcomputer\n7\t7.5\tcomputer\n")
    assert import_all(tmp_path, tmp_path / "tracks") == (1, 1)
    assert import_all(tmp_path, tmp_path / "tracks") == (1, 0)
    found = read_labels(labels, "radio.wav", 10.0)
    assert [(r.id, r.start_s) for r in found.regions] == [("a0", 1.0), ("p1", 7.0)] and found.revision == 2
    assert export_all(list_places(tmp_path), tmp_path / "out") == 1
    assert (
        tmp_path / "out" / "radio.txt"
    ).read_text() == "1.000000\t1.500000\tcomputer\n7.000000\t7.500000\tcomputer\n"


def test_one_track_for_a_folder_of_recordings_is_refused(tmp_path: Path, audio: Path) -> None:
    write_audio(tmp_path / "talk.wav", [0.0] * 1600)
    (tmp_path / "t.txt").write_text("")
    with pytest.raises(DataError, match="is one track for 2 recordings"):
        import_all(tmp_path, tmp_path / "t.txt")
    with pytest.raises(DataError, match="no label tracks"):
        import_all(tmp_path, tmp_path / "nowhere")


def test_recordings_that_would_share_labels_are_refused(tmp_path: Path, audio: Path) -> None:
    write_audio(tmp_path / "radio.flac", [0.0] * 1600)
    with pytest.raises(DataError, match=r"radio.flac and radio.wav would share radio.labels.json"):
        list_places(tmp_path)
    with pytest.raises(DataError, match="no recordings"):
        (tmp_path / "empty").mkdir()
        list_places(tmp_path / "empty")
    with pytest.raises(DataError, match="no such file or folder"):
        list_places(tmp_path / "none.wav")
