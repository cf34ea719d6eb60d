"""Pictures of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kws.files import replacing


def draw_curves(path: Path, history: Sequence[dict[str, Any]], best_step: int) -> None:
    """Draw the loss, and the false reject rate of each condition, over the steps.

    Parameters
    ----------
    path : Path
        PNG file; replaced whole.
    history : sequence of dict
        One a validation, with ``step``, ``loss``, ``frr`` (by condition) and ``false_accepts``.
    best_step : int
        Marked with a line.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    steps = [entry["step"] for entry in history]
    left.plot(steps, [entry["loss"] for entry in history], marker=".")
    left.set(xlabel="step", ylabel="training loss", title="loss")
    for condition in history[-1]["frr"]:
        right.plot(steps, [100 * entry["frr"][condition] for entry in history], marker=".", label=condition)
    right.axvline(best_step, color="0.7", linestyle="--", label=f"best: step {best_step}")
    right.set(xlabel="step", ylabel="false rejects (%)", title="misses on validation streams", ylim=(0, None))
    right.legend()
    for axes in (left, right):
        axes.grid(alpha=0.3)
    with replacing(path, is_durable=False) as temporary:
        figure.savefig(temporary, format="png", dpi=100)
    pyplot.close(figure)
