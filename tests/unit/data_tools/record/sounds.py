"""Words that are easy to find: tones over faint noise, and a voice detector that hears nothing but their level."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_tools.record import TakeConfig, TakeDetector
from kws.config import SAMPLE_RATE_HZ

CHUNK = 512


class LoudIsSpeech:
    """Says that whatever is loud is speech, without delay."""

    chunk_samples = CHUNK

    def __init__(self):
        self.n_resets = 0

    def speech_probability(self, chunk):
        return 1.0 if np.sqrt(np.mean(np.square(chunk))) > 0.004 else 0.0

    def reset(self):
        self.n_resets += 1


@dataclass
class Heard:
    """A block, as sources give it."""

    samples: np.ndarray
    lost: int = 0
    notice: str = ""


def n_samples(duration_s: float) -> int:
    return round(duration_s * SAMPLE_RATE_HZ)


def quiet(duration_s: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 1e-3, n_samples(duration_s)).astype(np.float32)


def word(duration_s: float = 0.5, peak: float = 0.3) -> np.ndarray:
    time_s = np.arange(n_samples(duration_s)) / SAMPLE_RATE_HZ
    return (peak * np.sin(2 * np.pi * 400 * time_s)).astype(np.float32)


def session(*parts: np.ndarray) -> np.ndarray:
    """Return parts one after the other, as one channel ``(1, N)``."""
    return np.concatenate(parts)[None]


def stretches(samples: np.ndarray, block: int = 1280, config: TakeConfig | None = None):
    """Return what a detector finds, and the detector."""
    detector = TakeDetector(LoudIsSpeech(), config)
    found = []
    for start in range(0, samples.shape[1], block):
        found += detector.process(samples[:, start : start + block])
    return found, detector
