"""``accelerate launch train.py`` on several CPU processes: as good as one, stopped and gone on with as one."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kws.train.checkpoint import load_checkpoint
from tests.beeps import RECIPE, ROOT, train, write_project

LAUNCH = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("project"))
    # Long enough for the tones to be told apart whatever the batches.
    (folder / "beep.toml").write_text(RECIPE.replace("steps = 60", "steps = 120"))
    return folder


def launch(project: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    script = [str(ROOT / "train.py"), str(project / "beep.toml"), "--out", str(out)]
    command = [*LAUNCH, "--main_process_port", "0", *script, *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def two(project: Path) -> Path:
    """A run of two processes that nobody disturbed."""
    process = launch(project, project / "two")
    _, text = process.communicate(timeout=300)
    assert process.returncode == 0, text
    # One process speaks.
    assert text.count("step 120: clean") == 1 and text.count("try it:") == 1
    return project / "two"


def test_two_processes_reach_what_one_does(project: Path, two: Path) -> None:
    result = train(project / "beep.toml", "--out", project / "one")
    assert result.returncode == 0, result.stderr
    figures = [json.loads((project / name / "history.json").read_text())[-1] for name in ("one", "two")]
    for figure in figures:
        assert figure["words"]["clean"] == 5
        assert figure["missed"]["clean"] <= 1 and figure["false_accepts"] <= 1
    assert abs(figures[0]["cost"] - figures[1]["cost"]) <= 0.25
    values = load_checkpoint(two / "last.pt")
    assert values["processes"] == 2 and values["step"] == 120
    assert {len(state) for state in values["states"]} == {16}


def test_two_processes_stop_together_and_go_on_bit_for_bit(project: Path, two: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = launch(project, out)
    while not (out / "last.pt").exists():
        assert process.poll() is None
        time.sleep(0.01)
    # To the launcher, which passes it on; Ctrl-C goes the same way.
    process.send_signal(signal.SIGTERM)
    _, text = process.communicate(timeout=120)
    line = next(line for line in text.splitlines() if line.startswith("stopped at step "))
    assert ", saved; go on with: accelerate launch --multi_gpu --num_processes 2" in line
    stopped = load_checkpoint(out / "last.pt")["step"]
    assert 20 <= stopped < 120 and f"stopped at step {stopped}" in line
    process = launch(project, out, "--resume")
    _, text = process.communicate(timeout=300)
    assert process.returncode == 0, text
    assert (out / "history.json").read_text() == (two / "history.json").read_text()
    assert (out / "beep.onnx").read_bytes() == (two / "beep.onnx").read_bytes()


def test_a_wrong_recipe_is_told_once(project: Path, tmp_path: Path) -> None:
    process = launch(project, tmp_path / "run", "--data", str(tmp_path / "nowhere"))
    _, text = process.communicate(timeout=120)
    assert text.count("no such folder") == 1 and process.returncode != 0
