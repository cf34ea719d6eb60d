"""Labelled streams from clips and background recordings, to disk and on the fly."""

from data_tools.synthesize.placement import free_gaps, insert_clip, place_clips
from data_tools.synthesize.settings import SynthesisConfig
from data_tools.synthesize.stream import NEGATIVE, Segment, Stream, StreamSynthesizer

__all__ = [
    "NEGATIVE",
    "Segment",
    "Stream",
    "StreamSynthesizer",
    "SynthesisConfig",
    "free_gaps",
    "insert_clip",
    "place_clips",
]
