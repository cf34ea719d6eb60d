"""Learning from networks that are trained already: one larger than fits on the device, or several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.config import require
from kws.errors import ConfigError
from kws.spec import ModelSpec
from kws.train.checkpoint import load_checkpoint
from kws.train.network import Network


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
        self.networks = nn.ModuleList(_load(Path(path), spec) for path in paths)
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


def _load(path: Path, spec: ModelSpec) -> Network:
    values = load_checkpoint(path)
    theirs = ModelSpec.from_dict(values["spec"])
    for name, mine in (("keywords", spec.keywords), ("step_samples", spec.step_samples)):
        if getattr(theirs, name) != mine:
            raise ConfigError(f"teacher {path} has {name} {getattr(theirs, name)!r}; accepted is {mine!r}")
    # Trained values of PCEN are part of the network; all else of the front-end is what it hears.
    if _heard(theirs) != _heard(spec):
        raise ConfigError(f"teacher {path} has another front-end; accepted is that of the recipe")
    network = Network(theirs)
    network.model.load_state_dict(values["ema"])
    return network


def _heard(spec: ModelSpec) -> dict[str, object]:
    values = dict(vars(spec.front_end))
    values.pop("pcen")
    return values
