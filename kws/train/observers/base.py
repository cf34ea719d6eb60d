"""The interface of everything that watches a training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kws.train.loop import StepReport


class Observer:
    """Base class that does nothing; override what is of use.

    An observer never changes a run: what it raises is logged once and the observer is left out from then on.
    """

    def step(self, report: StepReport) -> None:
        """Take the report of one optimiser step; ``report.outcome`` is set where a validation was made."""

    def close(self) -> None:
        """Write what is left; called once, also after an interruption."""
