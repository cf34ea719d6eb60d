"""Learning from networks that are trained already: one larger than fits on the device, or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.config import require
from kws.spec import ModelSpec
from kws.train.network import load_network


@dataclass(frozen=True)
class DistillationConfig:
    """Whom a network learns from besides the labels.

    Parameters
    ----------
    teachers : tuple of str
        Checkpoints (``best.pt``) of other runs, relative to the recipe file; their logits are averaged.
    weight : float
        Weight of this part of the loss.
    """

    teachers: tuple[str, ...] = ()
    weight: float = 2.0

    def __post_init__(self) -> None:
        require("training.distillation.weight", self.weight, 0.0, 1000.0)


class Teachers(nn.Module):
    """The mean of several trained networks.

    Parameters
    ----------
    paths : sequence of str
        Checkpoints of runs with the same keywords and front-end; their averaged weights are used.
    spec : ModelSpec
        Of the network that learns from them.

    Raises
    ------
    CheckpointError
        If a file is missing or no checkpoint.
    ConfigError
        If a teacher hears or tells something else than the network.
    """

    def __init__(self, paths: Sequence[str], spec: ModelSpec) -> None:
        super().__init__()
        self.networks = nn.ModuleList(load_network(Path(path), spec, "teacher")[0] for path in paths)
        self.eval().requires_grad_(False)

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs ``(B, T, F)``, heard after silence, to the mean logits ``(B, T', K)``."""
        return torch.stack([network(inputs)[0] for network in self.networks]).mean(dim=0)


def distillation_loss(logits: Tensor, taught: Tensor) -> Tensor:
    """Return the cross-entropy of scores ``(B, T, K)`` against those of the teachers, both as logits.

    Steps at which the teachers hear a word weigh, in all, as much as those at which they hear none.

    References
    ----------
    Hinton, Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015, at temperature 1.
    """
    scores = torch.sigmoid(taught)
    losses = functional.binary_cross_entropy_with_logits(logits, scores, reduction="none")
    return 0.5 * ((losses * scores).sum() / _total(scores) + (losses * (1 - scores)).sum() / _total(1 - scores))


def _total(weights: Tensor) -> Tensor:
    return weights.sum().clamp(min=1.0)
