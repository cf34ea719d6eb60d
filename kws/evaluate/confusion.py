"""What was said against what was told, class by class: accuracy and the confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError
from kws.evaluate.intervals import wilson_interval


@dataclass(frozen=True, eq=False)
class Confusion:
    """Counts of clips by class.

    Parameters
    ----------
    classes : tuple of str
        C of them.
    counts : array of int, shape (C, C)
        Row: what was said. Column: what was told.
    """

    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, said: Sequence[str], told: Sequence[str], classes: Sequence[str]) -> Confusion:
        """Count clips.

        Raises
        ------
        ConfigError
            If there are none, or not as many told as said.
        """
        if len(said) != len(told) or not said:
            raise ConfigError(f"{len(said)} clips were said and {len(told)} told; accepted are equal numbers from 1")
        place = {name: index for index, name in enumerate(classes)}
        counts = np.zeros((len(classes), len(classes)), np.int64)
        for truth, answer in zip(said, told, strict=True):
            counts[place[truth], place[answer]] += 1
        return cls(tuple(classes), counts)

    @property
    def n_clips(self) -> int:
        """Clips in all."""
        return int(self.counts.sum())

    @property
    def n_right(self) -> int:
        """Clips that were told right."""
        return int(np.trace(self.counts))

    @property
    def accuracy(self) -> float:
        """Share of clips that were told right, 0 to 1."""
        return self.n_right / self.n_clips

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the accuracy (Wilson)."""
        return wilson_interval(self.n_right, self.n_clips)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, with their counts."""
        said, told = self.counts.sum(axis=1).tolist(), self.counts.sum(axis=0).tolist()
        right = self.counts.diagonal().tolist()
        return {
            "clips": self.n_clips,
            "right": self.n_right,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.interval),
            "classes": list(self.classes),
            "confusion": self.counts.tolist(),
            "by_class": {
                name: {
                    "clips": n_said,
                    "told": n_told,
                    "right": n_right,
                    "recall": n_right / n_said if n_said else None,
                    "recall_interval": list(wilson_interval(n_right, n_said)),
                    "precision": n_right / n_told if n_told else None,
                }
                for name, n_said, n_told, n_right in zip(self.classes, said, told, right, strict=True)
            },
        }


def confusion_table(confusion: Confusion) -> str:
    """Return the matrix as text: a row a class that was said, a column a class that was told, ``.`` for none."""
    names = [name.strip("_") for name in confusion.classes]
    cells = [[str(n) if n else "." for n in row] for row in confusion.counts.tolist()]
    first = max(map(len, [*names, "said \\ told"]))
    widths = [max(len(name), *(len(row[i]) for row in cells)) for i, name in enumerate(names)]
    lines = ["  ".join(["said \\ told".ljust(first), *(n.rjust(w) for n, w in zip(names, widths, strict=True))])]
    for name, row in zip(names, cells, strict=True):
        lines.append("  ".join([name.ljust(first), *(cell.rjust(w) for cell, w in zip(row, widths, strict=True))]))
    return "\n".join(lines)
