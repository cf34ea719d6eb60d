import io

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.engines import listen, peak_rss_mb
from kws.audio import write_audio
from kws.evaluate.mixing import PlacedWord


class HearsLoudBlocks:
    block_samples = 4

    def hears(self, block: bytes) -> bool:
        return max(block) > 0


def test_detection_is_timed_at_the_end_of_its_block():
    audio = np.zeros(16, np.int16)
    audio[9] = 5
    assert listen(HearsLoudBlocks(), io.BytesIO(audio.tobytes()), 16) == [12 / 16_000]


def test_a_part_of_a_block_at_the_end_is_left_out():
    audio = np.ones(6, np.int16)
    assert listen(HearsLoudBlocks(), io.BytesIO(audio.tobytes()), 6) == [4 / 16_000]


def test_peak_memory_is_of_this_process():
    assert 5 < peak_rss_mb() < 20_000


def test_spans_of_what_is_written(tmp_path):
    parts = [np.full(3, 0.5, np.float32), np.full(5, -0.25, np.float32)]
    spans = peers.write_pcm(tmp_path / "x.pcm", parts)
    assert spans == [(0, 3), (3, 8)]
    assert np.fromfile(tmp_path / "x.pcm", np.int16).tolist() == [16384] * 3 + [-8192] * 5


def test_misses_strays_and_interval_by_hand():
    trials = [PlacedWord(np.zeros(80_000, np.float32), 16_000, 32_000)] * 4
    counted = peers.count_misses(trials, [[1.5], [], [0.2, 2.0], [4.0]], n_recordings=2)
    assert (counted["missed"], counted["trials"], counted["stray"]) == (2, 4, 2)
    assert counted["rate"] == 0.5
    # One of two recordings, not two of four trials.
    assert (counted["low"], counted["high"]) == pytest.approx((0.0945, 0.9055), abs=1e-4)


@pytest.fixture
def speech(tmp_path):
    folder = tmp_path / "speech"
    folder.mkdir()
    write_audio(folder / "a.wav", 0.1 * np.random.default_rng(0).standard_normal(16_000))
    return folder


def test_missing_model_is_one_line(speech, tmp_path, capsys):
    missing = tmp_path / "none.onnx"
    code = peers.main(["--engines", "kws-toolkit", "--model", str(missing), "--speech", str(speech)])
    assert code == 2
    assert capsys.readouterr().err == (
        f"{missing}: no such model; give --model FILE or leave kws-toolkit out of --engines\n"
    )


@pytest.mark.parametrize(("engine", "package"), [("porcupine", "pvporcupine"), ("microwakeword", "pymicro-wakeword")])
def test_missing_package_is_one_line_with_what_to_install(engine, package, speech, monkeypatch, tmp_path, capsys):
    # A folder of that name without the engine in it, found first, stands for a machine without the package.
    broken = tmp_path / "path"
    broken.mkdir()
    module = package.replace("-", "_")
    (broken / f"{module}.py").write_text(f"raise ModuleNotFoundError('no', name={module!r})\n")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    assert peers.main(["--engines", engine, "--speech", str(speech)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{module} is not installed: pip install '{package}" in error


def test_nothing_to_listen_to(monkeypatch, capsys):
    monkeypatch.setattr(peers, "run_engine", lambda name, job: {})
    assert peers.main(["--engines", "porcupine"]) == 2
    assert "give --speech" in capsys.readouterr().err


def test_a_whole_run_with_engines_that_are_played(speech, monkeypatch, tmp_path, capsys):
    def played(name, job):
        fires = [[2.0] for _ in job["spans"]]
        return {"events_s": fires, "cpu_s": 1.0, "audio_s": 3600.0, "peak_rss_mb": 10.0}

    monkeypatch.setattr(peers, "run_engine", played)
    arguments = ["--engines", "porcupine", "microwakeword", "--speech", str(speech), "--positives", str(speech)]
    report = tmp_path / "report.json"
    assert peers.main([*arguments, "--cost-s", "5", "--rounds", "1", "--json", str(report)]) == 0
    shown = capsys.readouterr().out
    assert "porcupine                      1.00" in shown
    assert "0 of 1 = 0.0 %" in shown
    assert "1 in 1.00 h" in shown
    assert '"cpu_s_per_hour": 1.0' in report.read_text()
