"""The known traps of the trigger-word assignment as code: each is here on purpose, to be measured.

Nothing here is for use. ``from_the_course.py`` runs them beside what the toolkit does instead.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from kws.audio import FloatArray
from kws.models.conv_gru import ConvGru


def reshaped(x: Tensor) -> Tensor:
    """Turn spectrograms ``(B, F, T)`` into ``(B, T, F)`` the wrong way: the numbers stay in their order.

    The shape is right. Row ``t`` holds a stretch of one band over time instead of one moment over all bands.
    """
    batch, bands, frames = x.shape
    return x.reshape(batch, frames, bands)


class Reshaped(nn.Module):
    """A network behind the wrong ``reshape``: it takes ``(B, T, F)`` and scrambles it as the trap does."""

    def __init__(self, network: ConvGru) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T', K)``."""
        return self.network(reshaped(x.transpose(1, 2)), state)


class BatchAsTime(nn.Module):
    """A ``ConvGru`` whose GRUs were made without ``batch_first=True``: they run over the batch instead of time.

    PyTorch's GRU reads ``(B, T, H)`` as T sequences of B steps and returns the same shape, so that nothing complains.
    """

    def __init__(self, network: ConvGru) -> None:
        super().__init__()
        self.network = network
        for layer in network.grus:
            layer.gru.batch_first = False

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T', K)``; the states of the streams have no meaning here."""
        net = self.network
        y, _ = net.conv(x, net.conv.initial_state(x.shape[0]))
        y = net.dropout(net.conv_norm(y.transpose(1, 2)).relu().transpose(1, 2))
        for layer in net.grus:
            y, _ = layer.gru(y)
            y = net.dropout(y)
        return net.head(y), []


@torch.no_grad()
def stream_influence(network: nn.Module, x: Tensor, other: Tensor) -> FloatArray:
    """Return how much each stream's scores change when one stream is replaced.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    x, other : Tensor, shape (B, T, F)
        The streams, and what replaces them.

    Returns
    -------
    array, shape (B, B)
        Row ``i``, column ``j``: largest change of a score of stream ``j`` when stream ``i`` was replaced.
    """
    before = torch.sigmoid(network(x)[0])
    rows = []
    for index in range(len(x)):
        changed = x.clone()
        changed[index] = other[index]
        rows.append((torch.sigmoid(network(changed)[0]) - before).abs().amax(dim=(1, 2)))
    return torch.stack(rows).numpy()


@torch.no_grad()
def memory_steps(network: nn.Module, x: Tensor, step_frames: int) -> int:
    """Return over how many output steps a change of the first frames of one stream ``(1, T, F)`` is felt."""
    changed = x.clone()
    changed[:, :step_frames] += 1.0
    moved = (network(changed)[0] - network(x)[0]).abs().amax(dim=(0, 2)) > 1e-7
    return int(moved.nonzero().max()) + 1


def share_cut(word_s: float, take_s: float) -> float:
    """Return the share of words that the border of fixed takes cuts in two, each moment as likely as any other."""
    return min(1.0, word_s / take_s)


Picker = Callable[[list[int]], int]
"""Which of the waiting blocks, given by their numbers in order, is taken next (a position in the list)."""

ORDERS: dict[str, Picker] = {"first in, first out": lambda waiting: 0, "last in, first out": lambda waiting: -1}


def block_ages(
    n_blocks: int, block_s: float, work_s: float, stalls: Sequence[tuple[float, float]], pick: Picker
) -> list[tuple[float, float]]:
    """Play a queue of audio blocks against a clock that is only computed.

    Parameters
    ----------
    n_blocks : int
        Block ``i`` can be had at ``(i + 1) * block_s``.
    block_s, work_s : float
        Length of a block, and time that the detector takes for one.
    stalls : sequence of (float, float)
        When the detector stands still, and for how long.
    pick : callable
        Which of the waiting blocks comes next.

    Returns
    -------
    list of (float, float)
        When each block could be had, and how old it was when its result was there, in the order of the results.
    """
    clock_s, arrived, results = 0.0, 0, []
    waiting: list[int] = []
    pending = list(stalls)
    heapq.heapify(pending)
    while len(results) < n_blocks:
        if not waiting:
            clock_s = max(clock_s, (arrived + 1) * block_s)
        while pending and pending[0][0] <= clock_s:
            clock_s += heapq.heappop(pending)[1]
        while arrived < n_blocks and (arrived + 1) * block_s <= clock_s + 1e-9:
            waiting.append(arrived)
            arrived += 1
        block = waiting.pop(pick(waiting))
        clock_s += work_s
        had_s = (block + 1) * block_s
        results.append((had_s, clock_s - had_s))
    return results


def share_of_ones(labels: Sequence[FloatArray]) -> float:
    """Return the share of ones in labels: what always answering "no" gets wrong."""
    return float(np.mean([np.mean(label) for label in labels]))
