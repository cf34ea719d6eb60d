"""Keyword clips that do not hold one word of a plausible length."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from data_tools.check.checks.common import some, worst_first
from data_tools.check.dataset import KEYWORD, DataSet
from data_tools.check.findings import Finding, Severity
from data_tools.check.measure import LEVEL_HOP_S, Measures

_NEAR_PEAK_DB, _ABOVE_FLOOR_DB = 12.0, 10.0
_PAUSE_S, _BURST_S = 0.35, 0.2
_SHORT_S = 0.12
_MANY = 0.1


def check_words(data: DataSet) -> Iterator[Finding]:
    """Name keyword clips with several words, with hardly any, and with words too long for the model or the streams."""
    heard = [(clip, m) for clip, m in data.heard if clip.role == KEYWORD and not clip.segments and not m.is_silent]
    several = [(float(n), c, f"{n} bursts of sound") for c, m in heard if (n := count_bursts(m)) > 1]
    short = [(-m.word_s, c, f"{m.word_s:.2f} s of sound") for c, m in heard if m.word_s < _SHORT_S]
    if several:
        yield Finding(
            "several-words",
            Severity.WARNING if len(several) > _MANY * len(heard) else Severity.NOTE,
            f"{some(len(several), 'keyword clip')} of {len(heard)} with more than one burst of sound",
            "cut them into one word each: of several, training takes the loudest and what is near it",
            worst_first(several),
        )
    if short:
        yield Finding(
            "too-short",
            Severity.WARNING if len(short) > _MANY * len(heard) else Severity.NOTE,
            f"{some(len(short), 'keyword clip')} of {len(heard)} with less than {_SHORT_S:g} s of sound",
            "listen to them: a click may be louder than the word, or the word be missing",
            worst_first(short),
        )
    yield from _too_long(data)


def _too_long(data: DataSet) -> Iterator[Finding]:
    lengths = [
        (segment.end_s - segment.start_s if segment else m.word_s, clip)
        for clip, m in data.heard
        if clip.role == KEYWORD
        for segment in (clip.segments or (None,))
    ]
    limits = data.limits
    for code, severity, limit_s, what, advice in (
        (
            "longer-than-stream",
            Severity.ERROR,
            limits.stream_s,
            "no room in a training stream, and are left out",
            "raise synthesis.duration_s",
        ),
        (
            "longer-than-receptive-field",
            Severity.WARNING,
            limits.receptive_field_s,
            "are longer than the model looks back",
            "take more or wider dilations, a recurrent model, or a shorter word",
        ),
    ):
        found = [(s, clip, f"{s:.2f} s") for s, clip in lengths if limit_s is not None and s > limit_s]
        if found:
            yield Finding(
                code, severity, f"{some(len(found), 'word')} {what} ({limit_s:.2f} s)", advice, worst_first(found)
            )


def count_bursts(measures: Measures) -> int:
    """Return the number of sounds of at least 0.2 s, near the loudest in level, that pauses of 0.35 s part."""
    levels = np.asarray(measures.levels_db, dtype=np.float64)
    if not len(levels):
        return 0
    smooth = 10.0 * np.log10(np.convolve(10.0 ** (levels / 10.0), np.ones(5) / 5.0, mode="same") + 1e-12)
    active = smooth >= max(smooth.max() - 2 * _NEAR_PEAK_DB, measures.floor_dbfs + _ABOVE_FLOOR_DB)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]]).astype(np.int8)))
    runs: list[list[int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if runs and start - runs[-1][1] < _PAUSE_S / LEVEL_HOP_S:
            runs[-1][1] = end
        else:
            runs.append([start, end])
    loud = [run for run in runs if smooth[run[0] : run[1]].max() >= smooth.max() - _NEAR_PEAK_DB]
    return sum(end - start >= _BURST_S / LEVEL_HOP_S for start, end in loud)
