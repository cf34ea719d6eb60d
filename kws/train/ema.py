"""An exponential moving average of a network's weights, which is what is validated and exported."""

from __future__ import annotations

import copy

import torch
from torch import nn


class WeightAverage:
    """Average of weights and BatchNorm statistics.

    Parameters
    ----------
    model : nn.Module
        The network that is trained; it is copied.
    decay : float
        Weight of the past. Early on it is smaller, ``(1 + n) / (10 + n)`` after n updates, so that the first
        random weights do not linger.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.n_updates = 0
        self._decay = decay

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the present weights."""
        decay = min(self._decay, (1 + self.n_updates) / (10 + self.n_updates))
        self.n_updates += 1
        new = model.state_dict()
        for name, average in self.model.state_dict().items():
            if average.is_floating_point():
                average.lerp_(new[name], 1 - decay)
            else:
                average.copy_(new[name])
