"""The gears of training as a user drives them, and the live plot on a screen without hardware."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from matplotlib import image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kws.evaluate.counting import Counts
from kws.runtime.detector import Detector
from kws.train.data_config import DataConfig
from kws.train.loop import StepReport
from kws.train.observers import open_observers
from kws.train.recipe import Recipe, TrainingConfig
from kws.train.validation import Outcome
from tests.beeps import sound, train_command, write_project

ROOT = Path(__file__).parents[2]
# A window may take a minute to open on a busy computer.
PATIENCE_S = 180.0
CURVE = np.array([0x1F, 0x77, 0xB4]) / 255

RECIPE = """
extends = "beep.toml"
[model.settings]
n_hidden = 16
[augment.spec_augment]
[training]
steps = 12
batch_size = 32
validate_every = 6
workers = 2
[training.cache]
streams = 96
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("project"))
    (folder / "gears.toml").write_text(RECIPE)
    return folder


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(train_command(*arguments), capture_output=True, text=True, timeout=300, env=environment)


def pools(project: Path) -> dict[str, int]:
    """Return the finished pools beside the runs, and when each was made."""
    found = (project / "runs" / "feature-cache").glob("*/streams.bin")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def test_low_gear_trains_from_a_pool_that_other_networks_share(project: Path) -> None:
    first = train(project / "gears.toml", "--out", project / "runs" / "one", "--profile", "low")
    assert first.returncode == 0, first.stderr
    made = pools(project)
    assert len(made) == 1
    Detector.open(project / "runs" / "one" / "beep.onnx").process(sound("beep", 99))
    (project / "smaller.toml").write_text(RECIPE.replace("n_hidden = 16", "n_hidden = 8"))
    two = project / "runs" / "two"
    second = train(project / "smaller.toml", "--out", two, "--profile", "low", "--tensorboard")
    assert second.returncode == 0, second.stderr
    assert pools(project) == made
    assert (two / "tensorboard").is_dir() and not (two / "live.png").exists()
    histories = [json.loads((project / "runs" / name / "history.json").read_text()) for name in ("one", "two")]
    assert [[entry["step"] for entry in history] for history in histories] == [[6, 12]] * 2
    # What is reported is the same in every gear: all held-out words and hours.
    assert histories[0][0]["words"] == histories[1][0]["words"]


def test_high_gear_makes_streams_afresh_and_draws_while_it_trains(project: Path) -> None:
    out = project / "high" / "run"
    result = train(project / "gears.toml", "--out", out, "--profile", "high", "--workers", 1)
    assert result.returncode == 0, result.stderr
    assert not (project / "high" / "feature-cache").exists()
    assert (out / "live.png").is_file()
    assert result.stderr.count("no window can be opened") == 1
    found = EventAccumulator(str(out / "tensorboard"))
    found.Reload()
    assert [event.step for event in found.Scalars("loss/step")] == list(range(1, 13))
    assert [event.step for event in found.Scalars("cost")] == [6, 12]
    assert len(found.Tags()["images"]) == 1


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--profile", "lwo"), ("profile is 'lwo'", "did you mean 'low'?", "high, low")),
        (("--profile", ""), ("profile is ''", "high, low")),
    ],
)
def test_wrong_profiles(project: Path, tmp_path: Path, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    result = train(project / "gears.toml", "--out", tmp_path / "run", *arguments)
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert all(part in line for part in parts)
    assert not (tmp_path / "run" / "last.pt").exists()


def test_a_pool_smaller_than_a_batch(project: Path, tmp_path: Path) -> None:
    recipe = project / "small-pool.toml"
    recipe.write_text(RECIPE.replace("streams = 96", "streams = 9"))
    result = train(recipe, "--out", tmp_path / "run")
    assert result.returncode == 2, result.stderr
    (line,) = result.stderr.strip().splitlines()
    assert "training.cache.streams is 9; accepted are 0 and at least 32" in line
    assert not (tmp_path / "run").exists()


# The live plot, on a screen that nobody sees


@pytest.fixture
def display(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    try:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except FileNotFoundError:
        pytest.fail("Xvfb is not installed: apt-get install xvfb")
    with server:
        assert server.stdout is not None
        number = server.stdout.readline().strip()
        assert number, "Xvfb does not start"
        monkeypatch.setenv("DISPLAY", f":{number}")
        for name in ("WAYLAND_DISPLAY", "MPLBACKEND"):
            monkeypatch.delenv(name, raising=False)
        yield f":{number}"
        server.terminate()


def n_curve_pixels(display: str, path: Path) -> int:
    grab = ["-f", "x11grab", "-draw_mouse", "0", "-video_size", "1280x800", "-i", display]
    try:
        subprocess.run(["ffmpeg", "-y", "-v", "error", *grab, "-frames:v", "1", path], check=True)
    except FileNotFoundError:
        pytest.fail("ffmpeg is not installed: apt-get install ffmpeg")
    return int((np.abs(image.imread(path)[:, :, :3] - CURVE).max(axis=2) < 0.02).sum())


def test_the_window_grows_while_training_and_its_death_hurts_nothing(
    display: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = DataConfig(root=".", keywords={"a": ("a",)}, negatives=("n",), noise=("z",))
    group = open_observers(["live"], tmp_path, Recipe(name="word", data=data, training=TrainingConfig(steps=1000)))
    (window,) = [child for child in psutil.Process().children() if "live_plot" in " ".join(child.cmdline())]
    step, seen = 0, [0]
    # From a quarter of the steps to half of them, the curve gets longer.
    for last in (250, 500):
        while step < last:
            step += 1
            outcome = Outcome({"a": 0.5}, {"clean": Counts(9, 1, 0, 9.0)}, Counts(0, 0, 1, 60.0), 0.1)
            loss = math.exp(-step / 400)
            group.step(StepReport(step, loss, outcome if step % 100 == 0 else None, loss, 1e-3))
        deadline_s = time.monotonic() + PATIENCE_S
        while (found := n_curve_pixels(display, tmp_path / "screen.png")) < seen[-1] + 100:
            assert time.monotonic() < deadline_s and not caplog.messages, (seen, found, caplog.messages)
            time.sleep(0.3)
        seen.append(found)
    window.send_signal(signal.SIGKILL)
    window.wait(PATIENCE_S)
    deadline_s = time.monotonic() + PATIENCE_S
    while not caplog.messages and time.monotonic() < deadline_s:
        group.step(StepReport(step, 0.5, None, 0.5, 1e-3))
    group.close()
    assert caplog.messages == ["the live plot is closed; training goes on without it"]
    assert not (tmp_path / "live.png").exists()
