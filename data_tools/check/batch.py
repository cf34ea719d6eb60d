"""A training batch as the network gets it: are its axes in order, and its labels at the words?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_tools.check.findings import Finding, Severity
from kws.audio import FloatArray
from kws.errors import DataError

_MAX_LAG_S = 1.0
_SIDE_S = 0.3
_MIN_ENDS = 8
_BAD_LAG_S = 0.25
_MIN_CONTRAST = 0.25
# Real streams have 0.93 along time and 0.92 along bands; scrambled ones 0.43 to 0.54 and 0.97.
_SCRAMBLED = 0.2


@dataclass(frozen=True)
class BatchView:
    """One batch.

    Parameters
    ----------
    features : array of float32, shape (B, T, F)
        Logarithmic, such as log-mels.
    windows : array of int8, shape (B, steps, K)
        Where the score must peak (the number of the word), is free (-1) or must be low (0).
    labels : array of float32, shape (B, steps, K)
        One for a while from the end of each word.
    keywords : sequence of str, shape (K,)
    duration_s : float
        Length of a stream; frames and steps divide it evenly.

    Raises
    ------
    DataError
        If the shapes do not belong together.
    """

    features: FloatArray
    windows: npt.NDArray[np.int8]
    labels: FloatArray
    keywords: Sequence[str]
    duration_s: float

    def __post_init__(self) -> None:
        grid = self.windows.shape
        fits = self.features.ndim == 3 and len(grid) == 3 and self.labels.shape == grid
        if not fits or self.features.shape[0] != grid[0] or len(self.keywords) != grid[2]:
            raise DataError(
                f"a batch has features {self.features.shape}, windows {grid}, labels {self.labels.shape} and "
                f"{len(self.keywords)} keywords; accepted are (B, T, F), twice (B, steps, K) and K"
            )

    @property
    def frame_s(self) -> float:
        """Distance of two frames."""
        return self.duration_s / self.features.shape[1]

    @property
    def step_s(self) -> float:
        """Distance of two steps."""
        return self.duration_s / self.windows.shape[1]


@dataclass(frozen=True)
class BatchFigures:
    """What the numbers of a batch say.

    Parameters
    ----------
    frame_correlation, band_correlation : float
        Correlation of neighbours along time, and along frequency.
    label_lag_s : float
        How much later the sound falls than the labels begin; NaN if there are fewer than 8 ends of words.
    contrast : float
        How far it falls there, in standard deviations of the streams' loudness; NaN likewise.
    n_ends : int
        Ends of words that were looked at.
    """

    frame_correlation: float
    band_correlation: float
    label_lag_s: float
    contrast: float
    n_ends: int


def figures(batch: BatchView) -> BatchFigures:
    """Measure a batch.

    Two frames that follow each other share most of their samples and look alike. A ``reshape`` where a transpose was
    meant lays stretches of one band side by side: what is called frames is then 0.4 s apart, and what is called bands
    10 ms. And as a label begins where its word ends, the sound is louder before it than after it; of all lags within a
    second, that should be true the most at none.
    """
    lag_s, contrast, n_ends = _label_lag(batch)
    return BatchFigures(
        _neighbours(batch.features, axis=1), _neighbours(batch.features, axis=2), lag_s, contrast, n_ends
    )


def check_batch(batch: BatchView) -> Iterator[Finding]:
    """Name scrambled axes and labels that are not where the words end."""
    found = figures(batch)
    if found.frame_correlation < found.band_correlation - _SCRAMBLED:
        yield Finding(
            "axes-scrambled",
            Severity.ERROR,
            f"neighbouring frames of a batch correlate by {found.frame_correlation:.2f} only, neighbouring bands by "
            f"{found.band_correlation:.2f}: the axes are scrambled",
            "look for a reshape or view where a transpose was meant",
        )
    elif abs(found.label_lag_s) >= _BAD_LAG_S and found.contrast >= _MIN_CONTRAST:
        yield Finding(
            "batch-labels-shifted",
            Severity.ERROR,
            f"in a batch the words end {abs(found.label_lag_s):.2f} s "
            f"{'after' if found.label_lag_s > 0 else 'before'} their labels begin ({found.n_ends} words)",
            "see whether audio and labels are cut, padded or resampled alike",
        )


def _neighbours(features: FloatArray, axis: int) -> float:
    """Return the correlation of neighbours along an axis, each band's mean over the stream taken off."""
    centred = features.astype(np.float64) - features.mean(axis=1, keepdims=True, dtype=np.float64)
    one = np.take(centred, range(features.shape[axis] - 1), axis=axis).ravel()
    other = np.take(centred, range(1, features.shape[axis]), axis=axis).ravel()
    scale = float(np.sqrt(np.dot(one, one) * np.dot(other, other)))
    return float(np.dot(one, other)) / scale if scale > 0.0 else 0.0


def _label_lag(batch: BatchView) -> tuple[float, float, int]:
    loudness = batch.features.mean(axis=2, dtype=np.float64)
    spread = loudness.std(axis=1, keepdims=True)
    loudness = (loudness - loudness.mean(axis=1, keepdims=True)) / np.where(spread > 0.0, spread, 1.0)
    side = round(_SIDE_S / batch.frame_s)
    lags = np.arange(-round(_MAX_LAG_S / batch.frame_s), round(_MAX_LAG_S / batch.frame_s) + 1)
    profiles = []
    for stream, step in _word_ends(batch):
        at = round(step * batch.step_s / batch.frame_s) + lags
        # The same streams at every lag: an end too near the edge of its stream is left out.
        if at[0] >= side and at[-1] + side <= loudness.shape[1]:
            sums = np.concatenate([[0.0], np.cumsum(loudness[stream])])
            profiles.append((2.0 * sums[at] - sums[at - side] - sums[at + side]) / side)
    if len(profiles) < _MIN_ENDS:
        return float("nan"), float("nan"), len(profiles)
    profile = np.mean(profiles, axis=0)
    best = int(profile.argmax())
    return float(lags[best] * batch.frame_s), float(profile[best]), len(profiles)


def _word_ends(batch: BatchView) -> Iterator[tuple[int, int]]:
    before = np.pad(batch.labels, ((0, 0), (1, 0), (0, 0)))[:, :-1]
    streams, steps, _ = np.nonzero((batch.labels > 0.5) & (before <= 0.5))
    yield from zip(streams.tolist(), steps.tolist(), strict=True)
