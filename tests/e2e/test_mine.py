"""``kws mine`` as a user runs it: clips and counts, again at no cost, misses, and one line where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import soundfile

from data_tools.label import list_places
from data_tools.label.store import read_labels
from kws.manifest import Manifest
from tests.tiny_model import bursts

ROOT = Path(__file__).parents[2]


def kws(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from kws.cli import main; main()", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


def test_mining_of_files(model: Path, recording: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "quiet.wav", bursts((), 5.0), 16_000)
    out = tmp_path / "out"
    first = kws("mine", model, recording, tmp_path / "quiet.wav", "--out", out)
    assert first.returncode == 0, first.stderr
    assert "2 recordings, 0.00 h" in first.stdout and "2 false accepts" in first.stdout
    rows = Manifest(out / "manifest.csv").rows
    assert [soundfile.info(out / row["path"]).samplerate for row in rows] == [16_000, 16_000]
    assert "2 of them heard before" in kws("mine", model, recording, tmp_path / "quiet.wav", "--out", out).stdout
    missed = kws("mine", model, tmp_path / "quiet.wav", "--positives", "--out", tmp_path / "missed")
    assert "1 of 1 words missed" in missed.stdout
    assert len(list((tmp_path / "missed" / "misses").glob("*.flac"))) == 1
    other = kws("mine", model, recording, "--floor", "0.4", "--out", out)
    assert other.returncode == 2 and "was mined with another floor" in other.stderr


def test_nothing_is_heard_unasked(model: Path, tmp_path: Path) -> None:
    silent = kws("mine", model, "--out", tmp_path / "out")
    assert silent.returncode == 2 and silent.stderr.count("\n") == 1
    assert "accepted are recordings, or --microphone" in silent.stderr
    assert not (tmp_path / "out").exists()


def test_what_was_mined_opens_on_the_label_page(model: Path, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert kws("mine", model, recording, "--out", out).returncode == 0
    places = list_places(out, None)
    found = [read_labels(place.labels, place.audio.name, soundfile.info(place.audio).duration) for place in places]
    assert [[region.state for region in labels.regions] for labels in found] == [["proposed"], ["proposed"]]
    # Nobody has decided on them yet: that is what the command says, and not that it cannot read them.
    undecided = kws("label", "export", out, "--manifest", tmp_path / "test" / "manifest.csv")
    assert undecided.returncode == 2 and "nothing is labelled there" in undecided.stderr
