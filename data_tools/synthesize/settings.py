"""Settings of the synthesis, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass

from kws.config import SAMPLE_RATE_HZ, require
from kws.errors import ConfigError


@dataclass(frozen=True)
class SynthesisConfig:
    """What a synthesized stream is made of. A range is ``(low, high)``, both ends included, drawn uniformly.

    Parameters
    ----------
    duration_s : float
        Length of a stream.
    keywords_per_stream, negatives_per_stream : (int, int)
        How many keyword and negative clips a stream holds.
    min_gap_s : float
        Least distance between two clips.
    snr_db : (float, float)
        Level of a clip's active part over the noise where it lands; drawn for each clip.
    speech_probability : float
        Share of the streams with a talker in the background, 0 to 1.
    speech_snr_db : (float, float)
        Level of the keywords' active parts over that talker's; drawn for each stream.
    label_s : float
        How long the label stays one after the keyword's end.
    level_dbfs : (float, float)
        Root mean square of the finished stream; a stream whose peaks would pass full scale is quieter.
    """

    duration_s: float = 10.0
    keywords_per_stream: tuple[int, int] = (0, 4)
    negatives_per_stream: tuple[int, int] = (0, 2)
    min_gap_s: float = 0.1
    snr_db: tuple[float, float] = (0.0, 30.0)
    speech_probability: float = 0.3
    speech_snr_db: tuple[float, float] = (0.0, 20.0)
    label_s: float = 0.4
    level_dbfs: tuple[float, float] = (-40.0, -15.0)

    def __post_init__(self) -> None:
        require("synthesis.duration_s", self.duration_s, 0.05, 24 * 3600.0)
        _require_range("synthesis.keywords_per_stream", self.keywords_per_stream, 0, 100_000, whole=True)
        _require_range("synthesis.negatives_per_stream", self.negatives_per_stream, 0, 100_000, whole=True)
        require("synthesis.min_gap_s", self.min_gap_s, 0.0, 3600.0)
        _require_range("synthesis.snr_db", self.snr_db, -60.0, 120.0)
        require("synthesis.speech_probability", self.speech_probability, 0.0, 1.0)
        _require_range("synthesis.speech_snr_db", self.speech_snr_db, -60.0, 120.0)
        require("synthesis.label_s", self.label_s, 0.001, 60.0)
        _require_range("synthesis.level_dbfs", self.level_dbfs, -100.0, 0.0)

    @property
    def n_samples(self) -> int:
        """Length of a stream in samples."""
        return round(self.duration_s * SAMPLE_RATE_HZ)

    @property
    def min_gap_samples(self) -> int:
        """Least distance between two clips in samples."""
        return round(self.min_gap_s * SAMPLE_RATE_HZ)


def _require_range(name: str, values: tuple[float, ...], low: float, high: float, whole: bool = False) -> None:
    if not isinstance(values, tuple) or len(values) != 2:
        raise ConfigError(f"{name} is {values!r}; accepted is a range of two numbers (low, high)")
    for value in values:
        require(name, value, low, high)
        if whole and not isinstance(value, int):
            raise ConfigError(f"{name} is {values!r}; accepted are whole numbers")
    if values[0] > values[1]:
        raise ConfigError(f"{name} is {values!r}; accepted is (low, high) with low <= high")
