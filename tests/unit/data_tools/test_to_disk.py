"""Streams on disk: the same for any number of workers, resumable, one manifest."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_tools.synthesize import StreamSynthesizer, SynthesisConfig, to_disk
from data_tools.synthesize.to_disk import make_stream, write_streams
from kws.audio import read_audio, to_float32, to_pcm16
from kws.errors import ConfigError, DataError, MissingPackageError

ROOT = Path(__file__).resolve().parents[3]
SECOND = 16_000


def synthesizer(duration_s: float = 1.0, seed: int = 0) -> StreamSynthesizer:
    rng = np.random.default_rng(seed)

    def clip(n_samples: int) -> np.ndarray:
        return (rng.standard_normal(n_samples) * 0.1).astype(np.float32)

    config = SynthesisConfig(duration_s=duration_s, keywords_per_stream=(1, 1), negatives_per_stream=(0, 1))
    return StreamSynthesizer({"ünïcode": [clip(4000)]}, [clip(3000)], [clip(2 * SECOND)], config=config)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_and_manifest_hold_the_streams(tmp_path):
    made = synthesizer()
    manifest = write_streams(made, tmp_path / "new" / "folder", 5, seed=3)
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "duration_s", "segments"]
    assert [row["path"] for row in rows] == [f"stream_{i:06d}.flac" for i in range(5)]
    for index, row in enumerate(rows):
        stream = make_stream(made, 3, index)
        audio = read_audio(manifest.parent / row["path"])
        np.testing.assert_array_equal(audio, to_float32(to_pcm16(stream.samples)))
        assert float(row["duration_s"]) == 1.0
        segments = json.loads(row["segments"])
        assert [s["label"] for s in segments] == [s.label for s in stream.segments]
        for written, segment in zip(segments, stream.segments, strict=True):
            assert [written[key] * SECOND for key in ("start_s", "end_s", "word_end_s")] == pytest.approx(
                [segment.start, segment.end, segment.word_end]
            )
    assert sorted(contents(manifest.parent)) == sorted(
        ["manifest.csv", "synthesis.json", *(row["path"] for row in rows)]
    )


def test_a_streams_seed_is_the_spawned_child_of_its_index():
    made = synthesizer()
    children = np.random.SeedSequence(7).spawn(3)
    for index, child in enumerate(children):
        expected = made.stream(np.random.default_rng(child))
        np.testing.assert_array_equal(make_stream(made, 7, index).samples, expected.samples)


def test_the_number_of_workers_and_of_streams_changes_no_file(tmp_path):
    write_streams(synthesizer(), tmp_path / "one", 6, seed=1, n_jobs=1)
    write_streams(synthesizer(), tmp_path / "two", 6, seed=1, n_jobs=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    write_streams(synthesizer(), tmp_path / "more", 8, seed=1)
    more = contents(tmp_path / "more")
    del more["manifest.csv"]
    assert {name: data for name, data in contents(tmp_path / "one").items() if name in more}.items() <= more.items()
    write_streams(synthesizer(), tmp_path / "other", 6, seed=2)
    assert contents(tmp_path / "other")["stream_000000.flac"] != more["stream_000000.flac"]


def test_a_second_run_keeps_whole_files_and_mends_the_rest(tmp_path):
    write_streams(synthesizer(), tmp_path, 6, seed=1)
    whole = contents(tmp_path)
    untouched = tmp_path / "stream_000000.flac"
    os.utime(untouched, (1, 1))
    (tmp_path / "stream_000001.flac").unlink()
    cut = tmp_path / "stream_000002.flac"
    cut.write_bytes(cut.read_bytes()[:-500])
    (tmp_path / "stream_000003.flac").write_bytes(b"")
    (tmp_path / "manifest.csv").unlink()
    (tmp_path / ".stream_000004.flac.123.tmp").write_bytes(b"half")
    write_streams(synthesizer(), tmp_path, 6, seed=1)
    assert contents(tmp_path) == whole
    assert untouched.stat().st_mtime == 1


KILLED_IN_THE_FIFTH_FILE = """
import os, signal, sys
sys.path[:0] = sys.argv[2:4]
import soundfile
from test_to_disk import synthesizer, write_streams

write, calls = soundfile.write, []

def write_half(path, *arguments, **keywords):
    calls.append(path)
    write(path, *arguments, **keywords)
    if len(calls) == 5:
        os.truncate(path, os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

soundfile.write = write_half
write_streams(synthesizer(), sys.argv[1], 8, seed=5)
"""


def test_a_run_killed_in_the_middle_of_a_file_leaves_whole_files_and_continues(tmp_path):
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED_IN_THE_FIFTH_FILE, str(folder), str(ROOT), str(Path(__file__).parent)]
    assert subprocess.run(command, timeout=120).returncode == -signal.SIGKILL
    survivors = sorted(folder.glob("stream_*.flac"))
    assert len(survivors) == 4 and not (folder / "manifest.csv").exists()
    assert len(list(folder.glob(".stream_*.tmp"))) == 1
    times = {path: path.stat().st_mtime_ns for path in survivors}
    write_streams(synthesizer(), folder, 8, seed=5)
    assert times == {path: path.stat().st_mtime_ns for path in survivors}
    write_streams(synthesizer(), tmp_path / "fresh", 8, seed=5)
    assert contents(folder) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("change", ["seed", "clips"])
def test_a_folder_of_other_streams_is_refused_and_left_alone(tmp_path, change):
    write_streams(synthesizer(), tmp_path, 2, seed=1)
    before = contents(tmp_path)
    with pytest.raises(DataError, match="another seed or other settings; accepted is an empty folder"):
        write_streams(synthesizer(seed=int(change == "clips")), tmp_path, 2, seed=1 + (change == "seed"))
    assert contents(tmp_path) == before


def test_a_place_that_cannot_be_used_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be used"):
        write_streams(synthesizer(), tmp_path / "file", 1)
    (tmp_path / "synthesis.json").write_text("{not json")
    with pytest.raises(DataError, match="cannot be used"):
        write_streams(synthesizer(), tmp_path, 1)


@pytest.mark.parametrize("bad", [dict(n_streams=0), dict(n_streams=2.5), dict(seed=-1), dict(seed=True)])
def test_impossible_counts_are_refused_before_anything_is_made(tmp_path, bad):
    with pytest.raises(ConfigError, match="accepted"):
        write_streams(synthesizer(), tmp_path / "out", **(dict(n_streams=2, seed=0) | bad))
    assert not (tmp_path / "out").exists()


def test_progress_counts_every_stream(tmp_path):
    seen = []
    write_streams(synthesizer(), tmp_path, 70, on_progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (70, 70) and seen == sorted(seen) and len(seen) == 35


def test_without_joblib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(MissingPackageError, match=r"joblib is needed.*\[data\]"):
        write_streams(synthesizer(), tmp_path / "out", 1)
    assert not (tmp_path / "out").exists()


def test_a_backend_without_generators_is_served(tmp_path):
    import joblib

    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        write_streams(synthesizer(), tmp_path / "pool", 4, seed=1)
    write_streams(synthesizer(), tmp_path / "one", 4, seed=1)
    assert contents(tmp_path / "pool") == contents(tmp_path / "one")
    assert to_disk.MANIFEST in contents(tmp_path / "one")
