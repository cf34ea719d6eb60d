"""A take: the word cut out of a stretch of speech, and what is measured of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_tools.check.measure import flat_tops
from data_tools.check.speech_level import SILENCE_DBFS, active_speech_level
from data_tools.record.detector import Stretch
from data_tools.record.settings import TakeConfig
from kws.activity import active_region
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

# The voice activity detector is so late at most, at the beginning and at the end of words (benchmarks/vad.py).
_LATE_START_S, _LATE_END_S = 0.1, 0.2
_NOISE_FRAME = SAMPLE_RATE_HZ // 100
# So many zeros are no coincidence; sound is loud at 20 dB below its peak.
_BREAK = round(0.03 * SAMPLE_RATE_HZ)
_LOUD_EDGE = 0.1


@dataclass(frozen=True, eq=False)
class Take:
    """One spoken word.

    Parameters
    ----------
    samples : array of float32, shape (N,)
        The word and what is kept around it, of one channel.
    channels : array of float32, shape (C, N)
        The same of all channels.
    channel : int
        Which one `samples` is: the one in which the word stands out most.
    start : int
        Sample of the session at which it begins.
    word : tuple of int
        First and last sample (half-open) of the word within `samples`.
    level_dbfs, snr_db : float
        Active speech level (ITU-T P.56), and how far above the noise around the word it is.
    n_flat_tops : int
        Clipped peaks.
    speech_s : float
        How much the voice activity detector calls speech.
    """

    samples: FloatArray
    channels: FloatArray
    channel: int
    start: int
    word: tuple[int, int]
    level_dbfs: float
    snr_db: float
    n_flat_tops: int
    speech_s: float

    @property
    def duration_s(self) -> float:
        """Length of the take."""
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def word_s(self) -> float:
        """Length of the word."""
        return (self.word[1] - self.word[0]) / SAMPLE_RATE_HZ


def cut_take(stretch: Stretch, config: TakeConfig) -> Take:
    """Find the word in a stretch that is not too long, and keep a margin around it."""
    measured = [_measured(channel, stretch) for channel in stretch.samples]
    best = int(np.argmax([snr_db for _, snr_db in measured]))
    (first, last), snr_db = measured[best]
    margin = round(config.margin_s * SAMPLE_RATE_HZ)
    start, end = max(0, first - margin), min(stretch.samples.shape[1], last + margin)
    channels = stretch.samples[:, start:end]
    samples = channels[best]
    return Take(
        samples,
        channels,
        best,
        stretch.start + start,
        (first - start, last - start),
        active_speech_level(samples),
        snr_db,
        flat_tops(samples[None])[1],
        stretch.speech_s,
    )


def _measured(channel: FloatArray, stretch: Stretch) -> tuple[tuple[int, int], float]:
    """Return where the word is in a channel, and its level above the noise there."""
    word = find_word(channel, stretch.speech)
    level_dbfs = active_speech_level(channel[slice(*word)])
    return word, level_dbfs - noise_level(channel, word) if level_dbfs > SILENCE_DBFS else 0.0


def find_word(channel: FloatArray, speech: tuple[int, int]) -> tuple[int, int]:
    """Return first and last sample (half-open) of the word: the active sound, and all that is surely speech.

    Parameters
    ----------
    channel : array of float32, shape (N,)
    speech : tuple of int
        Where the voice activity detector finds speech.
    """
    first, last = active_region(channel)
    sure = speech[0] + round(_LATE_START_S * SAMPLE_RATE_HZ), speech[1] - round(_LATE_END_S * SAMPLE_RATE_HZ)
    if last <= speech[0] or first >= speech[1]:
        # A click near the word is louder than the word.
        first, last = (speech[0] + edge for edge in active_region(channel[slice(*speech)]))
    return min(first, max(sure[0], 0)), max(last, sure[1])


def noise_level(channel: FloatArray, word: tuple[int, int]) -> float:
    """Return the level of the noise around a word: the median 10 ms before and behind it, in dB of full scale."""
    around = [part[: len(part) // _NOISE_FRAME * _NOISE_FRAME] for part in (channel[: word[0]], channel[word[1] :])]
    frames = np.concatenate(around).reshape(-1, _NOISE_FRAME)
    if not len(frames):
        return SILENCE_DBFS
    power = float(np.median(np.mean(np.square(frames, dtype=np.float64), axis=1)))
    return max(SILENCE_DBFS, 10.0 * float(np.log10(power + 1e-12)))


def broken_edge(channel: FloatArray) -> str:
    """Return where a sound breaks off into digital silence, or out of it: "beginning", "end", or nothing.

    A microphone that was unplugged or muted gives exact zeros; in a room a sound fades into noise.
    """
    is_zero = np.concatenate([[False], channel == 0.0, [False]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(is_zero))
    loud = _LOUD_EDGE * float(np.abs(channel).max(initial=0.0))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if last - first < _BREAK:
            continue
        if _rms(channel[max(0, first - _NOISE_FRAME) : first]) >= loud > 0.0:
            return "end"
        if _rms(channel[last : last + _NOISE_FRAME]) >= loud > 0.0:
            return "beginning"
    return ""


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 0.0
