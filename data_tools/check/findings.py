"""What a check says: findings of three severities, and the report that holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

JSON_FORMAT = 1
"""Format number of the JSON report."""


class Severity(str, Enum):
    """How bad a finding is.

    ``ERROR``: training stops, or its figures are wrong. ``WARNING``: the model or its figures will be worse than they
    need be. ``NOTE``: worth knowing.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Place:
    """A file that a finding is about, relative to the root of the data, and what is wrong with it."""

    path: str
    detail: str = ""


@dataclass(frozen=True)
class Finding:
    """One kind of fault, with all files that have it.

    Parameters
    ----------
    code : str
        Its fixed name, such as ``near-duplicate``.
    severity : Severity
    what : str
        One line: what, how many, how much.
    advice : str
        What to do.
    places : sequence of Place
        All files, the worst first; empty if it is about the data as a whole.
    """

    code: str
    severity: Severity
    what: str
    advice: str
    places: Sequence[Place] = ()


@dataclass(frozen=True)
class Count:
    """What there is of one class in one split.

    Parameters
    ----------
    label, role, split : str
    n_clips, n_speakers : int
        Readable clips, and the speakers that are known among them.
    hours : float
    rates_hz : tuple of int
        Sample rates of its files.
    median_s, median_word_s : float
        Length of a clip, and of its sound.
    median_level_dbfs : float
        Active speech level.
    """

    label: str
    role: str
    split: str
    n_clips: int
    n_speakers: int
    hours: float
    rates_hz: tuple[int, ...]
    median_s: float
    median_word_s: float
    median_level_dbfs: float


@dataclass(frozen=True)
class Report:
    """All that was found.

    Parameters
    ----------
    path : str
        What was checked.
    counts : sequence of Count
    findings : sequence of Finding
        Errors first.
    """

    path: str
    counts: Sequence[Count] = ()
    findings: Sequence[Finding] = field(default_factory=tuple)

    @property
    def has_errors(self) -> bool:
        """Whether training would stop, or its figures be wrong."""
        return bool(self.of(Severity.ERROR))

    def of(self, severity: Severity) -> list[Finding]:
        """Return the findings of one severity."""
        return [finding for finding in self.findings if finding.severity == severity]

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers."""
        return {
            "format": JSON_FORMAT,
            "path": self.path,
            **{f"{severity.value}s": len(self.of(severity)) for severity in Severity},
            "counts": [dict(vars(count), rates_hz=list(count.rates_hz)) for count in self.counts],
            "findings": [_plain(finding) for finding in self.findings],
        }


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by severity, errors first; of the same severity their order is kept."""
    rank = {severity: number for number, severity in enumerate(Severity)}
    return tuple(sorted(findings, key=lambda finding: rank[finding.severity]))


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "what": finding.what,
        "advice": finding.advice,
        "count": len(finding.places),
        "files": [{"path": place.path, "detail": place.detail} for place in finding.places],
    }
