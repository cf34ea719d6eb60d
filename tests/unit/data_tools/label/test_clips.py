"""Labels cut into clips of words and negatives."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_tools.label.clips import export_clips
from data_tools.label.listing import list_places
from data_tools.label.store import save_labels
from kws.audio import write_audio
from kws.errors import DataError
from kws.labels import Labels, Region
from kws.manifest import Manifest, write_manifest

SECONDS = 200.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A recording whose amplitude tells its time: sample n of the 16 kHz is n / 16000 / 1000."""
    times_s = np.arange(round(SECONDS * 16_000)) / 16_000
    write_audio(tmp_path / "radio.wav", times_s / 1000)
    write_manifest(
        tmp_path / "manifest.csv",
        [{"path": "radio.wav", "speaker": "anna", "split": "test", "synthetic": "1", "dialect": "scots"}],
    )
    return tmp_path


def label(folder: Path, *regions: Region, complete: bool = True) -> None:
    path = folder / "radio.labels.json"
    path.unlink(missing_ok=True)
    save_labels(path, Labels("radio.wav", SECONDS, regions=regions, complete=complete))


def first_s(path: Path) -> float:
    """Return the time in the recording at which a clip begins, to the 16-bit step of 31 ms."""
    return float(soundfile.read(path)[0][0]) * 1000


def test_words_and_what_lies_between_are_cut(folder: Path, tmp_path: Path) -> None:
    label(
        folder,
        Region("a", "computer", 10.0, 10.5),
        Region("b", "stop", 11.0, 11.4),
        Region("c", "computer", 150.0, 151.0, "model", "proposed", 0.5),
        Region("d", "computer", 120.0, 120.5, "model", "rejected", 0.9),
    )
    out = tmp_path / "out"
    exported = export_clips(list_places(folder), out / "manifest.csv")
    assert (exported.words, exported.waiting, exported.incomplete) == ({"computer": 1, "stop": 1}, 1, [])
    rows = {row["path"]: row for row in Manifest(out / "manifest.csv").rows}
    # From a second before the word to the next word's start.
    word = rows["words/computer/radio-00010000.flac"]
    assert (word["label"], word["speaker"], word["split"], word["session"]) == ("computer", "anna", "test", "radio.wav")
    assert (word["synthetic"], word["dialect"]) == ("1", "scots")
    assert (float(word["kw_start_s"]), float(word["kw_end_s"]), float(word["duration_s"])) == (1.0, 1.5, 2.0)
    assert first_s(out / word["path"]) == pytest.approx(9.0, abs=0.04)
    stop = rows["words/stop/radio-00011000.flac"]
    assert (float(stop["kw_start_s"]), float(stop["kw_end_s"]), float(stop["duration_s"])) == (0.5, 0.9, 2.1)
    # 1.2 s away from words and from what nobody decided on; a rejected proposal is a negative.
    spans = {
        path: (round(first_s(out / path), 1), round(float(row["duration_s"]), 1))
        for path, row in rows.items()
        if row["label"] == "negative"
    }
    assert spans == {
        "negatives/radio-00000000.flac": (0.0, 8.8),
        "negatives/radio-00012600.flac": (12.6, 60.0),
        "negatives/radio-00072600.flac": (72.6, 60.0),
        "negatives/radio-00132600.flac": (132.6, 16.2),
        "negatives/radio-00152200.flac": (152.2, 47.8),
    }
    assert exported.negatives_s == pytest.approx(8.8 + 60 + 60 + 16.2 + 47.8)


def test_a_recording_that_is_not_complete_gives_words_only(folder: Path, tmp_path: Path) -> None:
    label(folder, Region("a", "computer", 10.0, 10.5), complete=False)
    exported = export_clips(list_places(folder), tmp_path / "out" / "manifest.csv")
    assert (exported.words, exported.negatives_s, exported.incomplete) == ({"computer": 1}, 0.0, ["radio.wav"])


def test_a_second_export_replaces_the_first(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    label(folder, Region("a", "computer", 10.0, 10.5), complete=False)
    export_clips(list_places(folder), out / "manifest.csv")
    label(folder, Region("a", "computer", 10.2, 10.5), complete=False)
    export_clips(list_places(folder), out / "manifest.csv")
    assert [row["path"] for row in Manifest(out / "manifest.csv").rows] == ["words/computer/radio-00010200.flac"]
    assert [path.name for path in out.rglob("*.flac")] == ["radio-00010200.flac"]


def test_overlapping_words_are_refused_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    label(folder, Region("a", "computer", 10.0, 10.5), Region("b", "computer", 10.4, 11.0))
    with pytest.raises(DataError, match=r"'computer' at 10.000 s and 'computer' at 10.400 s overlap"):
        export_clips(list_places(folder), tmp_path / "out" / "manifest.csv")
    assert not (tmp_path / "out").exists()


def test_labels_past_the_end_are_refused(folder: Path, tmp_path: Path) -> None:
    label(folder, Region("a", "computer", 10.0, 10.5))
    write_audio(folder / "radio.wav", np.zeros(16_000))
    with pytest.raises(DataError, match=r"region 1 ends at 10.500 s; the recording has 1.000 s"):
        export_clips(list_places(folder), tmp_path / "out" / "manifest.csv")


def test_nothing_labelled_is_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing is labelled there"):
        export_clips(list_places(folder), tmp_path / "out" / "manifest.csv")


def test_names_that_would_give_the_same_clip_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "a").mkdir()
    for name in ("a/b", "a-b"):
        write_audio(folder / f"{name}.wav", np.zeros(32_000))
        path = folder / f"{name}.labels.json"
        save_labels(path, Labels("x", 2.0, regions=(Region("a", "computer", 1.0, 1.5),)))
    with pytest.raises(DataError, match=r"a/b.wav and a-b.wav would both give words/computer/a-b-00001000.flac"):
        export_clips(list_places(folder), tmp_path / "out" / "manifest.csv")
