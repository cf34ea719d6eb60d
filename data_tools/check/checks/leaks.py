"""What is on both sides of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import KEYWORD, RIR, SPEECH_ROLES, Clip, DataSet, speakers
from data_tools.check.findings import Finding, Place, Severity


def check_leaks(data: DataSet) -> Iterator[Finding]:
    """Name recordings and speakers that are in two splits: figures on the one are then no figures for the new."""
    spoken: list[Place] = []
    noise: list[Place] = []
    for first, second, likeness in data.likeness:
        one, other = data.by_name[first], data.by_name[second]
        if one.split and other.split and one.split != other.split and RIR not in (one.role, other.role):
            detail = f"{one.split}; also {second} in {other.split} (correlation {likeness:.2f})"
            (spoken if one.role in SPEECH_ROLES or other.role in SPEECH_ROLES else noise).append(Place(first, detail))
    for code, severity, found, what in (
        ("leak-recording", Severity.ERROR, spoken, "of speech"),
        ("leak-noise", Severity.WARNING, noise, "of noise"),
    ):
        if found:
            yield Finding(
                code,
                severity,
                f"{some(len(found), 'recording')} {what} on both sides of a split: the figures will be too good",
                "put all copies of a recording into one split, or keep one",
                found,
            )
    yield from _shared_speakers(data)


def _shared_speakers(data: DataSet) -> Iterator[Finding]:
    by_speaker: dict[str, list[Clip]] = defaultdict(list)
    for clip, _ in data.heard:
        if clip.role in SPEECH_ROLES and clip.speaker and clip.split:
            by_speaker[clip.speaker].append(clip)
    shared = {name: clips for name, clips in sorted(by_speaker.items()) if len({clip.split for clip in clips}) > 1}
    if not shared:
        return
    everyone = speakers(clip for clip, _ in data.heard if clip.role == KEYWORD)
    says_keyword = any(clip.role == KEYWORD for clips in shared.values() for clip in clips)
    # With one voice alone there is no other way, and one that reads the negatives only biases little.
    is_error = says_keyword and len(everyone) > 1
    yield Finding(
        "leak-speaker",
        Severity.ERROR if is_error else Severity.WARNING,
        f"{some(len(shared), 'speaker')} on both sides of a split: the figures say nothing about new voices",
        "split by speaker: give all clips of a speaker the same split in the manifest",
        places(
            (clip, f"{name}: {', '.join(sorted({c.split for c in clips}))}")
            for name, clips in shared.items()
            for clip in _one_a_split(clips)
        ),
    )


def _one_a_split(clips: list[Clip]) -> list[Clip]:
    first: dict[str, Clip] = {}
    for clip in clips:
        first.setdefault(clip.split, clip)
    return list(first.values())
