"""Training that is stopped: by Ctrl-C, a signal or a kill, and goes on as if it had not been."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from kws.errors import CheckpointError
from kws.train.checkpoint import load_checkpoint
from tests.beeps import RECIPE, assert_one_line, train, train_command, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("project"))
    # Steps that take a while: a run must not be over before it is stopped.
    recipe = RECIPE.replace("batch_size = 16", "batch_size = 48")
    (folder / "beep.toml").write_text(recipe + "save_every = 3\n")
    return folder


@pytest.fixture(scope="module")
def whole_run(project: Path) -> Path:
    """A run that nobody disturbed."""
    result = train(project / "beep.toml", "--out", project / "run")
    assert result.returncode == 0, result.stderr
    return project / "run"


def start(project: Path, out: Path, *more: str) -> subprocess.Popen[str]:
    command = train_command(project / "beep.toml", "--out", out, *more)
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.005)


def assert_equal_runs(first: Path, second: Path) -> None:
    assert (first / "history.json").read_text() == (second / "history.json").read_text()
    assert (first / "beep.onnx").read_bytes() == (second / "beep.onnx").read_bytes()
    one, other = load_checkpoint(first / "last.pt"), load_checkpoint(second / "last.pt")
    assert one.keys() == other.keys()
    for key in ("network", "average"):
        assert all(torch.equal(one[key][name], other[key][name]) for name in one[key])
    for mine, its in zip(one["optimizer"]["state"].values(), other["optimizer"]["state"].values(), strict=True):
        assert all(torch.equal(mine[name], its[name]) for name in mine)
    assert json.loads(one["history"]) == json.loads(other["history"])
    assert (one["step"], one["loss"], one["average_updates"]) == (60, other["loss"], other["average_updates"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_stopped_run_says_how_to_go_on_and_equals_an_uninterrupted_one(
    project: Path, whole_run: Path, tmp_path: Path, number: int
) -> None:
    out = tmp_path / "a run"
    process = start(project, out)
    wait_for(out / "last.pt", process)
    process.send_signal(number)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    line = text.strip().splitlines()[-1]
    assert line.startswith("stopped at step ") and "Traceback" not in text
    command = line.partition("go on with: ")[2]
    assert f"{project / 'beep.toml'} --out '{out}' --resume" in command
    assert not (out / "beep.onnx").exists()
    # `python` is the one of this environment, as in the shell that was told to go on.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": path}
    )
    assert result.returncode == 0, result.stderr
    assert_equal_runs(whole_run, out)


def newest(out: Path) -> tuple[int, int]:
    """Return when and after which step the newest state was saved; between two renames it is previous.pt."""
    found = []
    for name in ("last.pt", "previous.pt"):
        # A save may move a file between any two looks at it.
        with contextlib.suppress(FileNotFoundError, CheckpointError):
            found.append(((out / name).stat().st_mtime_ns, load_checkpoint(out / name)["step"]))
    return max(found, default=(0, 0))


def test_killed_again_and_again_it_ends_as_an_uninterrupted_run(project: Path, whole_run: Path, tmp_path: Path) -> None:
    out, rng = tmp_path / "run", random.Random(0)
    for kill in range(5):
        before = newest(out)
        # Whoever makes the batches: this process, or one or two others.
        process = start(project, out, "--workers", str(kill % 3), *(["--resume"] if kill else []))
        while newest(out) == before and process.poll() is None:
            time.sleep(0.01)
        # From its first save on, a moment of which nothing is known.
        time.sleep(rng.uniform(0.0, 0.3))
        process.kill()
        process.communicate()
        assert newest(out)[1] >= before[1]
    result = train(project / "beep.toml", "--out", out, "--resume")
    assert result.returncode == 0, result.stderr
    assert_equal_runs(whole_run, out)


def test_damaged_newest_checkpoint(project: Path, whole_run: Path, tmp_path: Path) -> None:
    shutil.copytree(whole_run, tmp_path / "run")
    last, previous = tmp_path / "run" / "last.pt", tmp_path / "run" / "previous.pt"
    content = bytearray(last.read_bytes())
    # One bit of one weight: PyTorch's reader would take it.
    content[len(content) // 2] ^= 1
    last.write_bytes(content)
    result = train(project / "beep.toml", "--out", tmp_path / "run", "--resume")
    assert result.returncode == 0
    lines = [line for line in result.stderr.splitlines() if line.startswith("careful: ") and "damaged" in line]
    assert len(lines) == 1 and "going on from previous.pt, step 60" in lines[0]
    assert (tmp_path / "run" / "beep.onnx").read_bytes() == (whole_run / "beep.onnx").read_bytes()
    last.write_bytes(b"")
    previous.write_bytes(content[:5000])
    assert_one_line(train(project / "beep.toml", "--out", tmp_path / "run", "--resume"), "last.pt", "previous.pt")


def test_two_processes_never_train_in_one_folder(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = start(project, out)
    wait_for(out / "last.pt", process)
    result = train(project / "beep.toml", "--out", out, "--resume")
    assert_one_line(result, "another process trains there", f"process {process.pid} on {os.uname().nodename}")
    process.kill()
    process.communicate()
    # The lock of a process that is gone is none.
    process = start(project, out, "--resume")
    time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert "another process" not in process.communicate()[1]


def test_overwriting_is_asked_for_and_can_be_undone(project: Path, whole_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    shutil.copy(whole_run / "best.pt", out)
    best = (out / "best.pt").read_bytes()
    assert_one_line(train(project / "beep.toml", "--out", out), "(best.pt)", "--resume", "--overwrite")
    assert_one_line(train(project / "beep.toml", "--out", out, "--resume"), "only best.pt")
    # Nothing is moved by a run that cannot start.
    assert_one_line(train(project / "beep.toml", "--out", out, "--overwrite", "--data", tmp_path), "no such folder")
    assert (out / "best.pt").read_bytes() == best
    result = train(project / "beep.toml", "--out", out, "--overwrite")
    assert result.returncode == 0, result.stderr
    assert (out / "old" / "best.pt").read_bytes() == best
    assert_equal_runs(whole_run, out)
    assert_one_line(train(project / "beep.toml", "--out", out, "--overwrite", "--resume"), "accepted is one of them")
