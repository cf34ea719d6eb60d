"""From the segments of a stream to what the loss needs at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE_HZ
from kws.spec import UNKNOWN
from kws.train.recipe import LossConfig

IGNORE = -1


class Segment(Protocol):
    """A clip inside a stream: its keyword, or ``""``, its first sample, and the sample at which the word ends."""

    @property
    def label(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def word_end(self) -> int: ...


class Stream(Protocol):
    """A labelled stream: samples ``(N,)`` float32 and its segments."""

    @property
    def samples(self) -> npt.NDArray[np.float32]: ...
    @property
    def segments(self) -> Sequence[Segment]: ...


class StreamSource(Protocol):
    """Anything that makes labelled streams of one fixed length."""

    def stream(self, rng: np.random.Generator) -> Stream:
        """Make a stream from the given randomness alone."""

    def fingerprint(self) -> str:
        """Return a digest of all that a stream depends on but its randomness and the augmentation of clips."""


def windows(
    segments: Sequence[Segment], keywords: Sequence[str], n_steps: int, step_samples: int, config: LossConfig
) -> npt.NDArray[np.int8]:
    """Mark at which steps the score must peak, must stay low, or is free.

    A column ``_unknown_`` belongs to all clips that are no keyword. Its score is free while they last: speech may be
    told as other speech before it ends.

    Returns
    -------
    array of int8, shape (steps, K)
        0 where the score must be low, ``n`` in the window of the keyword's n-th occurrence, -1 where it is free.
    """
    step_s = step_samples / SAMPLE_RATE_HZ
    marks = np.zeros((n_steps, len(keywords)), np.int8)
    seen = [0] * len(keywords)
    for segment in sorted(segments, key=lambda s: s.word_end):
        label = segment.label or UNKNOWN
        if label not in keywords:
            continue
        column = keywords.index(label)
        seen[column] += 1
        end = segment.word_end / step_samples
        first = max(0, round(end - config.before_s / step_s))
        last = round(end + config.after_s / step_s) + 1
        if label == UNKNOWN:
            _set_free(marks[segment.start // step_samples : first, column])
        marks[first:last, column] = seen[column]
        _set_free(marks[last : last + round(config.ignore_s / step_s), column])
    return marks


def _set_free(marks: npt.NDArray[np.int8]) -> None:
    marks[marks == 0] = IGNORE


def frame_labels(
    segments: Sequence[Segment], keywords: Sequence[str], n_steps: int, step_samples: int, label_s: float
) -> npt.NDArray[np.float32]:
    """Return the classic labels ``(steps, K)``: ones for `label_s` after each keyword's end.

    A column ``_unknown_`` has them after each clip that is no keyword.
    """
    labels = np.zeros((n_steps, len(keywords)), np.float32)
    for segment in segments:
        label = segment.label or UNKNOWN
        if label in keywords:
            first = segment.word_end // step_samples
            last = first + max(1, round(label_s * SAMPLE_RATE_HZ / step_samples))
            labels[first:last, keywords.index(label)] = 1.0
    return labels
