"""Where clips go in a stream: exact, not by trial, so that it always ends.

The free gaps are known, so a start is drawn once, uniformly over all starts that fit. When none fits,
:class:`kws.errors.NoRoomError` says so at once.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray, to_float32
from kws.errors import AudioError, ConfigError, NoRoomError

Span = tuple[int, int]
"""Half-open range of samples, ``(start, end)``."""


def place_clips(lengths: Sequence[int], total: int, rng: np.random.Generator, min_gap: int = 0) -> list[int]:
    """Draw starts for a whole set of clips, so that none overlaps another.

    Every non-overlapping arrangement of the set is equally likely, and so is every order along time. This
    is the way to build a stream: it serves each request that can be served at all, which clip-by-clip
    insertion (:func:`insert_clip`) cannot promise.

    Parameters
    ----------
    lengths : sequence of int, shape (n,)
        Lengths of the clips in samples, each at least 1.
    total : int
        Length of the stream in samples, at least 0.
    rng : numpy.random.Generator
        Source of randomness.
    min_gap : int
        Least number of samples between two clips; the stream's own ends need no gap.

    Returns
    -------
    list of int, shape (n,)
        Start of each clip, in the order given.

    Raises
    ------
    NoRoomError
        At once, if the clips and the gaps between them are longer than the stream.
    ConfigError
        If a length, the total or the gap is not a whole number in its range.

    Notes
    -----
    With ``slack`` samples left over, an order's arrangements are the ways to split the slack over the
    ``n + 1`` gaps ("stars and bars"), which are the ``n``-subsets of ``slack + n`` places.

    References
    ----------
    R. Floyd in J. Bentley, "Programming Pearls: A Sample of Brilliance", CACM 30(9), 1987: a uniform
    subset with exactly one draw an element.
    """
    _check_rng(rng)
    sizes = [_whole("lengths", value, 1) for value in lengths]
    stream_samples = _whole("total", total, 0)
    gap = _whole("min_gap", min_gap, 0)
    n_clips = len(sizes)
    if n_clips == 0:
        return []
    needed = sum(sizes) + gap * (n_clips - 1)
    slack = stream_samples - needed
    if slack < 0:
        raise NoRoomError(needed, stream_samples, stream_samples)
    return _arrange(sizes, slack, gap, rng)


def insert_clip(
    background: npt.ArrayLike,
    clip: npt.ArrayLike,
    previous_segments: Iterable[Span],
    rng: np.random.Generator,
) -> tuple[FloatArray, Span]:
    """Add one more clip into what stands, at a start drawn uniformly over all starts that fit.

    This is the signature known from the classic trigger-word assignment, without its endless loop. Prefer
    :func:`place_clips` whenever the whole set is known: clips that are inserted one by one can use up the
    room of later ones (three 2 s clips can leave 4 s of a 10 s stream free and no gap of 2 s), and the
    arrangements that come out are not equally likely. Use this one to add to a stream that already stands.

    Parameters
    ----------
    background : array, shape (N,)
        int16, or float with full scale 1.0. It is left as it is.
    clip : array, shape (M,)
        int16 or float, at least one sample.
    previous_segments : iterable of (int, int)
        Half-open ranges ``(start, end)`` in samples that are taken, ``0 <= start <= end <= N``, in any
        order; they may touch. The caller adds the returned one for the next call.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    new_background : array of float32, shape (N,)
        The background with the clip's samples added. The sum is not limited: bring it into full scale with
        :func:`data_tools.synthesize.mixing.keep_full_scale` when the stream is complete.
    segment : (int, int)
        Where the clip lies, half-open.

    Raises
    ------
    NoRoomError
        At once, if no gap takes the clip.
    AudioError
        If the background or clip is not mono audio, or the clip is empty.
    ConfigError
        If a segment is not a half-open range of whole samples inside the background.
    """
    _check_rng(rng)
    samples = _mono("background", background)
    added = _mono("clip", clip)
    if len(added) == 0:
        raise AudioError("clip holds no samples; accepted is at least one")
    gaps = free_gaps(previous_segments, len(samples))
    start = _draw_start(gaps, len(added), rng)
    result = samples.copy()
    result[start : start + len(added)] += added
    return result, (start, start + len(added))


def free_gaps(segments: Iterable[Span], total: int) -> list[Span]:
    """Return what segments leave free of a stream, as half-open ranges in order of time.

    Parameters
    ----------
    segments : iterable of (int, int)
        Half-open ranges in samples, in any order; they may touch or overlap each other. An empty one takes nothing.
    total : int
        Length of the stream in samples.

    Returns
    -------
    list of (int, int)
        The gaps; none is empty.

    Raises
    ------
    ConfigError
        If a segment is not a half-open range of whole samples inside the stream.
    """
    gaps: list[Span] = []
    free_from = 0
    spans = [_span(segment, total) for segment in segments]
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if start > free_from:
            gaps.append((free_from, start))
        free_from = max(free_from, end)
    if free_from < total:
        gaps.append((free_from, total))
    return gaps


def _arrange(sizes: list[int], slack: int, gap: int, rng: np.random.Generator) -> list[int]:
    n_clips = len(sizes)
    # One call for all numbers: the subset's picks first, then those of the order.
    highest = range(slack, slack + n_clips)
    picks = rng.integers(0, [*highest, *range(n_clips)], endpoint=True).tolist()
    starts, cursor = [0] * n_clips, 0
    for rank, (bar, clip) in enumerate(zip(_subset(highest, picks), _order(picks[n_clips:]), strict=True)):
        # `bar - rank` is the slack spent before this clip; `cursor` is what clips and gaps took so far.
        starts[clip] = bar - rank + cursor
        cursor += sizes[clip] + gap
    return starts


def _draw_start(gaps: list[Span], clip_samples: int, rng: np.random.Generator) -> int:
    # A gap of g samples offers g - clip + 1 starts; one number picks the gap and the place in it.
    offers = [max(0, end - start - clip_samples + 1) for start, end in gaps]
    n_starts = sum(offers)
    if n_starts == 0:
        sizes = [end - start for start, end in gaps]
        raise NoRoomError(clip_samples, sum(sizes), max(sizes, default=0))
    pick = int(rng.integers(n_starts))
    for (start, _), offer in zip(gaps, offers, strict=True):
        if pick < offer:
            return start + pick
        pick -= offer
    raise AssertionError("the pick is below the sum of the offers")


def _subset(highest: Iterable[int], picks: Iterable[int]) -> list[int]:
    # Floyd's algorithm. Generator.choice(replace=False) draws the same law at three times the cost.
    chosen: set[int] = set()
    for high, pick in zip(highest, picks, strict=False):
        chosen.add(high if pick in chosen else pick)
    return sorted(chosen)


def _order(picks: Iterable[int]) -> list[int]:
    # Item i goes to a uniform place among the i before it: every order is equally likely.
    order: list[int] = []
    for item, pick in enumerate(picks):
        order.insert(pick, item)
    return order


def _whole(name: str, value: Any, low: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = low - 1
    if number < low:
        raise ConfigError(f"{name} holds {value!r}; accepted are whole numbers of samples from {low}")
    return number


def _span(segment: Any, total: int) -> Span:
    try:
        start, end = (operator.index(edge) for edge in segment)
    except (TypeError, ValueError):
        start, end = -1, -1
    if not 0 <= start <= end <= total:
        raise ConfigError(
            f"previous_segments holds {segment!r}; accepted are pairs of whole numbers 0 <= start <= end <= {total}"
        )
    return start, end


def _mono(name: str, samples: npt.ArrayLike) -> FloatArray:
    array = to_float32(samples)
    if array.ndim != 1:
        raise AudioError(f"{name} has shape {array.shape}; accepted is mono audio, (N,)")
    return array


def _check_rng(rng: object) -> None:
    if not isinstance(rng, np.random.Generator):
        raise ConfigError(f"rng is {rng!r}; accepted is a numpy.random.Generator")
