"""Clipped recordings."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import some, worst_first
from data_tools.check.dataset import RIR, DataSet
from data_tools.check.findings import Finding, Severity

_MIN_TOPS = 3
_BAD_SHARE = 0.002
_MANY = 0.05


def check_clipping(data: DataSet) -> Iterator[Finding]:
    """Name files with flat tops: a warning if they are bad or many, else a note."""
    heard = [(clip, m) for clip, m in data.heard if clip.role != RIR]
    clipped = [(clip, m) for clip, m in heard if m.clipped_runs >= _MIN_TOPS]
    if not clipped:
        return
    share = {clip.name: m.clipped_samples / (m.n_samples * m.n_channels) for clip, m in clipped}
    n_bad = sum(value >= _BAD_SHARE for value in share.values())
    is_bad = n_bad > 0 or len(clipped) > _MANY * len(heard)
    yield Finding(
        "clipping",
        Severity.WARNING if is_bad else Severity.NOTE,
        f"{some(len(clipped), 'file')} of {len(heard)} clipped, {n_bad} of them badly",
        "a few do no harm; record with less gain, as clipping cannot be undone",
        worst_first(
            (share[clip.name], clip, f"{m.clipped_runs} flat tops, {share[clip.name]:.2%} of the samples")
            for clip, m in clipped
        ),
    )
