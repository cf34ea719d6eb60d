"""The bars of the terminal display: they jump to a peak and fall back slowly."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from kws.audio import FloatArray
from kws.runtime.sinks.base import Status
from kws.runtime.sinks.best_scores import BestScores
from kws.runtime.sinks.view_rows import LOWEST_DB, Gauge, level_gauge, score_gauge
from kws.spec import ModelSpec

# How fast the bars fall back: slow enough to be read.
_LEVEL_FALL_DB_S = 25.0
_SCORE_FALL_S = 0.8


class LevelBars:
    """Peak level of each channel since the last picture."""

    def __init__(self) -> None:
        self._block: FloatArray | None = None
        self.n_channels = 0
        self._peaks_db: list[float] = []
        self._shown_db: list[float] = []

    def hear(self, samples: FloatArray) -> None:
        """Keep a block ``(C, N)``, in case that its level is not told."""
        self._block = samples
        self.n_channels = len(samples)

    def measure(self, status: Status) -> None:
        """Take the levels of the last block."""
        levels_db: Sequence[float] = status.levels_db
        if not levels_db and self._block is not None and self._block.size:
            levels_db = _levels_db(self._block)
        self._block = None
        if len(levels_db) > len(self._peaks_db):
            self._peaks_db = [LOWEST_DB] * len(levels_db)
            self._shown_db = list(self._peaks_db)
        self._peaks_db[: len(levels_db)] = map(max, levels_db, self._peaks_db)

    def gauges(self, floors_db: Sequence[float], passed_s: float) -> list[Gauge]:
        """Return what to draw, `passed_s` after the last picture."""
        fallen_db = _LEVEL_FALL_DB_S * passed_s
        self._shown_db = [
            max(peak, shown - fallen_db, LOWEST_DB) for peak, shown in zip(self._peaks_db, self._shown_db, strict=True)
        ]
        self._peaks_db = [LOWEST_DB] * len(self._peaks_db)
        return [
            level_gauge(channel, level_db, floors_db[channel] if channel < len(floors_db) else None)
            for channel, level_db in enumerate(self._shown_db)
        ]


class ScoreBars:
    """Peak score of each keyword since the last picture."""

    def __init__(self, specs: Sequence[ModelSpec]) -> None:
        self._best = {spec.name: BestScores(spec) for spec in specs}
        self._peaks = {spec.name: np.zeros(len(spec.keywords), np.float32) for spec in specs}
        self._shown = {name: peaks.copy() for name, peaks in self._peaks.items()}
        n_uses = {word: sum(word in spec.keywords for spec in specs) for spec in specs for word in spec.keywords}
        self._labels = {
            spec.name: [
                (word if n_uses[word] == 1 else f"{word} ({spec.name})", spec.decision_of(word).threshold)
                for word in spec.keywords
            ]
            for spec in specs
        }

    def hear(self, scores: FloatArray, model: str) -> None:
        """Take the raw scores ``(C, T, K)`` of a model."""
        if scores.shape[1]:
            peaks = self._peaks[model]
            np.maximum(peaks, self._best[model].update(scores).max(axis=0), out=peaks)

    def gauges(self, passed_s: float) -> list[Gauge]:
        """Return what to draw, `passed_s` after the last picture."""
        kept = math.exp(-passed_s / _SCORE_FALL_S)
        gauges = []
        for name, labels in self._labels.items():
            shown = np.maximum(self._peaks[name], self._shown[name] * kept)
            self._shown[name] = shown
            self._peaks[name][:] = 0.0
            gauges += [
                score_gauge(label, score, threshold)
                for (label, threshold), score in zip(labels, shown.tolist(), strict=True)
            ]
        return gauges


def _levels_db(samples: FloatArray) -> list[float]:
    power = np.einsum("cn,cn->c", samples, samples) / samples.shape[1]
    return [float(level_db) for level_db in 10.0 * np.log10(np.maximum(power, 1e-12))]
