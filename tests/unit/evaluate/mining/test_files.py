"""Mining of files: what is kept of a stream in pieces, what is inherited, and that it goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio import to_float32, write_audio
from kws.errors import ConfigError, DataError
from kws.evaluate.mining import Ear, MinedFolder, MiningSettings, files, mine_files, one_file
from kws.evaluate.mining.files import find_audio
from kws.evaluate.mining.known import Known, Word, known_words
from kws.labels import Labels, Region
from kws.manifest import Manifest, write_manifest
from tests.tiny_model import bursts, write_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


def talk(path: Path, *starts_s: float, gain: float = 1.0, duration_s: float = 12.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_audio(path, gain * to_float32(bursts(starts_s, duration_s)))
    return path


def rows_of(out: Path) -> list[dict[str, str]]:
    return Manifest(out / "manifest.csv").rows


def test_the_ear_gives_the_audio_around_in_pieces_of_any_size(model: Path) -> None:
    settings = MiningSettings.of(model)
    samples = to_float32(bursts((4.0, 9.0), 20.0))
    found = {}
    for size in (700, 16_000, len(samples)):
        ear, finds, events = Ear(settings), [], []
        for start in range(0, len(samples), size):
            for more, into in zip(ear.hear(samples[start : start + size]), (finds, events), strict=True):
                into.extend(more)
        for more, into in zip(ear.flush(), (finds, events), strict=True):
            into.extend(more)
        assert len(events) == 2
        found[size] = [(f.start_s, f.score, f.is_event, f.region_s) for f in finds]
        for find in finds:
            start = round(find.start_s * 16_000)
            np.testing.assert_array_equal(find.samples, samples[start : start + 48_000])
    assert found[700] == found[16_000] == found[len(samples)]
    # Bursts end at 4.5 and 9.5 s, and the score peaks within them: 2.1 s of the clip lie before the peak.
    assert [4.0 < start_s + 2.1 <= 4.6 or 9.0 < start_s + 2.1 <= 9.6 for start_s, *_ in found[700]] == [True, True]
    assert all(is_event for _, _, is_event, _ in found[700])


def test_the_ear_holds_little_of_a_long_stream(model: Path) -> None:
    ear = Ear(MiningSettings.of(model))
    for _ in range(30):
        ear.hear(np.zeros(160_000, np.float32))
        assert len(ear._audio) <= 160_000 + 3 * 16_000


def test_clips_labels_and_rows(model: Path, tmp_path: Path) -> None:
    talk(tmp_path / "in" / "talk.flac", 4.0)
    row = {"path": "talk.flac", "speaker": "anna", "split": "val", "licence": "CC0", "label": "speech"}
    write_manifest(tmp_path / "in" / "manifest.csv", [row])
    mine_files([tmp_path / "in" / "talk.flac"], tmp_path / "out", MiningSettings.of(model))
    (row,) = rows_of(tmp_path / "out")
    assert [row[c] for c in ("label", "speaker", "split", "licence", "keyword")] == [
        "negative",
        "anna",
        "val",
        "CC0",
        "loud",
    ]
    assert row["mined_from"] == str(tmp_path / "in" / "talk.flac") and row["path"].startswith("false-accepts/talk_")
    clip = tmp_path / "out" / row["path"]
    pcm, _ = soundfile.read(clip, dtype="int16")
    start = round(float(row["time_s"]) * 16_000)
    np.testing.assert_allclose(pcm, bursts((4.0,), 12.0)[start : start + len(pcm)], atol=1)
    labels = json.loads(clip.with_name(f"{clip.stem}.labels.json").read_text())
    assert labels["file"] == clip.name and labels["sha1"] == hashlib.sha1(pcm.tobytes()).hexdigest() == row["sha1"]
    (region,) = labels["regions"]
    assert (labels["format"], region["label"], region["source"], region["state"]) == (1, "loud", "model", "proposed")
    assert region["score"] == float(row["score"]) and region["end_s"] - region["start_s"] == pytest.approx(1.0)
    # Its end, in the recording, lies within the burst or just behind it.
    assert 4.0 < float(row["time_s"]) + region["end_s"] <= 4.6


def test_near_misses_are_those_that_do_not_fire(model: Path, tmp_path: Path) -> None:
    (score,) = (find.score for find in _finds(model, 0.04))
    assert 0.05 < score < 0.5
    mine_files([talk(tmp_path / "q.flac", 4.0, gain=0.04)], tmp_path / "out", MiningSettings.of(model, floor=0.05))
    assert [row["path"].partition("/")[0] for row in rows_of(tmp_path / "out")] == ["near-misses"]
    mine_files([tmp_path / "q.flac"], tmp_path / "none", MiningSettings.of(model, floor=0.5))
    assert rows_of(tmp_path / "none") == []


def _finds(model: Path, gain: float):
    ear = Ear(MiningSettings.of(model, floor=0.001))
    return [*ear.hear(np.float32(gain) * to_float32(bursts((4.0,), 12.0)))[0], *ear.flush()[0]]


def test_it_goes_on_where_it_stopped(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [talk(tmp_path / f"{name}.flac", 4.0) for name in "abc"]
    settings, out = MiningSettings.of(model), tmp_path / "out"
    real = one_file.FileMiner.mine

    def interrupted(self, path):
        if path.stem == "b":
            raise KeyboardInterrupt
        return real(self, path)

    monkeypatch.setattr(one_file.FileMiner, "mine", interrupted)
    with pytest.raises(KeyboardInterrupt):
        mine_files(paths, out, settings)
    # What was done is in the manifest already; what a person changes or takes away stays so.
    (first,) = rows_of(out)
    write_manifest(out / "manifest.csv", [{**first, "label": "other"}])
    with (out / ".mining" / "results.jsonl").open("a") as file:
        file.write('{"key": "cut o')
    monkeypatch.setattr(one_file.FileMiner, "mine", real)
    found = mine_files(paths, out, settings)
    assert found.n_known == 1 and len(rows_of(out)) == 3
    assert [row["label"] for row in rows_of(out) if row["path"] == first["path"]] == ["other"]
    (out / first["path"]).unlink()
    assert mine_files(paths, out, settings).n_known == 3
    assert len(rows_of(out)) == 2
    # A recording that changed is heard again.
    talk(paths[1], 2.0, 8.0)
    assert mine_files(paths, out, settings).n_known == 2
    with pytest.raises(DataError, match="was mined with another floor"):
        mine_files(paths, out, MiningSettings.of(model, floor=0.2))


def test_several_processes_find_the_same(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [talk(tmp_path / "in" / f"{index}.flac", 2.0 + index) for index in range(3)]
    settings = MiningSettings.of(model)
    mine_files(paths, tmp_path / "one", settings)
    monkeypatch.setattr(files, "_FEW_BYTES", 0)
    mine_files(paths, tmp_path / "two", settings, jobs=2)
    assert rows_of(tmp_path / "one") == rows_of(tmp_path / "two") != []


def test_recordings_of_the_word_are_no_negatives(model: Path, tmp_path: Path) -> None:
    talk(tmp_path / "word.flac", 4.0)
    talk(tmp_path / "timed.flac", 2.0, 8.0)
    timed = {"path": "timed.flac", "label": "loud", "kw_start_s": "2.0", "kw_end_s": "2.5"}
    write_manifest(tmp_path / "manifest.csv", [{"path": "word.flac", "label": "loud"}, timed])
    found = mine_files(find_audio([tmp_path], tmp_path / "out"), tmp_path / "out", MiningSettings.of(model))
    assert [(Path(r.source).stem, r.n_words, r.n_events) for r in sorted(found.results, key=lambda r: r.source)] == [
        ("timed", 1, 1),
        ("word", 1, 0),
    ]
    assert [row["mined_from"] for row in rows_of(tmp_path / "out")] == [str(tmp_path / "timed.flac")]
    assert float(rows_of(tmp_path / "out")[0]["time_s"]) > 5.0


def test_misses(model: Path, tmp_path: Path) -> None:
    talk(tmp_path / "in" / "hit.flac", 4.0)
    talk(tmp_path / "in" / "miss.flac", 4.0, gain=0.02)
    talk(tmp_path / "in" / "half.flac", 2.0)
    rows = [{"path": "half.flac", "label": "loud", "kw_start_s": "8", "kw_end_s": "8.5", "speaker": "ben"}]
    write_manifest(tmp_path / "in" / "manifest.csv", rows)
    settings = MiningSettings.of(model, is_positive=True)
    found = mine_files(find_audio([tmp_path / "in"], tmp_path / "out"), tmp_path / "out", settings)
    assert (sum(r.n_words for r in found.results), sum(r.n_hits for r in found.results)) == (3, 1)
    half, miss = rows_of(tmp_path / "out")
    assert (half["label"], half["speaker"], half["time_s"], half["duration_s"]) == ("loud", "ben", "7.500", "1.500")
    assert (half["kw_start_s"], half["kw_end_s"]) == ("0.500", "1.000")
    assert miss["duration_s"] == "12.000" and 0.0 < float(miss["score"]) < 0.5


def test_confirmed_labels_tell_words(tmp_path: Path) -> None:
    path = tmp_path / "talk.flac"
    states = ("accepted", "proposed", "rejected")
    regions = tuple(Region(f"p{n}", "loud", 1.0 + n, 2.0 + n, "person", state) for n, state in enumerate(states))
    (tmp_path / "talk.labels.json").write_text(Labels("talk.flac", 12.0, regions=regions).to_text())
    assert known_words(path, {}, ("loud",)) == Known((Word("loud", 1.0, 2.0),))
    (tmp_path / "talk.labels.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read as labels"):
        known_words(path, {}, ("loud",))
    (tmp_path / "talk.labels.json").unlink()
    assert known_words(path, {"transcript": "How LOUD it is"}, ("loud",)) == Known(untimed=("loud",))
    assert known_words(path, {"transcript": "louder"}, ("loud",)) == Known()


def test_bad_input(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="above the threshold of 'loud': .* accepted are up to 0.5"):
        MiningSettings.of(model, floor=0.6)
    with pytest.raises(ConfigError, match="keyword is 'x'"):
        MiningSettings.of(model, keywords=("x",))
    bad, good = tmp_path / "bad.wav", talk(tmp_path / "good.flac", 4.0)
    bad.write_bytes(b"RIFF nothing")
    found = mine_files([bad, good], tmp_path / "out", MiningSettings.of(model))
    assert [path for path, _ in found.failures] == [bad] and len(rows_of(tmp_path / "out")) == 1
    with pytest.raises(DataError, match="none of 1 recordings can be read"):
        mine_files([bad], tmp_path / "other", MiningSettings.of(model))
    with pytest.raises(DataError, match="no such file or folder"):
        find_audio([tmp_path / "none"], tmp_path)
    MinedFolder(tmp_path / "out", MiningSettings.of(model)).claim()


@pytest.mark.parametrize("word_s", [(0.0, 0.0), (0.4, 9.0), (8.0, 9.0)])
def test_a_proposal_is_one_that_can_be_labelled(model: Path, tmp_path: Path, word_s: tuple[float, float]) -> None:
    folder = MinedFolder(tmp_path, MiningSettings.of(model, is_positive=True))
    row = folder.keep_miss("loud", np.zeros(16_000), 0.0, word_s, 0.2, "talk.flac", "talk", {})
    path = (tmp_path / row["path"]).with_suffix(".labels.json")
    (region,) = Labels.parse(path.read_text(), 1.0).regions
    assert 0.0 <= region.start_s < region.end_s <= 1.0
