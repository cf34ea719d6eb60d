"""Pictures of data: a training batch as the network gets it, and clips with their sound marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.check.batch import BatchView, figures
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError
from kws.files import replacing
from kws.packages import import_package, one_line

_WINDOW_SAMPLES, _HOP_SAMPLES = 512, 160
_RANGE_DB = 70.0
_COLOURS = ("tab:red", "tab:orange", "tab:purple", "tab:green")
_N_COLUMNS = 2


@dataclass(frozen=True)
class ClipView:
    """A clip to be drawn.

    Parameters
    ----------
    title : str
    samples : array of float32, shape (N,)
        At 16 kHz.
    active_s : tuple of float
        Start and end of its sound.
    labels_s : sequence of tuple of float
        Starts and ends that the manifest gives.
    """

    title: str
    samples: FloatArray
    active_s: tuple[float, float]
    labels_s: Sequence[tuple[float, float]] = ()


def draw_batch(path: Path, batch: BatchView, n_streams: int = 4) -> None:
    """Draw features above and targets below, on one axis of time.

    Parameters
    ----------
    path : Path
        PNG file; replaced whole.
    batch : BatchView
    n_streams : int
        Streams to draw; those with words first.

    Raises
    ------
    DataError
        If the file cannot be written.
    MissingPackageError
        If matplotlib is not installed.
    """
    pyplot = _pyplot()
    order = np.argsort(-batch.labels.any(axis=1).sum(axis=1), kind="stable")[:n_streams]
    shape = (2 * len(order), 1)
    figure, rows = pyplot.subplots(
        *shape,
        figsize=(11, 2.6 * len(order)),
        sharex=True,
        layout="constrained",
        squeeze=False,
        gridspec_kw={"height_ratios": [3, 1] * len(order)},
    )
    for number, stream in enumerate(order):
        _draw_stream(rows[2 * number, 0], rows[2 * number + 1, 0], batch, int(stream))
    handles, names = rows[1, 0].get_legend_handles_labels()
    # One entry for all keywords' free time.
    shown = dict(zip(names, handles, strict=True))
    figure.legend(shown.values(), shown.keys(), loc="outside lower right", fontsize=8, ncols=len(shown))
    rows[-1, 0].set_xlabel("time (s)")
    figure.suptitle(_summary(batch), fontsize=10)
    _save(figure, pyplot, path)


def _draw_stream(above: Any, below: Any, batch: BatchView, stream: int) -> None:
    features = batch.features[stream]
    above.imshow(
        features.T, origin="lower", aspect="auto", extent=(0.0, batch.duration_s, 0, features.shape[1]), cmap="magma"
    )
    above.set_ylabel("band")
    above.set_title(f"stream {stream} of the batch", fontsize=9, loc="left")
    time_s = np.arange(batch.windows.shape[1]) * batch.step_s
    for column, keyword in enumerate(batch.keywords):
        colour = _COLOURS[column % len(_COLOURS)]
        marks, labels = batch.windows[stream, :, column], batch.labels[stream, :, column]
        below.fill_between(time_s, 0, marks > 0, step="post", color=colour, alpha=0.3, label=f"window of {keyword!r}")
        below.fill_between(time_s, 0, marks < 0, step="post", color="0.6", alpha=0.4, label="free")
        below.step(time_s, labels, where="post", color=colour, linewidth=1.2, label="label")
        for step in np.flatnonzero(np.diff(labels, prepend=0.0) > 0.5):
            for axes in (above, below):
                axes.axvline(time_s[step], color="white" if axes is above else colour, linestyle="--", linewidth=1)
    below.set(ylim=(0, 1.1), yticks=[0, 1], xlim=(0.0, batch.duration_s))


def _summary(batch: BatchView) -> str:
    found = figures(batch)
    text = (
        f"neighbouring frames correlate {found.frame_correlation:.2f}, neighbouring bands {found.band_correlation:.2f}"
    )
    if np.isnan(found.label_lag_s):
        return f"{text}; too few words to place the labels"
    return f"{text}; the sound falls {found.label_lag_s:+.2f} s from where labels begin ({found.n_ends} words)"


def draw_clips(path: Path, clips: Sequence[ClipView]) -> None:
    """Draw the spectrogram of each clip, its sound between white lines, its labels between cyan ones.

    Raises
    ------
    DataError
        If the file cannot be written.
    MissingPackageError
        If matplotlib is not installed.
    """
    pyplot = _pyplot()
    n_rows = -(-len(clips) // _N_COLUMNS)
    figure, rows = pyplot.subplots(n_rows, _N_COLUMNS, figsize=(11, 2.2 * n_rows), layout="constrained", squeeze=False)
    for axes in rows.ravel():
        axes.set_axis_off()
    for axes, clip in zip(rows.ravel(), clips, strict=False):
        axes.set_axis_on()
        levels = _spectrogram_db(clip.samples)
        top = float(levels.max())
        extent = (0.0, len(clip.samples) / SAMPLE_RATE_HZ, 0.0, SAMPLE_RATE_HZ / 2000.0)
        axes.imshow(
            levels.T, origin="lower", aspect="auto", extent=extent, cmap="magma", vmin=top - _RANGE_DB, vmax=top
        )
        for edges, colour, style in (
            (clip.active_s, "white", "-"),
            *((edges, "cyan", "--") for edges in clip.labels_s),
        ):
            for edge_s in edges:
                axes.axvline(edge_s, color=colour, linestyle=style, linewidth=1.2)
        axes.set_title(clip.title, fontsize=8, loc="left")
        axes.set_ylabel("kHz", fontsize=8)
    figure.suptitle("white: the sound as training finds it; cyan: the manifest's times; x: seconds", fontsize=10)
    _save(figure, pyplot, path)


def _spectrogram_db(samples: FloatArray) -> np.ndarray:
    padded = np.pad(samples, (0, max(0, _WINDOW_SAMPLES - len(samples))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_SAMPLES)[::_HOP_SAMPLES]
    power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW_SAMPLES), axis=1)))
    result: np.ndarray = 10.0 * np.log10(power + 1e-9)
    return result


def _pyplot() -> Any:
    matplotlib = import_package("matplotlib", "matplotlib", "plot", "draw pictures")
    matplotlib.use("Agg")
    return import_package("matplotlib.pyplot", "matplotlib", "plot", "draw pictures")


def _save(figure: Any, pyplot: Any, path: Path) -> None:
    try:
        with replacing(path) as temporary:
            figure.savefig(temporary, format="png", dpi=100)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({one_line(error)})") from None
    finally:
        pyplot.close(figure)
