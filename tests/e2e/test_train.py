"""``python train.py`` as a user drives it: train, stop, resume, export, and every wrong input."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kws.audio import write_audio
from kws.runtime.detector import Detector

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "beep"
[data]
root = "audio"
negatives = ["other"]
noise = ["noise"]
validation_share = 0.3
[data.keywords]
beep = ["beep"]
[model.settings]
n_filters = 16
n_hidden = 16
n_layers = 1
[synthesis]
duration_s = 2.0
keywords_per_stream = [0, 1]
negatives_per_stream = [0, 1]
[augment.gain]
[training]
steps = 60
batch_size = 16
warm_up_steps = 5
ema_decay = 0.9
learning_rate = 0.01
validate_every = 20
workers = 1
"""


def sound(kind: str, seed: int) -> np.ndarray:
    """Return a second with a rising tone (the word), a falling one (not the word) or noise."""
    rng = np.random.default_rng(seed)
    samples = 0.001 * rng.standard_normal(16_000)
    if kind == "noise":
        return (samples * 30).astype(np.float32)
    t = np.arange(6400) / 16_000
    low, high = rng.uniform(400, 600), rng.uniform(1800, 2400)
    first, last = (low, high) if kind == "beep" else (high, low)
    phase = 2 * np.pi * (first * t + (last - first) * t**2 / (2 * t[-1]))
    samples[4800:11_200] += 0.3 * np.sin(phase)
    return samples.astype(np.float32)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for kind in ("beep", "other", "noise"):
        (folder / "audio" / kind).mkdir(parents=True)
        for seed in range(16):
            write_audio(folder / "audio" / kind / f"{kind}-{seed}.flac", sound(kind, seed))
    (folder / "beep.toml").write_text(RECIPE)
    return folder


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def run_folder(project: Path) -> Path:
    result = train(project / "beep.toml", "--out", project / "run")
    assert result.returncode == 0, result.stderr
    return project / "run"


def test_a_run_leaves_a_model_that_runs(run_folder: Path) -> None:
    assert {"last.pt", "best.pt", "history.json", "curves.png", "beep.onnx"} <= {p.name for p in run_folder.iterdir()}
    detector = Detector.open(run_folder / "beep.onnx")
    assert detector.spec.keywords == ("beep",)
    assert detector.spec.training["train"]["keywords"]["beep"]["clips"] >= 8
    assert 0.0 < detector.spec.decision_of("beep").threshold < 1.0
    detector.process(sound("beep", 99))


def test_history_counts_words_and_hours(run_folder: Path) -> None:
    history = json.loads((run_folder / "history.json").read_text())
    assert [entry["step"] for entry in history] == [20, 40, 60]
    assert all(entry["words"]["clean"] >= 1 and entry["negative_hours"] > 0 for entry in history)


def test_resumed_run_equals_an_uninterrupted_one(project: Path, run_folder: Path) -> None:
    # Three epochs at once, against two and then one more from the saved state.
    other = project / "resumed"
    stop = subprocess.run(
        [sys.executable, "-c", _STOP_AFTER.format(steps=40), str(project / "beep.toml"), "--out", str(other)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
    )
    assert "--resume" in stop.stderr, stop.stderr
    assert not (other / "beep.onnx").exists()
    assert train(project / "beep.toml", "--out", other, "--resume").returncode == 0
    first = json.loads((run_folder / "history.json").read_text())
    again = json.loads((other / "history.json").read_text())
    assert first == again
    assert (run_folder / "beep.onnx").read_bytes() == (other / "beep.onnx").read_bytes()


# Ctrl-C right after a given step, in a process of its own.
_STOP_AFTER = """
import sys
from kws.train import loop
inner = loop.Trainer._train_step
def stop(self, batch):
    if self.step == {steps}:
        raise KeyboardInterrupt
    inner(self, batch)
loop.Trainer._train_step = stop
sys.argv[0] = "train.py"
from kws.cli import main
sys.argv.insert(1, "train")
main()
"""


def assert_one_line(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


def test_a_run_is_never_overwritten(project: Path, run_folder: Path) -> None:
    before = (run_folder / "last.pt").read_bytes()
    assert_one_line(train(project / "beep.toml", "--out", run_folder), "--resume")
    assert (run_folder / "last.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("batch_size = 16", "batchsize = 16", ("batchsize", "'batch_size'")),
        ("duration_s = 2.0", "duration = 2.0", ("duration", "'duration_s'")),
        ("[augment.gain]", "[augment.gian]", ("gian", "'gain'")),
        ('negatives = ["other"]', 'negatives = ["nowhere"]', ("nowhere", "no such folder")),
        ('root = "audio"', 'root = "audia"', ("audia", "no such folder")),
        ("steps = 60", "steps = -1", ("training.steps is -1",)),
        ('name = "beep"', 'name = "beep', ("is no TOML",)),
    ],
)
def test_wrong_recipes(project: Path, tmp_path: Path, old: str, new: str, parts: tuple[str, ...]) -> None:
    recipe = project / f"wrong-{tmp_path.name}.toml"
    recipe.write_text(RECIPE.replace(old, new))
    assert_one_line(train(recipe, "--out", tmp_path / "run"), *parts)
    assert not (tmp_path / "run" / "last.pt").exists()


def test_too_few_recordings(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "audio", tmp_path / "audio")
    for seed in range(7, 16):
        (tmp_path / "audio" / "beep" / f"beep-{seed}.flac").unlink()
    result = train(project / "beep.toml", "--data", tmp_path / "audio", "--out", tmp_path / "run")
    assert_one_line(result, "7 clips", "at least 8")


def test_resume_without_a_run_and_with_another_recipe(project: Path, run_folder: Path, tmp_path: Path) -> None:
    assert_one_line(train(project / "beep.toml", "--out", tmp_path / "none", "--resume"), "no such checkpoint")
    (project / "other.toml").write_text(RECIPE.replace("n_hidden = 16", "n_hidden = 8"))
    assert_one_line(train(project / "other.toml", "--out", run_folder, "--resume"), "another recipe")


def test_unwritable_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_one_line(train(project / "beep.toml", "--out", tmp_path / "file" / "run"), "cannot be written")


def test_help_shows_examples() -> None:
    result = train("--help")
    assert result.returncode == 0
    assert "recipes/computer.toml" in result.stdout
