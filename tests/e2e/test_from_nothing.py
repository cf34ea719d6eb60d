"""A word without a single recording: spoken, trained on, and run, by the commands of the README."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from kws.runtime import Detector
from tests.beeps import assert_one_line, train

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "lumi"
seed = 3
[data]
root = "."
[data.keywords]
lumi = []
[data.spoken]
lumi = "spoken"
[model]
preset = "compact"
[synthesis]
duration_s = 3.0
keywords_per_stream = [0, 1]
negatives_per_stream = [0, 2]
[training]
steps = 4
batch_size = 4
validate_every = 4
workers = 0
"""


def test_spoken_trained_and_run(tmp_path: Path) -> None:
    (tmp_path / "lumi.toml").write_text(RECIPE)
    (tmp_path / "words").write_text("gloomy\nroomy\nlunar\n")
    assert_one_line(train(tmp_path / "lumi.toml", "--out", tmp_path / "run"), "spoken", "kws speak 'lumi' --out")

    counts = ("--positives", "24", "--confusables", "8", "--sentences", "8", "--jobs", "1")
    engines = ("--engine", "espeak-ng", "--engine", "flite", "--words", str(tmp_path / "words"))
    command = [sys.executable, "-c", "from kws.cli import main; main()", "speak", "lumi", "--out", "spoken"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": str(ROOT)}
    spoken = subprocess.run(
        [*command, *counts, *engines], capture_output=True, text=True, timeout=300, cwd=tmp_path, env=environment
    )
    assert spoken.returncode == 0, spoken.stderr

    trained = train(tmp_path / "lumi.toml", "--out", tmp_path / "run")
    assert trained.returncode == 0, trained.stderr
    assert "a computer spoke all validation words" in trained.stdout + trained.stderr
    detector = Detector.open(tmp_path / "run" / "lumi.onnx")
    said = detector.spec.training["train"]
    assert said["keywords"]["lumi"]["synthetic"] == said["keywords"]["lumi"]["clips"] > 8
    # Hiss, rumble, noise and hum: nobody recorded any.
    assert said["noise"] == {"clips": 4, "hours": 0.033, "speakers": 0, "synthetic": 4}
