"""Constant offsets."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import some, worst_first
from data_tools.check.dataset import RIR, DataSet
from data_tools.check.findings import Finding, Severity

_MIN_OFFSET = 0.005
_MIN_SHARE = 0.2
_MANY = 0.05


def check_dc(data: DataSet) -> Iterator[Finding]:
    """Name files whose mean is far from zero: it eats headroom, and clicks where a clip is placed in a stream."""
    found = []
    for clip, measures in data.heard:
        share = abs(measures.dc) / 10.0 ** (measures.rms_dbfs / 20.0)
        if clip.role != RIR and abs(measures.dc) >= _MIN_OFFSET and share >= _MIN_SHARE:
            found.append((abs(measures.dc), clip, f"mean {measures.dc:+.3f} of full scale, {share:.0%} of the RMS"))
    if found:
        yield Finding(
            "dc-offset",
            Severity.WARNING if len(found) > _MANY * len(data.heard) else Severity.NOTE,
            f"{some(len(found), 'file')} with a constant offset",
            "take it out: sox IN.wav OUT.wav highpass 30; the front-end's lowest band begins at 60 Hz",
            worst_first(found),
        )
