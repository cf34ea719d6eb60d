"""The bundled model on the bundled recording, as `make run` plays it where there is no microphone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
ASSETS = ROOT / "kws" / "assets"


def test_every_word_of_the_demo_is_heard_once_and_nothing_else() -> None:
    command = [sys.executable, "run.py", "--source", "kws/assets/demo.flac", "--jsonl"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    *detections, end = [json.loads(line) for line in finished.stdout.splitlines()]
    expected = json.loads((ASSETS / "demo.json").read_text())
    # An event may come as the word ends or shortly after.
    assert [event["time_s"] for event in detections] == pytest.approx(expected["word_ends_s"], abs=0.6)
    assert {event["keyword"] for event in detections} == {expected["keyword"]}
    assert (end["event"], end["lost_samples"]) == ("end", 0)
    assert 30 < end["audio_s"] < 120


def test_what_is_bundled_is_attributed_and_small() -> None:
    attribution = (ASSETS / "demo-attribution.md").read_text()
    assert "licence" in attribution
    assert not {"wuw2", "coursera_activate"} & set(attribution.replace("/", " ").split())
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < 2_000_000
