"""The run in TensorBoard: ``tensorboard --logdir RUN/tensorboard``."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kws.packages import import_package
from kws.train.observers.base import Observer
from kws.train.observers.batch_picture import batch_picture

if TYPE_CHECKING:
    from kws.train.batches import Batch
    from kws.train.loop import StepReport
    from kws.train.recipe import Recipe
    from kws.train.validation import Outcome

FOLDER = "tensorboard"


class TensorBoard(Observer):
    """Writes loss, rate and the figures of each validation, and a picture of a batch.

    A run that goes on after an interruption goes on in the same curves.

    Parameters
    ----------
    out : Path
        Folder of the run; the log is its subfolder ``tensorboard``.
    recipe : Recipe

    Raises
    ------
    MissingPackageError
        If tensorboard is not installed.
    """

    def __init__(self, out: Path, recipe: Recipe) -> None:
        super().__init__(out, recipe)
        self._package = import_package("torch.utils.tensorboard", "tensorboard", "tensorboard", "log to TensorBoard")
        self._writer: Any = None
        self._example: Callable[[], Batch] | None = None

    def begin(self, example: Callable[[], Batch]) -> None:
        """Keep the maker of a batch until there is a log to write it to."""
        self._example = example

    def step(self, report: StepReport) -> None:
        """Write the figures of a step, and those of its validation."""
        if self._writer is None:
            # Not before: only now is it known where a run goes on, and what lies behind that place is void.
            self._writer = self._package.SummaryWriter(str(self.out / FOLDER), purge_step=report.step)
            self._write_example(report.step)
        self._write({"loss/smoothed": report.loss, "loss/step": report.step_loss}, report.step)
        self._write({"learning rate": report.learning_rate}, report.step)
        if report.outcome is not None:
            self._write(figures(report.outcome), report.step)
            self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, values: dict[str, float], step: int) -> None:
        for name, value in values.items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, step)

    def _write_example(self, step: int) -> None:
        if self._example is not None:
            picture = batch_picture(self._example())
            self._writer.add_image("a batch: features, windows, labels", picture, step, dataformats="HWC")


def figures(outcome: Outcome) -> dict[str, float]:
    """Return the figures of a validation under the names that TensorBoard groups them by."""
    negatives = outcome.negatives
    return {
        **{f"false reject rate/{name}": counts.false_reject_rate for name, counts in outcome.misses.items()},
        **{f"threshold/{keyword}": value for keyword, value in outcome.thresholds.items()},
        "false accepts/count": negatives.n_false_accepts,
        "false accepts/per hour": negatives.n_false_accepts / negatives.hours if negatives.hours else math.nan,
        "cost": outcome.cost,
    }
