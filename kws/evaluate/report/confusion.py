"""The confusion matrix as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError
from kws.evaluate.confusion import Confusion
from kws.files import replacing
from kws.packages import import_package

PICTURE_SUFFIXES = (".png", ".svg", ".pdf")
_CELL_INCHES = 0.5
_MANY_CLASSES, _SMALL_CELL_INCHES = 16, 0.34
_MARGIN_INCHES = 1.9
_LEAST_INCHES = 5.5
# Two per cent of a class must be seen beside the 98 on the diagonal: colour goes with a root of the share.
_COLOUR_POWER = 0.4
# On a dark cell the number is white.
_DARK = 0.6


def draw_confusion(path: Path, confusion: Confusion, title: str = "") -> None:
    """Draw a confusion matrix: colour by the share of what was said, numbers of clips in the cells.

    Parameters
    ----------
    path : Path
        PNG, SVG or PDF by its suffix; replaced whole.
    confusion : Confusion
    title : str
        First line; the accuracy with its counts and interval follows.

    Raises
    ------
    ConfigError
        If the suffix is another one.
    MissingPackageError
        If matplotlib is not installed.
    """
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise ConfigError(f"{path}: accepted suffixes of a picture are {', '.join(PICTURE_SUFFIXES)}")
    import_package("matplotlib", "matplotlib", "eval", "draw pictures").use("Agg")
    from matplotlib import pyplot

    cell = _CELL_INCHES if len(confusion.classes) <= _MANY_CLASSES else _SMALL_CELL_INCHES
    side = max(_LEAST_INCHES, _MARGIN_INCHES + cell * len(confusion.classes))
    figure, axes = pyplot.subplots(figsize=(side, side), layout="constrained")
    said = confusion.counts.sum(axis=1, keepdims=True)
    colours = (confusion.counts / np.maximum(said, 1)) ** _COLOUR_POWER
    axes.imshow(colours, cmap="Blues", vmin=0.0, vmax=1.0)
    _write_numbers(axes, confusion, colours)
    _label_axes(axes, confusion, said[:, 0].tolist())
    figure.suptitle("\n".join([*([title] if title else []), _headline(confusion)]), fontsize=10)
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=120)
    finally:
        pyplot.close(figure)


def _headline(confusion: Confusion) -> str:
    low, high = confusion.interval
    return (
        f"{100 * confusion.accuracy:.1f} % right: {confusion.n_right} of {confusion.n_clips} clips "
        f"(95 %: {100 * low:.1f} to {100 * high:.1f})"
    )


def _write_numbers(axes: Any, confusion: Confusion, colours: npt.NDArray[np.float64]) -> None:
    for (row, column), count in np.ndenumerate(confusion.counts):
        if count:
            colour = "white" if colours[row, column] > _DARK else "black"
            axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)


def _label_axes(axes: Any, confusion: Confusion, said: list[int]) -> None:
    names = [name.strip("_") for name in confusion.classes]
    places = range(len(names))
    axes.set_xticks(places, names, rotation=90 if len(names) > 5 else 0, fontsize=9)
    axes.set_yticks(places, [f"{name} ({count})" for name, count in zip(names, said, strict=True)], fontsize=9)
    axes.set_xlabel("told")
    axes.set_ylabel("said (clips)")
    axes.set_xticks([place + 0.5 for place in places[:-1]], minor=True)
    axes.set_yticks([place + 0.5 for place in places[:-1]], minor=True)
    axes.grid(which="minor", color="0.9", linewidth=0.8)
    axes.tick_params(which="both", length=0)
