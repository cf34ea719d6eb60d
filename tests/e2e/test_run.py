"""`python run.py` on good input."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import kws
from kws.runtime import Detector
from tests.sound_card import SoundCard
from tests.tiny_model import bursts, tiny_spec, write_tiny_model

ROOT = Path(__file__).parents[2]


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, ROOT / "run.py", *map(str, arguments)], capture_output=True, timeout=60, **options
    )


def records(result) -> list[dict]:
    assert result.returncode == 0, result.stderr.decode()
    assert result.stderr == b""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_jsonl_of_a_file(model, recording):
    lines = records(run("--model", model, "--source", recording, "--jsonl"))
    events = Detector.open(model).process(bursts())
    assert lines[:-1] == [
        {
            "event": "detection",
            "keyword": "loud",
            "time_s": round(event.time_s, 6),
            "score": round(event.score, 4),
            "channel": 0,
            "model": "tiny",
        }
        for event in events
    ]
    assert len(events) == 2
    assert lines[-1] == {"event": "end", "audio_s": 5.0, "lost_samples": 0, "stale_events": 0, "stalls": 0}


def test_pipes_give_the_same(model, recording):
    expected = records(run("--model", model, "--source", recording, "--jsonl"))
    for data in (bursts().tobytes(), recording.read_bytes()):
        assert records(run("--model", model, "--source", "-", "--jsonl", input=data)) == expected


def test_text_for_people(model, recording):
    result = run("--model", model, "--source", recording)
    lines = result.stdout.decode().splitlines()
    assert lines[0] == f'Listening to {recording} for "loud" (threshold 0.5)'
    assert [line.split()[1] for line in lines[1:-1]] == ["loud", "loud"]
    assert lines[-1] == "00:05.00  end: 2 detections"


def test_several_models_with_thresholds(model, recording, tmp_path):
    other = write_tiny_model(tmp_path / "other.onnx", tiny_spec(name="other"))
    both = ["--model", model, "--model", other, "--source", recording, "--jsonl"]
    names = [line["model"] for line in records(run(*both))[:-1]]
    assert sorted(names) == ["other", "other", "tiny", "tiny"]
    names = [line["model"] for line in records(run(*both, "--threshold", 0.5, "--threshold", 1.0))[:-1]]
    assert names == ["tiny", "tiny"]
    assert len(records(run(*both, "--threshold", 1.0))) == 1
    assert len(records(run(*both, "--threshold", "loud=1.0"))) == 1
    assert len(records(run(*both, "--refractory", "loud=60", "--patience", 2))) == 3


def test_all_channels(model, tmp_path):
    soundfile.write(tmp_path / "two.wav", np.stack([bursts((1.0,)), bursts((3.0,))], axis=1), 16_000)
    arguments = ["--model", model, "--source", tmp_path / "two.wav", "--jsonl"]
    assert [line["channel"] for line in records(run(*arguments, "--channels", "all"))[:-1]] == [0, 1]
    assert [line["channel"] for line in records(run(*arguments, "--channels", "mean"))[:-1]] == [0, 0]
    assert [line["channel"] for line in records(run(*arguments, "--channels", "1"))[:-1]] == [1]


def test_chimed_copy(model, recording, tmp_path):
    lines = records(run("--model", model, "--source", recording, "--jsonl", "--chimed", tmp_path / "out.flac"))
    samples, rate_hz = soundfile.read(tmp_path / "out.flac", dtype="int16")
    assert rate_hz == 16_000 and len(samples) == 80_000
    start = round(lines[0]["time_s"] * 16_000)
    assert np.array_equal(samples[:start], bursts()[:start])
    assert not np.array_equal(samples[start : start + 8000], bursts()[start : start + 8000])


@pytest.mark.parametrize("rate_hz", [8000, 48_000, 96_000])
@pytest.mark.parametrize("n_channels", [1, 8])
def test_other_rates_and_channels(model, tmp_path, rate_hz, n_channels):
    tone = 0.5 * np.sin(np.arange(2 * rate_hz) * 2 * np.pi * 300 / rate_hz)
    soundfile.write(tmp_path / "a.wav", np.repeat(tone[:, None], n_channels, axis=1), rate_hz, subtype="PCM_24")
    lines = records(run("--model", model, "--source", tmp_path / "a.wav", "--jsonl"))
    assert lines[-1]["audio_s"] == pytest.approx(2.0, abs=0.001)


@pytest.mark.parametrize("n_samples", [1, 16_000])
def test_one_sample_and_silence(model, tmp_path, n_samples):
    soundfile.write(tmp_path / "a.wav", np.zeros(n_samples), 16_000)
    lines = records(run("--model", model, "--source", tmp_path / "a.wav", "--jsonl"))
    assert [line["event"] for line in lines] == ["end"]
    assert lines[0]["audio_s"] == round(n_samples / 16_000, 6)


def test_from_another_folder_and_under_another_name(model, recording, tmp_path):
    assert records(run("--model", "tiny.onnx", "--source", "talk.wav", "--jsonl", cwd=tmp_path))


def test_help_and_version():
    assert run("--version").stdout.decode().strip() == f"kws-toolkit {kws.__version__}"
    text = run("--help").stdout.decode()
    assert "python run.py --source meeting.flac" in text and "--demo-if-no-microphone" in text


def test_torch_is_never_imported(model, recording):
    code = f"""
import sys
from kws.cli import main
try:
    main("run", ["--model", {str(model)!r}, "--source", {str(recording)!r}])
finally:
    print([name for name in ("torch", "matplotlib", "onnx", "pyaudio") if name in sys.modules])
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_lines_come_while_audio_arrives_and_the_end_after_an_interrupt(model, tmp_path, number, code):
    command = [sys.executable, ROOT / "run.py", "--model", model, "--source", "-", "--jsonl"]
    command += ["--chimed", tmp_path / "out.wav"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # What a shell starts in the background ignores SIGINT, and hands that down to its children.
    process = subprocess.Popen(command, **pipes, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL))
    try:
        # Enough for the first word, and stdin stays open.
        process.stdin.write(bursts()[: 2 * 16_000].tobytes())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["keyword"] == "loud"
        process.send_signal(number)
        assert json.loads(process.stdout.readline())["event"] == "end"
        assert process.wait(timeout=20) == code
        assert process.stderr.read() == b""
        assert (tmp_path / "out.wav").exists()
    finally:
        process.kill()
        process.communicate()


def test_a_reader_that_leaves(model, tmp_path):
    # Long enough that the pipe's buffer cannot hold all lines.
    soundfile.write(tmp_path / "a.wav", np.tile(bursts((1.0,), 2.0), 1000), 16_000)
    command = [sys.executable, ROOT / "run.py", "--model", model, "--source", tmp_path / "a.wav", "--jsonl"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def test_demo_without_a_microphone(model, tmp_path):
    # A card whose daemon does not run.
    environment = {**os.environ, **SoundCard(tmp_path).environment}
    result = run("--model", model, "--demo-if-no-microphone", env=environment)
    assert result.returncode == 0
    assert result.stderr.decode().startswith("No microphone (")
    assert "demo.flac" in result.stdout.decode()
