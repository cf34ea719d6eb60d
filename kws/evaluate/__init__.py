"""Events against reference words: false reject rate, false accepts per hour, and the choice of a threshold."""

from kws.evaluate.counting import Counts, MatchWindow, count
from kws.evaluate.operating_point import OperatingPoint, Track, choose_threshold, count_tracks, default_thresholds

__all__ = [
    "Counts",
    "MatchWindow",
    "OperatingPoint",
    "Track",
    "choose_threshold",
    "count",
    "count_tracks",
    "default_thresholds",
]
