"""The manifest against the files."""

from __future__ import annotations

from collections.abc import Iterator

from data_tools.check.checks.common import places, some
from data_tools.check.dataset import Clip, DataSet
from data_tools.check.findings import Finding, Place, Severity
from data_tools.check.measure import Measures

_DURATION_TOLERANCE_S = 0.02


def check_manifest(data: DataSet) -> Iterator[Finding]:
    """Name rows without a file, files without a row, repeated rows, and rows that say what is not so."""
    faults = data.listing.manifest
    if not faults.name:
        return
    yield from _finding(
        "row-without-file", Severity.ERROR, [Place(path) for path in faults.missing], "of the manifest without a file"
    )
    yield from _finding(
        "row-repeated", Severity.ERROR, [Place(path) for path in faults.repeated], "twice and more in the manifest"
    )
    yield from _finding(
        "row-unreadable",
        Severity.ERROR,
        [Place(path, detail) for path, detail in faults.unreadable],
        "of the manifest with values that are no times",
    )
    if faults.unlisted:
        yield Finding(
            "file-without-row",
            Severity.WARNING,
            f"{some(len(faults.unlisted), 'file')} without a row in {faults.name}: speaker and split are unknown",
            "add rows, or their split is drawn by chance",
            [Place(path) for path in faults.unlisted],
        )
    changed = [(clip, reason) for clip, measures in data.heard if (reason := _difference(clip, measures))]
    if changed:
        yield Finding(
            "row-differs",
            Severity.WARNING,
            f"{some(len(changed), 'file')} of another length, rate or content than {faults.name} says",
            "the files or the manifest were changed: make the manifest anew, and check times and labels",
            places(changed),
        )


def _finding(code: str, severity: Severity, found: list[Place], what: str) -> Iterator[Finding]:
    if found:
        advice = "correct the manifest, or bring the files"
        yield Finding(code, severity, f"{some(len(found), 'path')} {what}", advice, found)


def _difference(clip: Clip, measures: Measures) -> str:
    """Return what a row says otherwise than its file, empty if nothing."""
    try:
        duration_s, rate_hz = float(clip.row.get("duration_s") or "nan"), float(clip.row.get("sample_rate") or "nan")
    except ValueError:
        return "duration_s or sample_rate is no number"
    if abs(duration_s - measures.duration_s) > _DURATION_TOLERANCE_S:
        return f"{measures.duration_s:.3f} s, the manifest says {duration_s:g} s"
    if rate_hz > 0.0 and rate_hz != measures.rate_hz:
        return f"{measures.rate_hz} Hz, the manifest says {rate_hz:g} Hz"
    said = clip.row.get("sha1", "")
    return "other samples than the manifest's sha1" if said and said != measures.sha1 else ""
