"""Labels of a recording: where which keyword is, who says so, and whether a person agreed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, TypeGuard

from kws.config import shown
from kws.errors import DataError

SUFFIX = ".labels.json"
"""Of the label file beside a recording, in the place of the recording's own."""
FORMAT = 1
"""Number of the format of label files; a higher one is refused."""
SOURCES = ("person", "model")
STATES = ("accepted", "rejected", "proposed")
MAX_REGIONS = 100_000
# Times come rounded to microseconds from pages and label tracks; the end of the audio may lie within.
_SLACK_S = 2e-6
_ID = re.compile(r"[\w-]{1,64}")
_MAX_LABEL = 100


@dataclass(frozen=True)
class Region:
    """A stretch of a recording.

    Parameters
    ----------
    id : str
        Unique within the file.
    label : str
        The keyword.
    start_s, end_s : float
        In seconds from the start of the recording; the end is later than the start.
    source : {"person", "model"}
        Who found it.
    state : {"accepted", "rejected", "proposed"}
        What a person said of it; ``proposed`` waits for a word.
    score : float, optional
        Of the model, 0 to 1.

    Raises
    ------
    DataError
        If a value is none of these.
    """

    id: str
    label: str
    start_s: float
    end_s: float
    source: str = "person"
    state: str = "accepted"
    score: float | None = None

    def __post_init__(self) -> None:
        _require(isinstance(self.id, str) and _ID.fullmatch(self.id), "id", self.id, "letters, digits, _ and -")
        is_label = (
            isinstance(self.label, str) and self.label == " ".join(self.label.split()) and self.label.isprintable()
        )
        _require(is_label and 0 < len(self.label) <= _MAX_LABEL, "label", self.label, "a word on one line")
        for name in ("start_s", "end_s"):
            _require(_is_number(getattr(self, name)), name, getattr(self, name), "seconds")
        _require(self.start_s >= 0, "start_s", self.start_s, "0 or more")
        _require(self.end_s > self.start_s, "end_s", self.end_s, f"more than its start_s, {self.start_s:g}")
        _require(self.source in SOURCES, "source", self.source, ", ".join(SOURCES))
        _require(self.state in STATES, "state", self.state, ", ".join(STATES))
        is_score = self.score is None or (_is_number(self.score) and 0 <= self.score <= 1)
        _require(is_score, "score", self.score, "0 to 1, or null")

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        times = {"start_s": round(self.start_s, 6), "end_s": round(self.end_s, 6)}
        return {
            "id": self.id,
            "label": self.label,
            **times,
            "source": self.source,
            "state": self.state,
            "score": self.score,
        }

    def overlaps(self, other: Region) -> bool:
        """Return whether the two share time."""
        return self.start_s < other.end_s - _SLACK_S and other.start_s < self.end_s - _SLACK_S


