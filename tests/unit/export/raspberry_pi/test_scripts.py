"""What both scripts of the folder must pass, and what prove.sh refuses; the proof itself takes a quarter of an hour."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
FOLDER = ROOT / "export" / "raspberry_pi"


def prove(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["sh", str(FOLDER / "prove.sh"), *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("name", ["install.sh", "prove.sh"])
def test_shellcheck(name: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.fail("shellcheck is not installed: apt-get install shellcheck", pytrace=False)
    finished = subprocess.run(["shellcheck", str(FOLDER / name)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout


def test_help_of_the_proof() -> None:
    finished = prove("--help")
    assert finished.returncode == 0
    assert "--model FILE" in finished.stdout and "example:" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--foo"], "--foo is no option"),
        (["--model"], "--model needs a value"),
        (["--model", "missing.onnx"], "--model missing.onnx: no such file"),
        (["--recording", "missing.flac"], "--recording missing.flac: no such file"),
        (["--arch", "riscv64"], "accepted are arm64 and armhf"),
        (["--cpu", "cortex-m4"], "accepted are cortex-a53, cortex-a72 and cortex-a76"),
        (["--arch", "armhf"], "needs --model FILE.tflite"),
        (["--in", "here"], "accepted is a path from /"),
    ],
)
def test_bad_arguments_are_one_line(arguments: list[str], said: str) -> None:
    finished = prove(*arguments)
    assert finished.returncode == 2
    assert said in finished.stderr and finished.stderr.count("\n") == 1


def test_a_folder_of_somebody_else_is_not_filled_and_not_removed(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    finished = prove("--in", str(tmp_path))
    assert finished.returncode == 2 and "not of this script" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["photo.jpg"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "sources.list",
            "# deb http://old.example/debian sid main\ndeb [trusted=yes] http://near.example/debian sid main\n",
        ),
        ("sources.list.d/a.sources", "Types: deb\nURIs: http://near.example/debian\nSuites: bookworm\n"),
    ],
)
def test_the_mirror_is_that_of_apt(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / name).write_text(text)
    (tmp_path / "sources.list.d" / "other.list").write_text("deb http://tools.example/apt stable main\n")
    function = (FOLDER / "prove.sh").read_text().split("\napt_mirror() {\n")[1].split("\n}\n")[0]
    finished = subprocess.run(["sh", "-c", function, "sh", str(tmp_path)], capture_output=True, text=True)
    assert finished.stdout == "http://near.example/debian\n"
