"""How takes are found and judged."""

from __future__ import annotations

from dataclasses import dataclass

from kws.config import require


@dataclass(frozen=True)
class TakeConfig:
    """When a take begins and ends, and which takes are good.

    Parameters
    ----------
    start_probability, stop_probability : float
        Speech begins at the one and has ended below the other.
    pause_s : float
        Silence that ends a take.
    search_s : float
        Audio before and after what the voice activity detector calls speech in which the word is looked for; detectors
        are late for soft beginnings. At most `pause_s`.
    margin_s : float
        What is kept before and after the word.
    min_speech_s : float
        Less speech than this is another sound.
    min_word_s, max_word_s : float
        Accepted length of the word.
    min_level_dbfs : float
        Active speech level (ITU-T P.56) below which a take is too quiet.
    max_flat_tops : int
        Flat tops from which on a take is clipped.
    """

    start_probability: float = 0.5
    stop_probability: float = 0.35
    pause_s: float = 0.5
    search_s: float = 0.45
    margin_s: float = 0.15
    min_speech_s: float = 0.16
    min_word_s: float = 0.2
    max_word_s: float = 3.0
    min_level_dbfs: float = -45.0
    max_flat_tops: int = 3

    def __post_init__(self) -> None:
        require("start_probability", self.start_probability, 0.01, 1.0)
        require("stop_probability", self.stop_probability, 0.0, self.start_probability)
        require("pause_s", self.pause_s, 0.1, 5.0)
        require("search_s", self.search_s, 0.0, self.pause_s)
        require("margin_s", self.margin_s, 0.0, 1.0)
        require("max_word_s", self.max_word_s, 0.1, 60.0)
        require("min_word_s", self.min_word_s, 0.0, self.max_word_s)
