"""The rules of the deeplearning.ai trigger-word assignment, written anew from its text: grid, labels, placing, chime.

Everything counts in milliseconds of a 10 s example and in steps of its output, as the assignment does. Segments have
inclusive ends. These are the reference that the toolkit is held against in ``from_the_course.py`` and its tests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

EXAMPLE_MS = 10_000
RATE_HZ = 44_100
WINDOW_SAMPLES, HOP_SAMPLES, N_FREQUENCIES = 200, 80, 101
KERNEL_FRAMES, STRIDE_FRAMES = 15, 4
N_ONES = 50
LATER_TRIES = 6
"""Draws after the first one in the later edition of the assignment, which then leaves the clip out."""

Placed = tuple[int, int]
"""First and last millisecond of a clip in its example."""


def n_frames(n_samples: int) -> int:
    """Return Tx: the windows that fit into a recording at 44.1 kHz; 5511 for 10 s."""
    return (n_samples - WINDOW_SAMPLES) // HOP_SAMPLES + 1


def n_outputs(frames: int) -> int:
    """Return Ty: the outputs of the convolution, which pads nothing; 1375 for 5511 frames."""
    return (frames - KERNEL_FRAMES) // STRIDE_FRAMES + 1


def heard_ms(output: int) -> float:
    """Return up to where in the example an output has heard, in milliseconds."""
    last_frame = output * STRIDE_FRAMES + KERNEL_FRAMES - 1
    return 1000 * (last_frame * HOP_SAMPLES + WINDOW_SAMPLES) / RATE_HZ


def insert_ones(ends_ms: Iterable[int], outputs: int) -> npt.NDArray[np.float32]:
    """Return the labels of an example, shape ``(outputs,)``: 50 ones strictly after the step of each end."""
    labels = np.zeros(outputs, np.float32)
    for end_ms in ends_ms:
        step = int(end_ms * outputs / EXAMPLE_MS)
        labels[step + 1 : step + 1 + N_ONES] = 1.0
    return labels


def chimes(scores: Sequence[float], threshold: float = 0.5, wait_steps: int = 75) -> list[int]:
    """Return the outputs at which the assignment chimes: above the threshold, and long enough after the last."""
    found, since = [], 0
    for step, score in enumerate(scores):
        since += 1
        if score > threshold and since > wait_steps:
            found.append(step)
            since = 0
    return found


@dataclass(frozen=True)
class Insertion:
    """What came of placing one clip by trial.

    Parameters
    ----------
    draws : int
        Places that were drawn, the good one included.
    place : (int, int) or None
        None where the limit of draws was reached.
    is_stuck : bool
        No place is free at all: without a limit the loop would never end.
    """

    draws: int
    place: Placed | None
    is_stuck: bool


def insert_by_trial(
    clip_ms: int, previous: Sequence[Placed], rng: np.random.Generator, max_draws: int = 1000
) -> Insertion:
    """Place a clip as the assignment does: draw a place until it overlaps with none, here at most `max_draws` times."""
    starts = rng.integers(0, EXAMPLE_MS - clip_ms, max_draws)
    good = np.flatnonzero(_is_free(starts, clip_ms, previous))
    if good.size:
        start = int(starts[good[0]])
        return Insertion(int(good[0]) + 1, (start, start + clip_ms - 1), False)
    every = np.arange(EXAMPLE_MS - clip_ms)
    return Insertion(max_draws, None, not _is_free(every, clip_ms, previous).any())


def fill_by_trial(
    clips_ms: Iterable[int], rng: np.random.Generator, max_draws: int = 1000
) -> tuple[list[Insertion], list[Placed]]:
    """Place clips one after the other, leaving out what finds no place; return what came of each, and the places."""
    outcomes: list[Insertion] = []
    places: list[Placed] = []
    for clip_ms in clips_ms:
        outcomes.append(insert_by_trial(clip_ms, places, rng, max_draws))
        if outcomes[-1].place is not None:
            places.append(outcomes[-1].place)
    return outcomes, places


def _is_free(starts: npt.NDArray[np.int64], clip_ms: int, previous: Sequence[Placed]) -> npt.NDArray[np.bool_]:
    ends = starts + clip_ms - 1
    free = np.ones(len(starts), np.bool_)
    for first, last in previous:
        free &= (starts > last) | (ends < first)
    return free