@dataclass(frozen=True)
class Labels:
    """All labels of a recording.

    Parameters
    ----------
    file : str
        Name of the recording.
    duration_s : float
    sha1 : str
        Of its samples as 16-bit integers, as in the manifest; empty while it is not known.
    regions : tuple of Region
        In order of time.
    complete : bool
        Whether a person has gone through all of it: what is outside of the regions is then without keywords.
    proposed_by : tuple of str
        What has listened to it already.
    revision : int
        Counts the saves.
    """

    file: str
    duration_s: float
    sha1: str = ""
    regions: tuple[Region, ...] = ()
    complete: bool = False
    proposed_by: tuple[str, ...] = ()
    revision: int = 0

    def to_text(self) -> str:
        """Return the text of the label file."""
        head = {
            "format": FORMAT,
            "file": self.file,
            "sha1": self.sha1,
            "duration_s": round(self.duration_s, 6),
            "complete": self.complete,
            "proposed_by": list(self.proposed_by),
            "revision": self.revision,
            "regions": [region.to_json() for region in self.regions],
        }
        return json.dumps(head, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def parse(cls, text: str, duration_s: float) -> Labels:
        """Read the text of a label file.

        Parameters
        ----------
        text : str
        duration_s : float
            Length of the recording as it is now.

        Raises
        ------
        DataError
            If it is no JSON, of a newer format, or a region is malformed or lies past the end.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"is no JSON ({' '.join(str(error).split())})") from None
        if not isinstance(found, dict):
            raise DataError("is no JSON object")
        number = found.get("format")
        if not (_is_number(number) and 1 <= number <= FORMAT):
            raise DataError(f"format is {shown(number)}; accepted is {FORMAT}")
        return cls(
            file=_of(found, "file", str, ""),
            duration_s=duration_s,
            sha1=_of(found, "sha1", str, ""),
            regions=read_regions(found.get("regions", []), duration_s),
            complete=_of(found, "complete", bool, False),
            proposed_by=tuple(str(name) for name in _of(found, "proposed_by", list, [])),
            revision=_of(found, "revision", int, 0),
        )

    def with_proposals(self, proposals: Sequence[Region], proposed_by: str) -> Labels:
        """Return labels with a model's proposals; where a region of the same label is already, it stays."""
        known = list(self.regions)
        ids = {region.id for region in known}
        number = 0
        for proposal in proposals:
            if any(proposal.label == region.label and proposal.overlaps(region) for region in known):
                continue
            while f"m{number}" in ids:
                number += 1
            ids.add(f"m{number}")
            known.append(replace(proposal, id=f"m{number}"))
        return replace(self, regions=in_order(known), proposed_by=(*self.proposed_by, proposed_by))


def read_regions(values: Any, duration_s: float) -> tuple[Region, ...]:
    """Read regions from JSON objects, in order of time.

    Raises
    ------
    DataError
        If one is malformed, lies past `duration_s`, or two have the same id; it names the region.
    """
    if not isinstance(values, list) or len(values) > MAX_REGIONS:
        raise DataError(f"regions is {shown(values)}; accepted is a list of at most {MAX_REGIONS}")
    regions = [_read_region(number, value) for number, value in enumerate(values, start=1)]
    for number, region in enumerate(regions, start=1):
        require_inside(f"region {number}", region, duration_s)
    ids = {region.id for region in regions}
    if len(ids) < len(regions):
        twice = next(r.id for r in regions if sum(r.id == other.id for other in regions) > 1)
        raise DataError(f"two regions have the id {twice!r}; accepted are different ones")
    return in_order(regions)


def require_inside(name: str, region: Region, duration_s: float) -> None:
    """Raise :class:`DataError` if a region ends after the recording."""
    if region.end_s > duration_s + _SLACK_S:
        raise DataError(f"{name} ends at {region.end_s:.3f} s; the recording has {duration_s:.3f} s")


def in_order(regions: Sequence[Region]) -> tuple[Region, ...]:
    """Return regions in order of time."""
    return tuple(sorted(regions, key=lambda region: (region.start_s, region.end_s, region.id)))


def overlapping(regions: Sequence[Region]) -> list[tuple[Region, Region]]:
    """Return the accepted regions that overlap with the accepted one before them, in pairs."""
    accepted = in_order([region for region in regions if region.state == "accepted"])
    found = []
    longest: Region | None = None
    for first, second in pairwise(accepted):
        longest = first if longest is None or first.end_s > longest.end_s else longest
        if longest.overlaps(second):
            found.append((longest, second))
    return found


def _read_region(number: int, value: Any) -> Region:
    if not isinstance(value, Mapping):
        raise DataError(f"region {number} is {shown(value)}; accepted is an object")
    names = Region.__dataclass_fields__
    unknown = set(value) - set(names)
    if unknown:
        raise DataError(f"region {number} has {shown(min(map(str, unknown)))}; accepted are {', '.join(names)}")
    missing = {"id", "label", "start_s", "end_s"} - set(value)
    if missing:
        raise DataError(f"region {number} has no {min(missing)}")
    try:
        return Region(**value)
    except DataError as error:
        raise DataError(f"region {number}: {error}") from None


def _of(found: Mapping[str, Any], name: str, kind: type, default: Any) -> Any:
    value = found.get(name, default)
    # True is an int to Python and no number to anybody else.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise DataError(f"{name} is {shown(value)}; accepted is of the kind {shown(default)}")
    return value


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _require(is_right: Any, name: str, value: Any, accepted: str) -> None:
    if not is_right:
        raise DataError(f"{name} is {shown(value)}; accepted is {accepted}")
