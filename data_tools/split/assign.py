"""Put groups on sides so that each label has its shares, as well as whole groups allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from data_tools.split.groups import Group
from kws.manifest import SPLITS

TRAIN = 0
_ROUNDS = 20

Shares = tuple[float, float, float]
"""Of train, val and test, together 1."""


def assign(groups: Sequence[Group], shares: Shares, rng: np.random.Generator, may_be_judged: bool = False) -> list[str]:
    """Return the side of each group.

    A group that states one side stays there. The others are placed one at a time, the largest first, where they bring
    the shares of their labels nearest to what is wanted; then each is moved as long as that makes it better.

    Parameters
    ----------
    groups : sequence of Group
        None with several sides.
    shares : tuple of float
        Of train, val and test.
    rng : numpy.random.Generator
        Decides between equals.
    may_be_judged : bool
        Whether synthetic clips may be on other sides than train.
    """
    labels = sorted({label for group in groups for label in group.labels})
    counts = np.array([[group.labels.get(label, 0) for label in labels] for group in groups], np.float64)
    # Each label counts the same, however many clips it has.
    counts /= np.maximum(counts.sum(axis=0, keepdims=True), 1.0)
    sides = [_stated(group, may_be_judged) for group in groups]
    held = np.zeros((len(SPLITS), len(labels)))
    for row, side in zip(counts, sides, strict=True):
        if side in SPLITS:
            held[SPLITS.index(side)] += row
    wanted = np.array(shares)[:, np.newaxis] * np.ones(len(labels))
    free = [index for index in rng.permutation(len(groups)).tolist() if not sides[index]]
    free.sort(key=lambda index: -counts[index].max())
    chosen = {}
    for index in free:
        chosen[index] = _best(held, wanted, counts[index])
        held[chosen[index]] += counts[index]
    _improve(chosen, held, wanted, counts)
    _fill(chosen, sides, shares, counts)
    return [side or SPLITS[chosen[index]] for index, side in enumerate(sides)]


def _stated(group: Group, may_be_judged: bool) -> str:
    if group.sides:
        return group.sides[0]
    return SPLITS[TRAIN] if group.is_synthetic and not may_be_judged else ""


def _best(held: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], row: npt.NDArray[np.float64]) -> int:
    """Return the side whose shares are nearest to what is wanted once the row is there."""
    gap = wanted - held
    # What squared errors change by: a side that nobody wants takes nothing, and train is first among equals.
    change = np.where(wanted.sum(axis=1) > 0.0, np.square(gap - row).sum(axis=1) - np.square(gap).sum(axis=1), np.inf)
    return int(np.argmin(np.round(change, 12)))


def _improve(
    chosen: dict[int, int],
    held: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
) -> None:
    for _ in range(_ROUNDS):
        moved = False
        for index, side in chosen.items():
            held[side] -= counts[index]
            best = _best(held, wanted, counts[index])
            held[best] += counts[index]
            moved = moved or best != side
            chosen[index] = best
        if not moved:
            return


def _fill(chosen: dict[int, int], stated: Sequence[str], shares: Shares, counts: npt.NDArray[np.float64]) -> None:
    """Give a side that is wanted and empty the smallest group that another one can spare: three speakers are enough."""
    for side in range(len(SPLITS)):
        held = [list(chosen.values()).count(other) + stated.count(SPLITS[other]) for other in range(len(SPLITS))]
        spare = [index for index, other in chosen.items() if held[other] > 1]
        if shares[side] > 0.0 and not held[side] and spare:
            chosen[min(spare, key=lambda index: counts[index].sum())] = side
