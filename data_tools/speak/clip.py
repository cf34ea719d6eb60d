"""One clip: spoken, trimmed, levelled and checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from data_tools.check.speech_level import active_speech_level
from data_tools.speak.plan import POSITIVES, Job, spoken_part
from data_tools.voices import Engine, VoiceOptions, open_engine, speak_in_style
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.errors import VoiceError

Listener = Callable[[FloatArray], bool]
"""Says whether a model hears the keyword in a clip."""

FAILED, SILENT, TOO_SHORT, TOO_LONG, UNHEARD, DUPLICATE = (
    "engine failed",
    "silent",
    "too short for its phonemes",
    "too long for its phonemes",
    "not heard by the model",
    "same as another clip",
)

_LEVEL_DBFS = -26.0
_MAX_PEAK = 0.9
_SILENT_PEAK = 1e-3
_RANGE_DB = 45.0
_MARGIN_S = 0.1
_JOIN_S = 0.05
_FRAME = SAMPLE_RATE_HZ // 100
# Seconds a phoneme at rate 1: quick speech has 20 a second, a single long vowel half a second.
_SHORTEST_S, _LONGEST_S, _EXTRA_S = 0.03, 0.22, 0.6


def speak_clip(job: Job, options: VoiceOptions, is_heard: Listener | None = None) -> FloatArray | str:
    """Return the clip of a job, shape (N,), or why there is none.

    Parameters
    ----------
    job : Job
    options : VoiceOptions
    is_heard : callable, optional
        Judges positives.
    """
    try:
        spoken = _speak(job, options)
    except VoiceError:
        return FAILED
    peak = float(np.abs(spoken).max(initial=0.0))
    if not peak >= _SILENT_PEAK:
        return SILENT
    sound = trimmed(spoken)
    seconds = len(sound) / SAMPLE_RATE_HZ * job.style.rate
    if seconds < _SHORTEST_S * job.n_sounds:
        return TOO_SHORT
    if seconds > _LONGEST_S * job.n_sounds + _EXTRA_S:
        return TOO_LONG
    clip = np.pad(levelled(sound), round(_MARGIN_S * SAMPLE_RATE_HZ))
    if job.kind == POSITIVES and is_heard is not None and not is_heard(clip):
        return UNHEARD
    return clip


def trimmed(samples: FloatArray) -> FloatArray:
    """Return the samples between the first and the last 10 ms that are within 45 dB of the loudest.

    A synthesiser is silent between and around words: unlike :func:`kws.activity.active_region`, which looks for one
    word in a noisy recording, this keeps weak consonants and long pauses.
    """
    n_frames = len(samples) // _FRAME
    if n_frames == 0:
        return samples
    power = np.mean(np.square(samples[: n_frames * _FRAME].reshape(n_frames, _FRAME), dtype=np.float64), axis=1)
    loud = np.flatnonzero(power >= power.max() * 10.0 ** (-_RANGE_DB / 10.0))
    return samples[loud[0] * _FRAME : (loud[-1] + 1) * _FRAME]


def levelled(samples: FloatArray) -> FloatArray:
    """Return the samples at an active level of -26 dBFS, or lower where a peak would reach 0.9."""
    gain = 10.0 ** ((_LEVEL_DBFS - active_speech_level(samples)) / 20.0)
    peak = float(np.abs(samples).max(initial=0.0))
    return (samples * min(gain, _MAX_PEAK / max(peak, 1e-9))).astype(np.float32)


def _speak(job: Job, options: VoiceOptions) -> FloatArray:
    engine = _engine(job.speaker.engine, options)
    pieces = []
    for number, (part, voice) in enumerate(zip(job.parts, job.speaker.voices, strict=True)):
        is_last = number == len(job.parts) - 1
        spoken = speak_in_style(engine, spoken_part(part, job.ending if is_last else ""), voice, job.style)
        # One sentence in two languages has no pause between them, and one loudness.
        pieces.append(spoken if len(job.parts) == 1 else levelled(trimmed(spoken)))
        if not is_last:
            pieces.append(np.zeros(round(_JOIN_S * SAMPLE_RATE_HZ), np.float32))
    return np.concatenate(pieces)


# Loading a network takes longer than many clips: each process keeps what it has opened.
@lru_cache(16)
def _engine(name: str, options: VoiceOptions) -> Engine:
    return open_engine(name, options)
