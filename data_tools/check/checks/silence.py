"""Clips in which there is nothing, or nothing for a while."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_tools.check.checks.common import places, some, worst_first
from data_tools.check.dataset import KEYWORD, SPEECH_ROLES, DataSet
from data_tools.check.findings import Finding, Severity
from data_tools.check.measure import Measures

_MIN_RANGE_DB = 6.0
_MIN_DROPOUT_S = 0.02
_LONG_S, _LITTLE = 4.0, 0.1


def check_silence(data: DataSet) -> Iterator[Finding]:
    """Name digital silence, clips in which nothing stands out, dropouts, and long clips with little sound."""
    silent = [(clip, f"{m.duration_s:.2f} s of zeros") for clip, m in data.heard if m.is_silent]
    if silent:
        yield Finding(
            "digital-silence",
            Severity.ERROR,
            f"{some(len(silent), 'file')} of digital silence: training refuses them",
            "the microphone was muted: remove them",
            places(silent),
        )
    spoken = [(clip, m) for clip, m in data.heard if clip.role in SPEECH_ROLES and not m.is_silent]
    flat = [
        (clip, f"{_range_db(m):.1f} dB from floor to peak, {m.rms_dbfs:.0f} dBFS")
        for clip, m in spoken
        if _range_db(m) < _MIN_RANGE_DB
    ]
    if flat:
        yield Finding(
            "no-sound",
            Severity.WARNING,
            f"{some(len(flat), 'file')} in which nothing stands out of the noise: perhaps no word at all",
            "listen to them, and remove those without a word",
            places(flat),
        )
    gaps = [
        (m.dropout_s, clip, f"{m.dropout_s * 1000:.0f} ms of zeros inside the sound")
        for clip, m in data.heard
        if m.dropout_s >= _MIN_DROPOUT_S
    ]
    if gaps:
        yield Finding(
            "dropout",
            Severity.WARNING,
            f"{some(len(gaps), 'file')} with zeros in the middle of a sound: samples were lost",
            "record again; a device that loses audio is told by kws run --source mic",
            worst_first(gaps),
        )
    idle = [
        (m.duration_s, clip, f"{m.word_s:.2f} s of sound in {m.duration_s:.1f} s")
        for clip, m in spoken
        if clip.role == KEYWORD and not clip.segments and m.duration_s > _LONG_S and m.word_s < _LITTLE * m.duration_s
    ]
    if idle:
        yield Finding(
            "dead-time",
            Severity.NOTE,
            f"{some(len(idle), 'file')} with long dead time around one short sound",
            "nothing, if that sound is the word: training cuts the rest away",
            worst_first(idle),
        )


def _range_db(measures: Measures) -> float:
    # The loudest 50 ms against the quietest of the same length.
    levels = np.asarray(measures.levels_db, dtype=np.float64)
    if len(levels) < 10:
        return float("inf")
    smooth = np.convolve(10.0 ** (levels / 10.0), np.ones(5) / 5.0, mode="valid")
    return float(10.0 * np.log10(smooth.max() / max(np.percentile(smooth, 5), 1e-12)))
