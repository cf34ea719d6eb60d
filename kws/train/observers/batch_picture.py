"""A batch as the network sees it, as a picture: a scrambled axis or a shifted label is seen at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from kws.train.batches import Batch

Picture = npt.NDArray[np.uint8]

_MOST_STREAMS = 8
_BAND_ROWS, _MARK_ROWS, _GAP_ROWS = 2, 6, 8
# Dark, in the middle, bright: even steps of brightness, readable without colour too.
_RAMP = np.array([[0, 0, 4], [80, 18, 123], [183, 55, 121], [252, 137, 97], [252, 253, 191]], np.float32)
_BACKGROUND, _LOW, _FREE = (255, 255, 255), (230, 230, 230), (160, 160, 160)
_WINDOW, _LABEL = (0, 140, 60), (200, 40, 60)


def batch_picture(batch: Batch) -> Picture:
    """Draw the first streams of a batch, one below the other.

    Each has its features, low bands at the bottom, one column a frame; below them a row for each keyword with the
    window (green) in which its score must peak and the steps in which it is free (grey), and a row with its labels
    (red).

    Returns
    -------
    array of uint8, shape (rows, frames, 3)
    """
    inputs = batch.inputs[:_MOST_STREAMS].float().numpy()
    windows, labels = batch.windows.numpy(), batch.labels.numpy()
    parts: list[Picture] = []
    for index, features in enumerate(inputs):
        repeat = features.shape[0] // windows.shape[1]
        parts.append(np.repeat(_coloured(features.T[::-1]), _BAND_ROWS, axis=0))
        for keyword in range(windows.shape[2]):
            parts.append(_row(_window_colours(windows[index, :, keyword]), repeat))
            parts.append(_row(np.where(labels[index, :, keyword, None] > 0.0, _LABEL, _LOW), repeat))
        parts.append(np.full((_GAP_ROWS, features.shape[0], 3), _BACKGROUND, np.uint8))
    return np.concatenate(parts)


def _coloured(values: npt.NDArray[np.float32]) -> Picture:
    low, high = float(values.min()), float(values.max())
    place = (values - low) / max(high - low, 1e-9) * (len(_RAMP) - 1)
    below = np.minimum(place.astype(int), len(_RAMP) - 2)
    share = (place - below)[..., None]
    return np.rint(_RAMP[below] * (1 - share) + _RAMP[below + 1] * share).astype(np.uint8)


def _window_colours(marks: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    colours = np.where(marks[:, None] > 0, _WINDOW, _LOW)
    return np.where(marks[:, None] < 0, _FREE, colours)


def _row(colours: npt.NDArray[np.int64], repeat: int) -> Picture:
    return np.repeat(np.repeat(colours[None], repeat, axis=1), _MARK_ROWS, axis=0).astype(np.uint8)
