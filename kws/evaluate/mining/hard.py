"""The stretches of recordings without the word that a model takes for it most."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.errors import ConfigError
from kws.evaluate.peaks import AFTER_S, BEFORE_S, PeakPicker
from kws.evaluate.recordings import Recording
from kws.evaluate.scoring import OnProgress, hear_all
from kws.runtime import open_runner


@dataclass(frozen=True)
class HardNegative:
    """A stretch of a recording without the word.

    Parameters
    ----------
    recording : Recording
    start, end : int
        In samples.
    score : float
        The highest of the model, 0 to 1.
    """

    recording: Recording
    start: int
    end: int
    score: float

    @property
    def samples(self) -> FloatArray:
        """Its audio, float32."""
        return self.recording.samples[self.start : self.end]


def hard_negatives(
    model: str | os.PathLike[str],
    recordings: Sequence[Recording],
    keyword: str,
    least_score: float = 0.1,
    most: int = 1000,
    on_progress: OnProgress | None = None,
) -> list[HardNegative]:
    """Find what a model hears as its keyword, or nearly.

    Parameters
    ----------
    model : path
        Model file.
    recordings : sequence of Recording
        Without the word; each is heard after silence.
    keyword : str
    least_score : float
        What peaks lower is left out, 0 to 1.
    most : int
        How many are kept.
    on_progress : callable, optional
        Called with the seconds of audio heard and their total.

    Returns
    -------
    list of HardNegative
        The hardest first; those of a recording do not overlap.

    Raises
    ------
    ConfigError
        If the model has no such keyword or a setting is out of range.
    ModelFileError
        If the model cannot be opened.
    """
    spec = open_runner(model).spec
    require("least_score", least_score, 0.0, 1.0)
    require("most", most, 1, 10_000_000)
    if keyword not in spec.keywords:
        raise ConfigError(f"{os.fspath(model)} has no keyword {keyword!r}; accepted: {', '.join(spec.keywords)}")
    picker = PeakPicker(least_score, spec.step_s, (spec.keywords.index(keyword),))
    heard = hear_all(model, [r.samples for r in recordings], on_progress=on_progress)
    found = []
    for recording, one in zip(recordings, heard, strict=True):
        picker.reset()
        for peak in [*picker.update(one.scores), *picker.flush()]:
            found.append(_stretch(recording, peak.end_s(spec.step_s), peak.score))
    return sorted(found, key=lambda stretch: -stretch.score)[:most]


def _stretch(recording: Recording, end_s: float, score: float) -> HardNegative:
    start, end = (round(t * SAMPLE_RATE_HZ) for t in (max(0.0, end_s - BEFORE_S), end_s + AFTER_S))
    return HardNegative(recording, start, min(end, len(recording.samples)), score)
