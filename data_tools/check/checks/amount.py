"""Too little data, and what figure it still allows."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import none_rate_limit, some
from data_tools.check.dataset import KEYWORD, NEGATIVE, NOISE, STREAM, DataSet
from data_tools.check.findings import Finding, Severity

_NEEDED_CLIPS = 8
_FEW_CLIPS = 20
_FEW_HOURS = 1.0
_FEW_VALIDATION_WORDS = 60
_TRAINING = ("train", "training")


def check_amount(data: DataSet) -> Iterator[Finding]:
    """Name keywords with few clips, few hours without them, and what the validation data can show at best."""
    roles = {clip.role for clip, _ in data.heard}
    if roles == {STREAM}:
        return
    sizes = {label: len(members) for label, members in data.classes(KEYWORD).items()}
    impossible = {label: n for label, n in sizes.items() if n < _NEEDED_CLIPS}
    few = {label: n for label, n in sizes.items() if _NEEDED_CLIPS <= n < _FEW_CLIPS}
    worst = Severity.ERROR if data.listing.is_told else Severity.WARNING
    for code, severity, found, limit in (
        ("hardly-any-clips", worst, impossible, f"training needs {_NEEDED_CLIPS}"),
        (
            "few-clips",
            Severity.WARNING,
            few,
            f"{_FEW_CLIPS} are a start",
        ),
    ):
        if found:
            shown = ", ".join(f"{label!r} {n}" for label, n in list(found.items())[:8])
            more = f" and {len(found) - 8} more" if len(found) > 8 else ""
            yield Finding(
                code,
                severity,
                f"{some(len(found), 'class', 'classes')} with few clips ({shown}{more}); {limit}",
                "record more, by different people and in different rooms",
            )
    if not roles & {NEGATIVE, NOISE}:
        return
    hours = _hours(data, NEGATIVE)
    if hours < _FEW_HOURS:
        yield Finding(
            "few-negatives",
            Severity.WARNING,
            f"{hours:.2f} h of speech without the keyword; an hour is a start",
            "add other speech of any kind: public recordings, podcasts, audiobooks",
        )
    if NOISE not in roles:
        yield Finding(
            "no-noise", Severity.NOTE, "no recordings of noise", "record the room and the street: a few minutes"
        )
    yield from _what_it_shows(data)


def _what_it_shows(data: DataSet) -> Iterator[Finding]:
    held_out = {clip.split for clip, _ in data.heard if clip.split and clip.split.lower() not in _TRAINING}
    if not held_out:
        return
    words = sum(clip.role == KEYWORD and clip.split in held_out for clip, _ in data.heard)
    hours = _hours(data, NEGATIVE, held_out)
    if words >= _FEW_VALIDATION_WORDS and none_rate_limit(hours) <= 1.0:
        return
    frr = f"an FRR below {none_rate_limit(words):.1%}" if words > 3 else "nothing about the FRR"
    rate = f"fewer than {none_rate_limit(hours):.1f} an hour" if hours > 0.0 else "nothing about their rate"
    yield Finding(
        "figures-allowed",
        Severity.NOTE,
        f"outside training there are {words} keyword clips and {hours:.2f} h of other speech: no miss at all would "
        f"show {frr}, no false accept {rate}",
        "60 words are needed to show 5 %, 3 h to show one an hour, 30 h to show 0.1",
    )


def _hours(data: DataSet, role: str, splits: set[str] | None = None) -> float:
    heard = [m.duration_s for clip, m in data.heard if clip.role == role and (splits is None or clip.split in splits)]
    return sum(heard) / 3600.0
