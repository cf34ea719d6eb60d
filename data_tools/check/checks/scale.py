"""Samples of a wrong scale, or that are no audio."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import SPEECH_ROLES, DataSet
from data_tools.check.findings import Finding, Severity

_MAX_PEAK = 64.0
_FLAT, _LOUD_DBFS = 0.8, -15.0
_FEW_VALUES = 256


def check_scale(data: DataSet) -> Iterator[Finding]:
    """Name files with impossible or wrongly scaled samples, white noise in place of speech, and few steps."""
    heard = data.heard
    yield from _finding(
        "not-finite",
        Severity.ERROR,
        [(c, "NaN or infinity") for c, m in heard if m.peak == float("inf")],
        "with samples that are no numbers",
        "a program divided by zero: make the files again",
    )
    yield from _finding(
        "wrong-scale",
        Severity.ERROR,
        [(c, f"peak {m.peak:g}") for c, m in heard if _MAX_PEAK < m.peak < float("inf")],
        "of floats on the scale of int16",
        "divide int16 values by 32768 before they are written as floats",
    )
    yield from _finding(
        "over-full-scale",
        Severity.WARNING,
        [(c, f"peak {m.peak:.2f}") for c, m in heard if 1.001 < m.peak <= _MAX_PEAK],
        "of floats beyond full scale 1.0: they are clipped when they are stored as int16",
        "scale them down before they are written",
    )
    spoken = [(clip, m) for clip, m in heard if clip.role in SPEECH_ROLES and not m.is_silent]
    yield from _finding(
        "white-noise",
        Severity.ERROR,
        [(c, f"{m.rms_dbfs:.0f} dBFS, flat spectrum") for c, m in spoken if _is_noise(m.flatness, m.rms_dbfs)],
        "of loud white noise where a voice should be: read with a wrong format or byte order",
        "raw audio must be converted with its own format, such as sox -t raw -e signed -b 16 -L -r 16000",
    )
    yield from _finding(
        "coarse",
        Severity.NOTE,
        [(c, f"{m.n_values} values, {m.encoding}") for c, m in spoken if m.n_values <= _FEW_VALUES],
        f"with at most {_FEW_VALUES} different sample values: telephone or 8-bit audio, or far too quiet",
        "see that it is not one class alone",
    )


def _is_noise(flatness: float, rms_dbfs: float) -> bool:
    return flatness > _FLAT and rms_dbfs > _LOUD_DBFS


def _finding(code: str, severity: Severity, found: list, what: str, advice: str) -> Iterator[Finding]:
    if found:
        yield Finding(code, severity, f"{some(len(found), 'file')} {what}", advice, places(found))
