"""The interface of everything that watches a training run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kws.train.batches import Batch
    from kws.train.loop import StepReport
    from kws.train.recipe import Recipe


class Observer:
    """Base class that does nothing; override what is of use.

    An observer never changes a run: what it raises is logged once and the observer is left out from then on.

    Parameters
    ----------
    out : Path
        Existing folder of the run.
    recipe : Recipe
    """

    def __init__(self, out: Path, recipe: Recipe) -> None:
        self.out, self.recipe = out, recipe

    def begin(self, example: Callable[[], Batch]) -> None:
        """Take a function that makes a batch to show, before the first step."""

    def step(self, report: StepReport) -> None:
        """Take the report of one optimiser step; ``report.outcome`` is set where a validation was made."""

    def close(self) -> None:
        """Write what is left; called once, also after an interruption."""
