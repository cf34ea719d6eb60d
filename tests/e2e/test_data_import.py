"""``kws data import`` and ``kws data split`` as a user runs them, and what training then says of the licences."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kws.manifest import Manifest
from tests import data_sets

ROOT = Path(__file__).parents[2]


def data(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from kws.cli import main; main()", "data", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def test_two_data_sets_into_one_folder_and_a_split(tmp_path: Path, out: Path) -> None:
    voices = data_sets.common_voice(tmp_path)
    first = data("import", voices, "--word", "computer", "--out", out)
    assert first.returncode == 0, first.stderr
    assert "Mozilla Common Voice" in first.stderr and "4 clips of Common Voice 9.0: CC0-1.0" in first.stdout
    assert "1 files could not be read" in first.stderr and "gone.mp3: no such file" in first.stderr
    second = data("import", "folders", data_sets.precise(tmp_path / "p"), "--set", "licence=CC BY 4.0", "--out", out)
    assert second.returncode == 0, second.stderr
    rows = Manifest(out / "manifest.csv").rows
    assert len(rows) == 8 and {row["licence"] for row in rows} == {"CC0-1.0", "CC BY 4.0"}
    assert "2 of them from before" not in second.stdout
    assert "4 of them from before" in data("import", voices, "--word", "computer", "--out", out).stdout
    before = (out / "manifest.csv").read_bytes()
    dry = data("split", out, "--val", "0.3", "--test", "0.3", "--dry-run", "--jobs", "1")
    assert dry.returncode == 0, dry.stderr
    assert "not written" in dry.stdout and (out / "manifest.csv").read_bytes() == before
    done = data("split", out, "--val", "0.3", "--test", "0.3", "--jobs", "1")
    assert "written" in done.stdout and "with-computer" in done.stdout
    assert {row["split"] for row in Manifest(out / "manifest.csv").rows} == {"train", "val", "test"}


def test_bad_input_is_one_line(tmp_path: Path, out: Path) -> None:
    data_sets.clip(tmp_path / "in" / "a.wav", 1)
    for arguments, message in (
        (("import", tmp_path / "none", "--out", out), "no such file or folder"),
        (("import", "common-vioce", tmp_path / "in", "--out", out), "did you mean 'common-voice'"),
        (("import", tmp_path / "in"), "no --out is given"),
        (("import", tmp_path / "in", "--out", tmp_path / "in" / "out"), "accepted is a folder elsewhere, or --link"),
        (("import", tmp_path / "in", "--out", out, "--set", "sha1=1"), "--set is 'sha1=1'"),
        (("split", tmp_path / "in"), "'kws data import folders"),
    ):
        found = data(*arguments)
        assert found.returncode == 2 and found.stderr.startswith("error: ") and message in found.stderr, found
        assert found.stderr.count("\n") == 1 and not out.exists()
