"""``kws speak`` as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import tomllib

from data_tools.check import check_data, list_folder
from kws.audio import read_audio
from kws.manifest import Manifest

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "kws" / "assets" / "computer.onnx"
KWS = [sys.executable, "-c", "from kws.cli import main; main()", "speak"]
FEW = ("--positives", 6, "--confusables", 6, "--sentences", 2, "--jobs", 1)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    (folder / "words").write_text("commuter\ncompute\ncomposer\ngloomy\nroomy\n")
    return folder


def speak(home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [*KWS, *map(str, arguments), "--words", str(home / "words")]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment(home))


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "XDG_CACHE_HOME": str(home / "cache")}


def one_line(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 2, finished.stdout + finished.stderr
    assert finished.stderr.count("\n") == 1, finished.stderr
    return finished.stderr


def test_clips_manifest_and_recipe_lines(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "my words 🎤"
    given = ("hey lumi", "--out", out, "--engine", "espeak-ng", "--engine", "flite", *FEW)
    first = speak(home, *given)
    assert first.returncode == 0, first.stderr
    rows = Manifest(out / "manifest.csv", ("path", "speaker", "split", "synthetic", "label", "lang", "licence")).rows
    assert len(rows) == 14 and {row["split"] for row in rows} == {""}
    assert {row["label"] for row in rows} == {"hey-lumi", "negative"}
    assert all(row["synthetic"].split(":")[0] in {"espeak-ng", "flite"} and row["licence"] for row in rows)
    assert {row["transcript"] for row in rows if row["label"] == "hey-lumi"} == {"hey lumi"}
    for row in rows:
        assert len(read_audio(out / row["path"])) == round(float(row["duration_s"]) * 16_000)
    pasted = tomllib.loads(first.stdout[first.stdout.index("[data.keywords]") :])
    assert pasted["data"] == {"keywords": {"hey-lumi": []}, "spoken": {"hey-lumi": str(out)}}
    assert "do not predict" in first.stdout and "14 clips by 2 engines" in first.stdout
    findings = check_data(list_folder(out)).findings
    assert not [finding for finding in findings if finding.severity.name == "ERROR"]

    # Again: nothing is spoken anew, one that is gone comes back, the same to the byte.
    clip = out / sorted(row["path"] for row in rows)[0]
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/*.flac")}
    whole = clip.read_bytes()
    clip.unlink()
    assert speak(home, *given).returncode == 0
    assert clip.read_bytes() == whole
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items() if path != clip)
    assert Manifest(out / "manifest.csv").rows == rows
    assert "holds clips of" in one_line(speak(home, "hey luna", "--out", out, *FEW))


def test_neural_voices_are_heard_by_the_bundled_model(home: Path, tmp_path: Path) -> None:
    engines = ("--engine", "piper", "--engine", "hibari", "--verify-model", MODEL)
    finished = speak(home, "computer", "--out", tmp_path, *engines, *FEW)
    assert finished.returncode == 0, finished.stderr
    rows = Manifest(tmp_path / "manifest.csv").rows
    assert {row["speaker"] for row in rows} == {"piper:en_US-joe-medium", "hibari:heart"}
    assert sum(row["label"] == "computer" for row in rows) == 6
    assert any(row["transcript"].startswith("/") for row in rows), "no engine spoke phonemes"


def test_a_phrase_in_two_languages_with_sentences_of_ones_own(home: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("今天天气很好。\n你好 lumi 请开灯。\n我们去公园。\n", encoding="utf-8")
    finished = speak(home, "你好 lumi", "--lang", "zh", "--text", text, "--out", tmp_path / "out", *FEW)
    assert finished.returncode == 0, finished.stderr
    rows = Manifest(tmp_path / "out" / "manifest.csv").rows
    positives = [row for row in rows if row["label"] == "你好-lumi"]
    assert len(positives) == 6 and all(row["lang"].startswith("zh+en") for row in positives)
    said = {row["transcript"] for row in rows if row["path"].startswith("sentences/")}
    assert said <= {"今天天气很好", "我们去公园"} and said
    assert '"你好-lumi" = [' in finished.stdout


def test_cantonese_and_a_program_of_ones_own(home: Path, tmp_path: Path) -> None:
    finished = speak(home, "你好", "--lang", "yue", "--out", tmp_path / "yue", "--positives", 3, "--confusables", 3)
    assert finished.returncode == 0 and "no sentences of our own in 'yue'" in finished.stderr
    mine = "espeak-ng -s 150 -w {wav} -- {text}"
    options = ("--engine", "command", "--command", mine, "--positives", 1, "--confusables", 0, "--sentences", 0)
    finished = speak(home, "hey lumi", "--out", tmp_path / "mine", *options)
    assert finished.returncode == 0, finished.stderr
    assert [row["synthetic"] for row in Manifest(tmp_path / "mine" / "manifest.csv").rows] == ["command:espeak-ng"]


def test_silence_is_counted_and_told(home: Path, tmp_path: Path) -> None:
    silent = "espeak-ng -a 0 -w {wav} -- {text}"
    options = ("--engine", "command", "--command", silent, "--positives", 1, "--confusables", 0, "--sentences", 0)
    finished = speak(home, "lumi", "--out", tmp_path, *options)
    assert finished.returncode == 0, finished.stderr
    assert "only 0 of 1 positives" in finished.stdout and "24 silent" in finished.stdout


def test_ctrl_c_keeps_what_is_whole(home: Path, tmp_path: Path) -> None:
    given = ["lumi", "--out", str(tmp_path), "--engine", "espeak-ng", "--positives", "4000", "--jobs", "2"]
    running = subprocess.Popen(
        [*KWS, *given, "--confusables", "0"], cwd=ROOT, env=environment(home), start_new_session=True
    )
    while len(list(tmp_path.glob("positives/*.flac"))) < 10 and running.poll() is None:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(60) == 130
    rows = Manifest(tmp_path / "manifest.csv").rows
    assert rows and all((tmp_path / row["path"]).is_file() for row in rows)
    assert not list(tmp_path.glob("*/.*.tmp"))
    shutil.rmtree(tmp_path)


def test_bad_input_is_one_line(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "'!!!' has no phonemes" in one_line(speak(home, "!!!", "--out", out))
    assert "language 'klingon'" in one_line(speak(home, "hey", "--lang", "klingon", "--out", out))
    assert "did you mean 'flite'" in one_line(speak(home, "hey", "--engine", "flight", "--out", out))
    assert "no voice speaks language 'de'" in one_line(
        speak(home, "hallo", "--lang", "de", "--engine", "flite", "--out", out)
    )
    assert "{text} and {wav}" in one_line(speak(home, "hey", "--command", "say {text}", "--out", out))
    assert "no program 'mytts'" in one_line(speak(home, "hey", "--command", "mytts {text} {wav}", "--out", out))
    assert "no.onnx" in one_line(speak(home, "hey", "--piper-voice", tmp_path / "no.onnx", "--out", out))
    assert "no.onnx" in one_line(speak(home, "hey", "--verify-model", tmp_path / "no.onnx", "--out", out))
    assert "--jobs is 0" in one_line(speak(home, "hey", "--out", out, "--jobs", 0))
    assert "cannot be read" in one_line(speak(home, "hey", "--text", tmp_path / "no.txt", "--out", out))
    (tmp_path / "file").write_text(json.dumps({}))
    assert "cannot be used" in one_line(speak(home, "hey", "--engine", "flite", "--out", tmp_path / "file", *FEW))
    assert not out.exists()
