"""Bad input to `python run.py`: one line on stderr, exit code 2, no half-written file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile

from kws.spec import METADATA_KEY
from tests.sound_card import SoundCard
from tests.tiny_model import tiny_model, tiny_spec

ROOT = Path(__file__).parents[2]


def fails(*arguments, expected: str, **options) -> None:
    """Run the command; check that it fails the way every command does."""
    command = [sys.executable, ROOT / "run.py", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), result.stderr
    assert expected in lines[0]
    assert result.returncode == 2


def make_source(folder: Path, kind: str) -> Path:
    path = folder / "source.wav"
    samples = np.random.default_rng(0).normal(0, 0.1, 80_000).astype(np.float32)
    if kind == "empty":
        path.touch()
    elif kind == "directory":
        path.mkdir()
    elif kind == "text":
        path.write_text("this is no audio\n" * 100)
    elif kind == "random bytes":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif kind == "zero length":
        soundfile.write(path, samples[:0], 16_000)
    elif kind == "header only":
        soundfile.write(path, samples, 16_000)
        path.write_bytes(path.read_bytes()[:30])
    elif kind == "truncated":
        soundfile.write(path, samples, 16_000)
        path.write_bytes(path.read_bytes()[:100_000])
    elif kind == "truncated flac":
        path = path.with_suffix(".flac")
        soundfile.write(path, samples, 16_000)
        path.write_bytes(path.read_bytes()[:50_000])
    elif kind in ("nan", "inf"):
        samples[70_000] = float(kind)
        soundfile.write(path, samples, 16_000, subtype="FLOAT")
    return path


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("missing", "no such file"),
        ("empty", "is an empty file"),
        ("directory", "is a directory"),
        ("text", "not readable as audio"),
        ("random bytes", "not readable as audio"),
        ("zero length", "holds no samples"),
        ("header only", "source.wav"),
        ("truncated", "is truncated"),
        ("truncated flac", "source.flac"),
        ("nan", "samples hold NaN or infinity"),
        ("inf", "samples hold NaN or infinity"),
    ],
)
def test_source(model, tmp_path, kind, expected):
    source = make_source(tmp_path, kind)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "old.wav").write_text("what was there before")
    arguments = ["--model", model, "--source", source, "--jsonl"]
    fails(*arguments, "--chimed", folder / "new.wav", expected=expected)
    fails(*arguments, "--chimed", folder / "old.wav", expected=expected)
    assert [path.name for path in folder.iterdir()] == ["old.wav"]
    assert (folder / "old.wav").read_text() == "what was there before"


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", "holds no samples"), (b"fLaC" + bytes(1000), "is FLAC"), (b"RIFF", "ends inside the WAV header")],
)
def test_stdin(model, data, expected):
    command = [sys.executable, ROOT / "run.py", "--model", model, "--source", "-"]
    result = subprocess.run(command, input=data, capture_output=True, timeout=60)
    assert result.returncode == 2
    assert result.stderr.decode().splitlines() == [result.stderr.decode().strip()]
    assert expected in result.stderr.decode()


def hostile_model(kind: str) -> bytes:
    if kind == "empty":
        return b""
    if kind == "truncated":
        return tiny_model().SerializeToString()[:300]
    if kind == "text":
        return b"this is no model\n" * 20
    if kind == "pickle":
        return b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."
    if kind == "not ours":
        return tiny_model(metadata={}).SerializeToString()
    if kind == "newer format":
        values = {**tiny_spec().to_dict(), "format": 99}
        return tiny_model(metadata={METADATA_KEY: json.dumps(values)}).SerializeToString()
    if kind == "huge state":
        values = {**tiny_spec().to_dict(), "states": [{"name": "before", "shape": [2**40]}]}
        return tiny_model(metadata={METADATA_KEY: json.dumps(values)}).SerializeToString()
    if kind == "huge front-end":
        values = tiny_spec().to_dict()
        values["front_end"]["n_fft"] = 2**40
        return tiny_model(metadata={METADATA_KEY: json.dumps(values)}).SerializeToString()
    model = tiny_model()
    if kind == "huge weight":
        model.graph.initializer[-1].dims[:] = [2**50]
    elif kind == "external weight":
        model.graph.initializer[-1].data_location = onnx.TensorProto.EXTERNAL
        model.graph.initializer[-1].external_data.add(key="location", value="/etc/passwd")
    elif kind == "unknown operation":
        model.graph.node[0].op_type = "Boom"
    elif kind == "broken graph":
        model.graph.node[0].input[0] = "nothing"
    return model.SerializeToString()


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("empty", "has 0 bytes"),
        ("truncated", "truncated"),
        ("text", "truncated or no ONNX model"),
        ("pickle", "truncated or no ONNX model"),
        ("not ours", "no model of this toolkit"),
        ("newer format", "format 99"),
        ("huge state", "before"),
        ("huge front-end", "front_end.n_fft"),
        ("huge weight", "weights claim"),
        ("external weight", "another file"),
        ("unknown operation", "'Boom'"),
        ("broken graph", "ONNX Runtime cannot load it"),
    ],
)
def test_model(recording, tmp_path, kind, expected):
    path = tmp_path / "bad.onnx"
    path.write_bytes(hostile_model(kind))
    fails("--model", path, "--source", recording, "--chimed", tmp_path / "out.wav", expected=expected)
    assert not list(tmp_path.glob("*out*"))


def test_model_that_is_not_there(recording, tmp_path):
    fails("--model", tmp_path / "none.onnx", "--source", recording, expected="none.onnx: no such file")
    (tmp_path / "folder.onnx").mkdir()
    fails("--model", tmp_path / "folder.onnx", "--source", recording, expected="is no file")
    (tmp_path / "model.pt").touch()
    fails("--model", tmp_path / "model.pt", "--source", recording, expected="accepted suffixes of model files")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--threshold", "1.5"], "threshold is 1.5; accepted are numbers from 0 to 1"),
        (["--threshold=-0.1"], "threshold is -0.1"),
        (["--threshold", "nan"], "threshold is nan"),
        (["--threshold", "high"], "--threshold 'high' is not a number"),
        (["--threshold", "hello=0.5"], "keyword is 'hello'; accepted are: loud"),
        (["--threshold", "loud=2"], "threshold is 2.0; accepted are numbers from 0 to 1"),
        (["--threshold", "loud=0.5", "--threshold", "loud=0.6"], "--threshold was given twice for loud"),
        (["--patience", "1.5"], "--patience '1.5' is not a whole number"),
        (["--patience", "0"], "patience_steps is 0"),
        (["--refractory", "-1"], "refractory_s is -1"),
        (["--threshold", "0.5", "--threshold", "0.6"], "--threshold was given 2 times"),
        (["--channels", "stereo"], "channels is 'stereo'"),
        (["--channels", "1"], "channel 1 was asked for and the source has 1"),
        (["--channels", "0,99"], "channels is '0,99'"),
        (["--rate", "0"], "rate is 0"),
        (["--backend", "jack"], "backend is 'jack'"),
        (["--device", "0"], "--device and --source were given"),
        (["--max-age", "-1"], "max-age is -1"),
        (["--max-seconds", "0"], "max-seconds is 0"),
        (["--max-seconds", "soon"], "'--max-seconds'"),
        (["--chime", "no.wav"], "no.wav: no such file"),
        (["--exec", ""], "--exec"),
        (["--exec", "no-such-program {keyword}"], "no-such-program"),
        (["--exec", "echo {wrod}"], "wrod"),
        (["--mqtt", "http://x"], "--mqtt"),
        (["--webhook", "ftp://x"], "--webhook"),
        (["--view"], "--view needs a terminal"),
        (["--view", "--jsonl"], "--jsonl and --view were given"),
        (["--no-such-option"], "--no-such-option"),
        (["--chimed", "out.mp3"], "accepted suffixes for writing"),
        (["--chimed", "no/such/folder/out.wav"], "cannot be written"),
        (["a", "b"], "unexpected extra argument"),
    ],
)
def test_options(model, recording, tmp_path, arguments, expected):
    fails("--model", model, "--source", recording, *arguments, expected=expected, cwd=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk.wav", "tiny.onnx"]


def test_the_source_is_not_overwritten(model, recording):
    before = recording.read_bytes()
    fails("--model", model, "--source", recording, "--chimed", recording, expected="is the source itself")
    assert recording.read_bytes() == before


@pytest.mark.parametrize("arguments", [[], ["--device", "0"], ["--device", "99"], ["--device", "yeti"]])
@pytest.mark.parametrize("backend", ["pyaudio", "sounddevice"])
def test_no_microphone(model, tmp_path, backend, arguments):
    # A card whose daemon does not run.
    environment = {**os.environ, **SoundCard(tmp_path).environment}
    fails("--model", model, "--backend", backend, *arguments, expected="no microphone was found", env=environment)
