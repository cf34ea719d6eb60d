"""What is where in a manifest: clips, speakers and hours of each label on each side."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from kws.manifest import SPLITS, Row, speaker_of, split_of


@dataclass(frozen=True)
class Cell:
    """The clips of one label on one side.

    Parameters
    ----------
    n_clips, n_speakers : int
        Speakers that are not known count as none.
    hours : float
        Of those clips whose length is stated.
    """

    n_clips: int
    n_speakers: int
    hours: float


@dataclass(frozen=True)
class Tally:
    """Counts of a manifest.

    Parameters
    ----------
    sides : tuple of str
        ``train``, ``val`` and ``test``, then whatever else there is; an empty one holds what is on no side.
    cells : dict of (str, str) to Cell
        By label and side, only where there are clips.
    """

    sides: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]

    @property
    def labels(self) -> list[str]:
        """All labels, that of most clips first."""
        counts: dict[str, int] = defaultdict(int)
        for (label, _), cell in self.cells.items():
            counts[label] += cell.n_clips
        return sorted(counts, key=lambda label: (-counts[label], label))


def tally(rows: Iterable[Row]) -> Tally:
    """Count the rows of a manifest."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.get("label", ""), split_of(row.get("split", ""))].append(row)
    cells = {key: _cell(members) for key, members in groups.items()}
    others = sorted({side for _, side in cells} - set(SPLITS), key=lambda side: (not side, side))
    return Tally((*SPLITS, *others), cells)


def licences(rows: Iterable[Row]) -> dict[tuple[str, str], int]:
    """Return how many clips come from each source under each licence, most first."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        counts[row.get("licence", ""), row.get("source", "")] += 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _cell(rows: list[Row]) -> Cell:
    speakers = {speaker_of(row) for row in rows} - {""}
    return Cell(len(rows), len(speakers), sum(_seconds(row.get("duration_s", "")) for row in rows) / 3600.0)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0
