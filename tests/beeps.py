"""A training project of a few seconds: a rising tone is the word, a falling one is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from kws.audio import write_audio

ROOT = Path(__file__).parents[1]

RECIPE = """
name = "beep"
[data]
root = "audio"
negatives = ["other"]
noise = ["noise"]
validation_share = 0.3
keep_copies = true
[data.keywords]
beep = ["beep"]
[model.settings]
n_filters = 16
n_hidden = 16
n_layers = 1
[synthesis]
duration_s = 2.0
keywords_per_stream = [0, 1]
negatives_per_stream = [0, 1]
[augment.gain]
[training]
steps = 60
batch_size = 16
warm_up_steps = 5
ema_decay = 0.9
learning_rate = 0.01
validate_every = 20
workers = 1
"""


def sound(kind: str, seed: int) -> np.ndarray:
    """Return a second with a rising tone (the word), a falling one (not the word) or noise."""
    rng = np.random.default_rng(seed)
    samples = 0.001 * rng.standard_normal(16_000)
    if kind == "noise":
        return (samples * 30).astype(np.float32)
    t = np.arange(6400) / 16_000
    low, high = rng.uniform(400, 600), rng.uniform(1800, 2400)
    first, last = (low, high) if kind == "beep" else (high, low)
    phase = 2 * np.pi * (first * t + (last - first) * t**2 / (2 * t[-1]))
    samples[4800:11_200] += 0.3 * np.sin(phase)
    return samples.astype(np.float32)


def write_project(folder: Path) -> Path:
    """Write recordings and the recipe ``beep.toml``; return the folder."""
    for kind in ("beep", "other", "noise"):
        (folder / "audio" / kind).mkdir(parents=True)
        for seed in range(16):
            write_audio(folder / "audio" / kind / f"{kind}-{seed}.flac", sound(kind, seed))
    (folder / "beep.toml").write_text(RECIPE)
    return folder


def train_command(*arguments: object) -> list[str]:
    """Return ``python train.py`` with arguments."""
    return [sys.executable, str(ROOT / "train.py"), *map(str, arguments)]


def train(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``python train.py`` to its end."""
    return subprocess.run(train_command(*arguments), capture_output=True, text=True, timeout=300)


def assert_one_line(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    """Check that a command refused its input in one line that names the parts."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]
