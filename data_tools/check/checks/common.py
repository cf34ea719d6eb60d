"""What the checks share: words for numbers, and lists of files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

from data_tools.check.dataset import Clip, DataSet
from data_tools.check.findings import Finding, Place

Check = Callable[[DataSet], Iterable[Finding]]
T = TypeVar("T")


def some(number: int, noun: str, plural: str = "") -> str:
    """Return ``1 file``, ``2 files``; ``2 copies`` with a plural of its own."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def places(found: Iterable[tuple[Clip, str]]) -> tuple[Place, ...]:
    """Return places of clips and what is wrong with each, in the given order."""
    return tuple(Place(clip.name, detail) for clip, detail in found)


def worst_first(found: Iterable[tuple[float, Clip, str]]) -> tuple[Place, ...]:
    """Return places in order of how bad they are, the largest number first."""
    return places((clip, detail) for _, clip, detail in sorted(found, key=lambda item: (-item[0], item[1].name)))


def none_rate_limit(opportunities: float) -> float:
    """Return the rate that none among so many still allows, at 95 % confidence: the rule of three.

    References
    ----------
    Hanley and Lippman-Hand, "If nothing goes wrong, is everything all right?", JAMA 1983.
    """
    return math.inf if opportunities <= 0.0 else 3.0 / opportunities
