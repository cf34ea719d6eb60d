"""The pictures of ``docs/from-the-course.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

from kws.audio import FloatArray
from kws.files import replacing

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

GOOD, BAD, THIRD, QUIET = "#1f77b4", "#d62728", "#2ca02c", "0.55"


def draw_loop(
    path: Path, lengths_s: Sequence[float], stuck: Mapping[str, Sequence[float]], left_out: Sequence[float]
) -> None:
    """Draw how often the assignment's loop never ends, and its later edition leaves a clip out, over clip length."""
    figure, axes = pyplot.subplots(figsize=(9, 3.6), layout="constrained")
    for (name, shares), colour in zip(stuck.items(), (BAD, "#ff9896"), strict=True):
        axes.plot(lengths_s, [100 * s for s in shares], marker=".", color=colour, label=f"never ends, {name}")
    label = "later edition, 6 clips:\nat least one is left out"
    axes.plot(lengths_s, [100 * s for s in left_out], marker=".", color=QUIET, label=label)
    axes.axvline(10 / 6, color=GOOD, linestyle="--", label="place_clips: 6 clips\nalways fit up to here")
    axes.set(
        xlabel="length of each clip (s)", ylabel="examples (%)", ylim=(0, 102), title="placing clips in 10 s by trial"
    )
    figure.legend(loc="outside right upper", fontsize=8)
    _save(figure, path)


def draw_reshape(
    path: Path,
    views: Mapping[str, FloatArray],
    labels: FloatArray,
    losses: Mapping[str, Sequence[float]],
    found: Mapping[str, float],
) -> None:
    """Draw an example as each network saw it, above its labels, and the losses of both."""
    figure, axes = pyplot.subplot_mosaic(
        [["first", "second", "loss"], ["first label", "second label", "loss"]],
        figsize=(12, 4.4),
        layout="constrained",
        height_ratios=(4, 1),
    )
    for (name, view), place in zip(views.items(), ("first", "second"), strict=True):
        top, bottom = axes[place], axes[f"{place} label"]
        top.imshow(view.T, origin="lower", aspect="auto", extent=(0, 10, 0, view.shape[1]), cmap="magma")
        top.set(title=name, ylabel="feature")
        bottom.plot(np.linspace(0, 10, len(labels)), labels, color=GOOD)
        bottom.set(xlabel="time (s)", yticks=(0, 1), ylabel="label", xlim=(0, 10))
    for (name, values), colour in zip(losses.items(), (GOOD, BAD), strict=True):
        label = f"{name}: {100 * found[name]:.0f} % of words missed"
        axes["loss"].plot(smoothed(values), color=colour, label=label)
    axes["loss"].set(xlabel="step", ylabel="training loss", ylim=(0, None), title="the loss falls in both")
    axes["loss"].legend(fontsize=8)
    _save(figure, path)


def draw_influence(path: Path, influence: Mapping[str, FloatArray], losses: Mapping[str, Sequence[float]]) -> None:
    """Draw whose input moves whose scores, and the losses of both."""
    figure, axes = pyplot.subplots(1, 3, figsize=(12, 3.8), layout="constrained")
    for ax, (name, matrix) in zip(axes, influence.items(), strict=False):
        shown = ax.imshow(np.log10(matrix + 1e-9), cmap="magma", vmin=-6, vmax=0)
        ax.set(title=name, xlabel="stream whose scores change", ylabel="stream that was replaced")
        figure.colorbar(shown, ax=ax, label="largest change (log10)", shrink=0.8)
    for (name, values), colour in zip(losses.items(), (GOOD, BAD), strict=True):
        axes[2].plot(smoothed(values), color=colour, label=name)
    axes[2].set(xlabel="step", ylabel="training loss", title="the loss falls in both")
    axes[2].legend(fontsize=8)
    _save(figure, path)


