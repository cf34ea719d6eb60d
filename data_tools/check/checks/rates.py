"""Sample rates, and the band that is really used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import KEYWORD, NEGATIVE, SPEECH_ROLES, DataSet
from data_tools.check.findings import Finding, Severity
from data_tools.check.measure import Measures
from kws.config import SAMPLE_RATE_HZ

_MANY, _FEW = 0.8, 0.2
_MIN_CLIPS = 10


def check_rates(data: DataSet) -> Iterator[Finding]:
    """Name mixed rates, and files whose upper band is empty: a class must not be told by its bandwidth."""
    spoken = [(clip, measures) for clip, measures in data.heard if clip.role in SPEECH_ROLES]
    rates = Counter(measures.rate_hz for _, measures in spoken)
    if len(rates) > 1:
        shown = ", ".join(f"{count} at {rate} Hz" for rate, count in rates.most_common())
        usual = rates.most_common(1)[0][0]
        others = [(clip, f"{m.rate_hz} Hz") for clip, m in spoken if m.rate_hz != usual]
        yield Finding(
            "mixed-rates",
            Severity.NOTE,
            f"several sample rates: {shown}",
            f"nothing, as all is resampled to {SAMPLE_RATE_HZ} Hz; see that no class has a rate of its own",
            places(others),
        )
    hidden = [
        (clip, f"stored at {m.rate_hz} Hz, sound of {m.source_rate_hz} Hz")
        for clip, m in spoken
        if m.rate_hz >= SAMPLE_RATE_HZ and m.source_rate_hz
    ]
    if hidden:
        yield Finding(
            "upsampled",
            Severity.WARNING if len(hidden) > _FEW * len(spoken) else Severity.NOTE,
            f"{some(len(hidden), 'file')} of {len(spoken)} with an empty upper band: recorded or coded at a low rate",
            "take the originals if there are any; else let the recipe's equaliser make telephone bands in all classes",
            places(hidden),
        )
    yield from _told_by_band(data)


def _told_by_band(data: DataSet) -> Iterator[Finding]:
    """Compare the share of narrow-band clips of each keyword with that of the negatives."""
    negatives = [m for members in data.classes(NEGATIVE).values() for _, m in members]
    for label, members in data.classes(KEYWORD).items():
        if min(len(members), len(negatives)) < _MIN_CLIPS:
            continue
        ours, theirs = _narrow_share([m for _, m in members]), _narrow_share(negatives)
        if max(ours, theirs) >= _MANY and min(ours, theirs) <= _FEW:
            yield Finding(
                "class-by-band",
                Severity.WARNING,
                f"{label!r} can be told by its band alone: {ours:.0%} of its clips end at 4 kHz or so, "
                f"{theirs:.0%} of the negatives",
                "record both in the same way, or let the recipe's equaliser make telephone bands in all classes",
            )


def _narrow_share(measures: list[Measures]) -> float:
    return sum(m.rate_hz < SAMPLE_RATE_HZ or m.source_rate_hz > 0 for m in measures) / len(measures)
