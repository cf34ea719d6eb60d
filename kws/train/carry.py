"""Carry streaming states from batch to batch, so that the network learns to run for hours."""

from __future__ import annotations

import torch
from torch import Tensor


def carried(states: list[Tensor] | None, keep: float, generator: torch.Generator) -> list[Tensor] | None:
    """Return the states that the next batch starts from.

    Each stream takes over the final state of another, drawn stream of the last batch, or with the chance
    ``1 - keep`` the zero state of silence. No gradient flows back into the last batch.

    Parameters
    ----------
    states : list of Tensor, each (B, ...)
        Final states of the last batch; None before the first.
    keep : float
        Share that is kept.
    generator : torch.Generator
        On the CPU.

    Notes
    -----
    A GRU that only ever saw clips of a few seconds from a zero state falls apart on an endless stream.
    """
    if states is None:
        return None
    batch = states[0].shape[0]
    # One order for all states: those of a stream belong together.
    order = torch.randperm(batch, generator=generator)
    kept = torch.rand(batch, generator=generator) < keep
    result = []
    for state in states:
        mask = kept.to(state.device).reshape(-1, *([1] * (state.ndim - 1)))
        result.append(state.detach()[order.to(state.device)] * mask)
    return result