def draw_imbalance(
    path: Path, all_zeros: float, looks: Mapping[str, Sequence[Mapping[str, float]]], labels: Mapping[str, str]
) -> None:
    """Draw accuracy and missed words over the steps for each loss."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    for (name, entries), colour in zip(looks.items(), (BAD, GOOD, THIRD), strict=True):
        steps = [entry["step"] for entry in entries]
        left.plot(steps, [100 * e["accuracy"] for e in entries], marker=".", color=colour, label=labels[name])
        right.plot(steps, [100 * e["missed_at_half"] for e in entries], marker=".", color=colour, label=labels[name])
    left.axhline(100 * all_zeros, color=QUIET, linestyle="--", label=f'always "no": {100 * all_zeros:.1f} %')
    left.set(xlabel="step", ylabel="steps labelled right (%)", title="accuracy at threshold 0.5, held-out speakers")
    right.set(xlabel="step", ylabel="words missed (%)", title="the same networks, at threshold 0.5", ylim=(0, 102))
    for ax in (left, right):
        ax.legend(fontsize=8)
    _save(figure, path)


def draw_loss_up(path: Path, looks: Sequence[Mapping[str, float]], stopped: int, by_words: int) -> None:
    """Draw training loss, validation loss and missed words over the steps, and which step each rule would keep."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.8), layout="constrained")
    steps = [entry["step"] for entry in looks]
    left.plot(steps, [e["train_loss"] for e in looks], marker=".", color=QUIET, label="training loss")
    left.plot(steps, [e["loss"] for e in looks], marker=".", color=BAD, label="validation loss")
    right.plot(steps, [100 * e["missed"] for e in looks], marker=".", color=GOOD)
    right.set(xlabel="step", ylabel="words missed (%)", title="missed at 10 false accepts an hour", ylim=(0, None))
    left.set(xlabel="step", ylabel="frame loss", title="loss", ylim=(0, None))
    for ax in (left, right):
        ax.axvline(stopped, color=BAD, linestyle="--", label=f"early stopping keeps step {stopped}")
        ax.axvline(by_words, color=GOOD, linestyle="--", label=f"fewest missed: step {by_words}")
        ax.legend(fontsize=8)
    _save(figure, path)


def draw_resume(path: Path, losses: Mapping[str, Sequence[float]], stopped_at: int, after: Mapping[str, float]) -> None:
    """Draw the training loss around a restart, and the validation loss right after loading."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 3.8), layout="constrained", width_ratios=(2, 1))
    for (name, values), colour in zip(losses.items(), (GOOD, BAD), strict=True):
        left.plot(smoothed(values, 0.9), color=colour, label=name)
    left.axvline(stopped_at, color=QUIET, linestyle="--", label="stopped and resumed")
    left.set(xlabel="step", ylabel="training loss", title="training goes on")
    left.legend(fontsize=8)
    right.bar(list(after), list(after.values()), color=(GOOD, BAD), width=0.5)
    right.set(ylabel="validation loss", title="the loaded network, before any step")
    _save(figure, path)


def draw_queue(path: Path, results: Mapping[str, Sequence[tuple[float, float]]], limit_s: float) -> None:
    """Draw how old each block of audio was when its result was there."""
    figure, axes = pyplot.subplots(figsize=(7, 3.6), layout="constrained")
    for (name, pairs), colour in zip(results.items(), (GOOD, BAD), strict=True):
        axes.plot([had for had, _ in pairs], [age for _, age in pairs], ".", ms=3, color=colour, label=name)
    axes.axhline(limit_s, color=QUIET, linestyle="--", label=f"older than {limit_s:g} s: kws run tells nothing")
    axes.set(xlabel="when the block could be had (s)", ylabel="age of its result (s)", title="one stall of 2 s")
    axes.legend(fontsize=8)
    _save(figure, path)


def draw_scores(path: Path, clips: Mapping[str, tuple[FloatArray, Mapping[str, FloatArray]]], threshold: float) -> None:
    """Draw the dev clips with the scores of one or more models below them."""
    figure, grid = pyplot.subplots(2, len(clips), figsize=(11, 4), layout="constrained", squeeze=False)
    for (name, (samples, tracks)), (top, bottom) in zip(clips.items(), grid.T, strict=True):
        top.plot(np.arange(len(samples)) / 16_000, samples, color=QUIET, lw=0.4)
        top.set(title=name, xlim=(0, 10), ylabel="samples")
        for (model, scores), colour in zip(tracks.items(), (BAD, GOOD), strict=False):
            bottom.plot(np.linspace(0, 10, len(scores)), scores, color=colour, label=model)
        bottom.axhline(threshold, color=QUIET, linestyle="--")
        bottom.set(xlabel="time (s)", xlim=(0, 10), ylim=(0, 1.02), ylabel="score")
        bottom.legend(fontsize=8)
    _save(figure, path)


def smoothed(values: Sequence[float], keep: float = 0.95) -> list[float]:
    """Return the running mean of a noisy curve, exponentially weighted and started without bias."""
    result, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        result.append(mean / weight)
    return result


def _save(figure: Any, path: Path) -> None:
    for axes in figure.axes:
        if not axes.images:
            axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=90)
    pyplot.close(figure)
