"""Losses on logits ``(B, T, K)``: classic frame labels, and max-pooling over windows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from kws.train.recipe import LossConfig

_LOWEST = -1e4


def frame_loss(logits: Tensor, labels: Tensor, windows: Tensor) -> Tensor:
    """Return the binary cross-entropy of classic frame labels, positives and negatives balanced.

    Parameters
    ----------
    logits, labels : Tensor, shape (B, T, K)
    windows : Tensor, shape (B, T, K)
        Steps marked -1 are left out.

    Notes
    -----
    Ones are a few per cent of all steps. Unbalanced, a network that always says no has a small loss.
    """
    losses = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    positive = labels > 0.5
    negative = (windows == 0) & ~positive
    return _mean(losses, positive) + _mean(losses, negative)


def max_pooling_loss(logits: Tensor, windows: Tensor, region_steps: int, config: LossConfig) -> Tensor:
    """Return the max-pooling loss: each word must peak in its window, everything else must stay low.

    Parameters
    ----------
    logits : Tensor, shape (B, T, K)
    windows : Tensor, shape (B, T, K)
        As :func:`kws.train.targets.windows` marks them. Steps before the word's window are negatives: the
        score is pushed down while the word is still being said.
    region_steps : int
        Negative steps are pooled over regions of this length.
    config : LossConfig
        Its weights of regions.

    References
    ----------
    Sun et al., "Max-Pooling Loss Training of Long Short-Term Memory Networks for Small-Footprint Keyword
    Spotting", SLT 2016. Hard examples by region: Hou et al., "Mining Effective Negative Training Samples for
    Keyword Spotting", ICASSP 2020.
    """
    peaks = [
        torch.where(windows == n, logits, _LOWEST).amax(dim=1)[(windows == n).any(dim=1)]
        for n in range(1, int(windows.max()) + 1)
    ]
    positive = functional.softplus(-torch.cat(peaks)).mean() if peaks else logits.sum() * 0.0
    regions = _region_maxima(torch.where(windows == 0, logits, _LOWEST), region_steps)
    return positive + config.negative_weight * _negative_part(regions, config)


def _negative_part(regions: Tensor, config: LossConfig) -> Tensor:
    losses = functional.softplus(regions)
    n_hardest = max(1, round(config.batch_hardest_share * losses.numel()))
    rest = 1.0 - config.hardest_weight - config.batch_hardest_weight
    return (
        rest * _mean(losses, regions > _LOWEST)
        + config.hardest_weight * losses.amax(dim=1).mean()
        + config.batch_hardest_weight * losses.flatten().topk(n_hardest).values.mean()
    )


def _region_maxima(logits: Tensor, region_steps: int) -> Tensor:
    padding = -logits.shape[1] % region_steps
    padded = functional.pad(logits, (0, 0, 0, padding), value=_LOWEST)
    batch, steps, keywords = padded.shape
    return padded.reshape(batch, steps // region_steps, region_steps, keywords).amax(dim=2)


def _mean(losses: Tensor, mask: Tensor) -> Tensor:
    return (losses * mask).sum() / mask.sum().clamp(min=1)
