"""The float64 reference that also made the golden vectors, and the signals that every executor is held to."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

GOLDEN = Path(__file__).parents[2] / "golden"
N_SAMPLES = 8000
# Largest distance between any two executors, in the log domain.
GATE = 2e-3


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The module with ``reference_features``, ``reference_bands`` and the golden ``CONFIGS``."""
    spec = importlib.util.spec_from_file_location("make_front_end", GOLDEN / "make_front_end.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """The stored signal (``pcm16``) and its features by name of configuration."""
    with np.load(GOLDEN / "front_end.npz", allow_pickle=False) as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def gate() -> float:
    return GATE


@pytest.fixture(scope="session")
def signals() -> dict[str, np.ndarray]:
    """Half a second each of the signals that find what rounding does, float32 of shape (N,)."""
    rng = np.random.default_rng(7)
    n = np.arange(N_SAMPLES)
    noise = rng.standard_normal(N_SAMPLES)
    return {
        name: np.asarray(signal, dtype=np.float32)
        for name, signal in {
            "silence": np.zeros(N_SAMPLES),
            "noise": 0.1 * noise,
            "faint_noise": 1e-4 * noise,
            "last_bit": np.rint(noise) / 32768.0,
            "full_scale_noise": np.clip(noise, -1.0, 1.0),
            "chirp": 0.5 * np.sin(np.pi * 8000.0 * n**2 / N_SAMPLES / 16_000),
            "full_scale_tone": np.sin(2.0 * np.pi * 997.0 * n / 16_000),
            "clipped_tone": np.sign(np.sin(2.0 * np.pi * 440.0 * n / 16_000)),
            "offset": np.full(N_SAMPLES, 1.0 - 2.0**-15),
            "impulse": (n == 3000).astype(float),
            "onset": np.where(n < 4000, 0.0, 0.3 * noise),
        }.items()
    }
