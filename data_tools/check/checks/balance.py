"""Speakers and classes that outweigh the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from data_tools.check.dataset import KEYWORD, DataSet
from data_tools.check.findings import Finding, Severity

_MIN_CLIPS = 20
_DOMINANT = 0.4
_FEW_SPEAKERS = 5
_IMBALANCE = 10.0


def check_balance(data: DataSet) -> Iterator[Finding]:
    """Name keywords that few speakers dominate, or of which no speaker is known, and classes of very unequal size."""
    sizes = {label: len(members) for label, members in data.classes(KEYWORD).items()}
    for label, members in data.classes(KEYWORD).items():
        if len(members) < _MIN_CLIPS:
            continue
        counts = Counter(clip.speaker for clip, _ in members if clip.speaker)
        if not counts:
            yield Finding(
                "speakers-unknown",
                Severity.NOTE,
                f"no speaker of {label!r} is known: a split may put the same voice on both sides",
                "give a manifest with the columns path, speaker and split",
            )
            continue
        (speaker, most), *_ = counts.most_common(1)
        if most > _DOMINANT * len(members) and len(counts) > 1:
            yield Finding(
                "speaker-dominates",
                Severity.WARNING,
                f"{most} of {len(members)} clips of {label!r} ({most / len(members):.0%}) are of speaker {speaker!r}, "
                f"one of {len(counts)}",
                "record more of the others, or keep fewer of this one",
            )
        elif len(counts) < _FEW_SPEAKERS:
            yield Finding(
                "few-speakers",
                Severity.NOTE,
                f"{label!r} is spoken by {len(counts)} known speaker{'s' if len(counts) > 1 else ''} only",
                "the detector will serve these voices; ask more people if others are to use it",
            )
    if len(sizes) > 1 and max(sizes.values()) > _IMBALANCE * min(sizes.values()):
        small, large = min(sizes, key=lambda k: sizes[k]), max(sizes, key=lambda k: sizes[k])
        yield Finding(
            "classes-unequal",
            Severity.NOTE,
            f"classes of very unequal size: {sizes[small]} clips of {small!r}, {sizes[large]} of {large!r}",
            "nothing, if the small ones are only to be told from the keyword; record more of small keywords",
        )
