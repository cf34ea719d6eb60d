"""The table that ``kws data import`` and ``kws data split`` end with: what is where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from data_tools.tally import Cell
    from kws.manifest import Row

_MOST_LABELS = 40
_MOST_LICENCES = 12


def show_tally(rows: Sequence[Row], console: Console) -> None:
    """Print clips, speakers and hours of each label on each side."""
    from rich.table import Table

    from data_tools.tally import Tally, tally

    counts: Tally = tally(rows)
    sides = [side for side in counts.sides if any(key[1] == side for key in counts.cells)]
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("label")
    for side in sides:
        table.add_column(side or "no side")
    for label in counts.labels[:_MOST_LABELS]:
        cells = [counts.cells.get((label, side)) for side in sides]
        table.add_row(label or "(no label)", *("" if cell is None else _cell(cell) for cell in cells))
    console.print(table, markup=False)
    if len(counts.labels) > _MOST_LABELS:
        console.print(f"and {len(counts.labels) - _MOST_LABELS} labels of fewer clips", markup=False)


def show_licences(rows: Sequence[Row], console: Console) -> None:
    """Print the licences and sources of the clips."""
    from data_tools.tally import licences

    counts = licences(rows)
    for (licence, source), n_clips in list(counts.items())[:_MOST_LICENCES]:
        console.print(
            f"{_counted(n_clips, 'clip')} of {source or 'an unknown source'}: {licence or 'no licence stated'}",
            markup=False,
        )
    if len(counts) > _MOST_LICENCES:
        console.print(f"and {len(counts) - _MOST_LICENCES} more sources in the manifest", markup=False)


def _cell(cell: Cell) -> str:
    speakers = _counted(cell.n_speakers, "speaker") if cell.n_speakers else "speakers unknown"
    return f"{_counted(cell.n_clips, 'clip')}, {speakers}, {cell.hours:.2f} h"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
