"""The raw_data folders of the assignment, as they are, through ``train.py`` and ``run.py``: 44.1 kHz in, model out."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.runtime import open_runner

ROOT = Path(__file__).parents[2]
RATE_HZ = 44_100
# The names of the original files: they decide which of them are kept for validation.
FILES = {
    "activates": ("1", "1_act2", "1_act3", "2", "2_act2", "2_act3", "3", "3_act2", "3_act3", "4_act2"),
    "negatives": ("1", "1_0", "2", "2_1", "3", "3_2", "4", "4_0", "5", "5_1"),
    "backgrounds": ("1", "2"),
    "dev": ("1", "2"),
}
SHORT = {
    "steps = 500 ": "steps = 3 ",
    "batch_size = 8": "batch_size = 2",
    "validate_every = 100": "validate_every = 3",
    # One rising tone is like another.
    "validation_share = 0.25": "keep_copies = true\nvalidation_share = 0.25",
}


def sound(kind: str, seed: int) -> np.ndarray:
    """Return a rising tone (the word), a falling one (another word), or 10 s of noise."""
    rng = np.random.default_rng(seed)
    if kind in ("backgrounds", "dev"):
        return 0.01 * rng.standard_normal(10 * RATE_HZ)
    t = np.arange(round(0.4 * RATE_HZ)) / RATE_HZ
    first, last = (500, 2000) if kind == "activates" else (2000, 500)
    tone = 0.3 * np.sin(2 * np.pi * (first * t + (last - first) * t**2 / 0.8))
    return np.pad(tone, RATE_HZ // 8) + 0.001 * rng.standard_normal(len(t) + 2 * (RATE_HZ // 8))


@pytest.fixture(scope="module")
def raw_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw_data")
    for kind, names in FILES.items():
        (folder / kind).mkdir()
        for seed, name in enumerate(names):
            soundfile.write(folder / kind / f"{name}.wav", sound(kind, seed), RATE_HZ, subtype="PCM_16")
    return folder


def command(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture(scope="module")
def model(raw_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe as it is, but for its schedule."""
    folder = tmp_path_factory.mktemp("course")
    text = (ROOT / "recipes" / "from-the-course.toml").read_text(encoding="utf8")
    for old, new in SHORT.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "short.toml").write_text(text, encoding="utf8")
    words = (folder / "short.toml", "--data", raw_data, "--out", folder / "run", "--workers", 0)
    result = command("train.py", *words)
    assert result.returncode == 0, result.stderr
    return folder / "run" / "activate.onnx"


def test_the_folders_give_a_model_on_the_grid_of_the_assignment(model: Path) -> None:
    spec = open_runner(model).spec
    assert spec.keywords == ("activate",)
    assert (spec.front_end.hop_samples, spec.front_end.n_bands, spec.step_samples) == (29, 101, 116)
    counts = spec.training["train"]
    assert spec.training["parameters"] == 522_425
    assert counts["keywords"]["activate"]["clips"] == 8
    assert (counts["negatives"]["clips"], counts["noise"]["clips"]) == (7, 1)


def test_the_model_runs_and_lays_chimes_over_a_recording(model: Path, raw_data: Path, tmp_path: Path) -> None:
    words = ("--model", model, "--threshold", 0.0, "--source", raw_data / "dev" / "1.wav", "--jsonl")
    result = command("run.py", *words, "--chimed", tmp_path / "chimed.wav")
    assert result.returncode == 0, result.stderr
    events = [line for line in map(json.loads, result.stdout.splitlines()) if line.get("keyword") == "activate"]
    # Every score reaches a threshold of zero, and none falls below it again.
    assert len(events) == 1
    heard, _ = soundfile.read(tmp_path / "chimed.wav")
    assert len(heard) == 160_000 and np.abs(heard).max() > 0.05


def test_a_folder_that_is_not_there_is_one_line(raw_data: Path, tmp_path: Path) -> None:
    result = command(
        "train.py", "recipes/from-the-course.toml", "--data", raw_data / "activates", "--out", tmp_path / "run"
    )
    assert result.returncode == 2
    assert "activates/activates: no such folder" in " ".join(result.stderr.split())


def test_the_benchmark_draws_what_needs_no_audio(tmp_path: Path) -> None:
    result = command("benchmarks/from_the_course.py", "labels", "loop", "queue", "--trials", 2, "--out", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Tx 5511, Ty 1375" in result.stdout and "10000 of 10000 ends" in result.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"course-loop.png", "course-queue.png"}


def test_the_benchmark_draws_the_scores_of_a_model(model: Path, raw_data: Path, tmp_path: Path) -> None:
    words = ("dev", "--clips", raw_data / "dev", "--model", model, "--out", tmp_path)
    result = command("benchmarks/from_the_course.py", *words)
    assert result.returncode == 0, result.stderr
    assert "run, 1.wav: events" in result.stdout and "run, 2.wav: events" in result.stdout
    assert (tmp_path / "course-dev.png").stat().st_size > 5000
