"""Which takes are good, and what is wrong with the others."""

from __future__ import annotations

from dataclasses import dataclass

from data_tools.record.detector import Stretch
from data_tools.record.settings import TakeConfig
from data_tools.record.take import Take, broken_edge, cut_take
from kws.config import SAMPLE_RATE_HZ

# A word that begins so close to where the audio begins may have begun before it.
_EDGE_S = 0.03


@dataclass(frozen=True)
class Rejection:
    """Why something is no take.

    Parameters
    ----------
    code : {"too-long", "not-speech", "cut", "too-short", "too-quiet", "clipped"}
    what : str
        What was found, with its value.
    advice : str
        What to do about it.
    """

    code: str
    what: str
    advice: str


def judge(stretch: Stretch, config: TakeConfig) -> Take | Rejection:
    """Return the take in a stretch of speech, or why there is none."""
    if stretch.is_too_long:
        return Rejection(
            "too-long", f"longer than {config.max_word_s:g} s", "say the word alone, with a pause before and after it"
        )
    take = cut_take(stretch, config)
    return _rejection(stretch, take, config) or take


def _rejection(stretch: Stretch, take: Take, config: TakeConfig) -> Rejection | None:
    # What came in pieces or as another sound is not measured further: the first reason is the one to act on.
    if take.speech_s < config.min_speech_s:
        what = f"not speech ({take.speech_s:.2f} s of it sound like a voice)"
        return Rejection("not-speech", what, "say the word; coughs and clicks are left out")
    edge = _cut_edge(stretch, take)
    if edge:
        return Rejection("cut", f"cut off at its {edge}", "wait a moment before the word and after it")
    broken = broken_edge(stretch.samples[take.channel])
    if broken:
        return Rejection("cut", f"cut off at its {broken} by digital silence", "look after the microphone")
    if take.word_s < config.min_word_s:
        return Rejection("too-short", f"too short ({take.word_s:.2f} s)", "say the whole word")
    if take.n_flat_tops >= config.max_flat_tops:
        return Rejection(
            "clipped", f"clipped ({take.n_flat_tops} flat tops)", "lower the input level, or speak from further away"
        )
    if take.level_dbfs < config.min_level_dbfs:
        return Rejection(
            "too-quiet", f"too quiet ({take.level_dbfs:.0f} dBFS)", "raise the input level, or come closer"
        )
    return None


def _cut_edge(stretch: Stretch, take: Take) -> str:
    edge = round(_EDGE_S * SAMPLE_RATE_HZ)
    first = take.start - stretch.start + take.word[0]
    if stretch.is_open_before and first < edge:
        return "beginning"
    last = first + take.word[1] - take.word[0]
    return "end" if stretch.is_open_after and last > stretch.samples.shape[1] - edge else ""
