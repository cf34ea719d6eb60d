"""A disk that is full: found before the first step, survived in the middle."""

import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kws.train.checkpoint import load_checkpoint
from tests.beeps import RECIPE, train_command, write_project

# Larger than the history and a log, smaller than any checkpoint.
FULL_BYTES = 20_000


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("project"))
    steps = RECIPE.replace("steps = 60", "steps = 400").replace("validate_every = 20", "validate_every = 400")
    (folder / "beep.toml").write_text(steps + "save_every = 5\n")
    return folder


def limit_files(process: int, n_bytes: int) -> None:
    """Let a process write no file beyond a size: what a full disk is to it, without a disk of its own."""
    _, most = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (n_bytes, most))


def test_too_little_room_is_found_before_the_first_step(project: Path, tmp_path: Path) -> None:
    def limit() -> None:
        limit_files(0, FULL_BYTES)

    command = train_command(project / "beep.toml", "--out", tmp_path / "run")
    result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=300)
    assert result.returncode == 2
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith(f"error: {tmp_path / 'run'}: cannot be written (File too large); the run needs ")
    assert "step 1/" not in result.stderr
    assert not (tmp_path / "run").exists(), "nothing was begun"


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stderr is not None
    yield from process.stderr


def test_a_disk_that_fills_up_is_survived(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = train_command(project / "beep.toml", "--out", out)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while not (out / "last.pt").exists():
            assert process.poll() is None
            time.sleep(0.01)
        limit_files(process.pid, FULL_BYTES)
        said = lines_of(process)
        line = next(line for line in said if "careful:" in line and "cannot be written" in line)
        assert f"{out / 'last.pt'}: cannot be written (File too large); training goes on" in line
        safe = load_checkpoint(out / "last.pt")["step"]
        assert line.strip().endswith(f"step {safe} is safe on disk")
        limit_files(process.pid, resource.RLIM_INFINITY)
        line = next(line for line in said if "can be written again" in line)
        again = int(line.strip().split("step ")[1].split()[0])
        assert again > safe
        rest = "".join(said)
    assert process.returncode == 0, rest
    assert "cannot be written" not in rest
    assert load_checkpoint(out / "last.pt")["step"] == 400 and (out / "beep.onnx").exists()
    assert not list(out.glob(".*.tmp"))
