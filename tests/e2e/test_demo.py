"""The bundled model on the bundled recording, as `make run` plays it where there is no microphone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.runtime import Detector

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


@pytest.mark.parametrize("dtype", ["int16", "float32"])
@pytest.mark.parametrize("block_samples", [7, 160, 1280, 100_000])
def test_blocks_of_any_size_give_the_same_events(block_samples: int, dtype: str) -> None:
    samples, _ = soundfile.read(ASSETS / "demo.flac", dtype=dtype)
    whole, cut = (Detector.open(ASSETS / "computer.onnx") for _ in range(2))
    starts = range(0, len(samples), block_samples)
    events = [event for start in starts for event in cut.process(samples[start : start + block_samples])]
    assert events == whole.process(samples)
    assert len(events) >= 6


def test_single_samples_give_the_same_events() -> None:
    samples = soundfile.read(ASSETS / "demo.flac", dtype="int16")[0][: 5 * 16_000]
    whole, cut = (Detector.open(ASSETS / "computer.onnx") for _ in range(2))
    events = [event for sample in samples for event in cut.process(sample[np.newaxis])]
    assert events == whole.process(samples)
    assert len(events) == 1


def test_what_is_bundled_is_attributed_and_small() -> None:
    attribution = (ASSETS / "demo-attribution.md").read_text()
    assert "licence" in attribution
    assert not {"wuw2", "coursera_activate"} & set(attribution.replace("/", " ").split())
    assert sum(path.stat().st_size for path in ASSETS.iterdir()) < 2_000_000
