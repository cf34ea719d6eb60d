"""Losses on logits ``(B, T, K)``: classic frame labels, and max-pooling over windows."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

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


def max_pooling_loss(
    logits: Tensor, windows: Tensor, region_steps: int, hardest_weight: float, negative_weight: float
) -> Tensor:
    """Return the max-pooling loss: each word must peak in its window, everything else must stay low.

    Parameters
    ----------
    logits : Tensor, shape (B, T, K)
    windows : Tensor, shape (B, T, K)
        As :func:`kws.train.targets.windows` marks them. Steps before the word's window are negatives: the
        score is pushed down while the word is still being said.
    region_steps : int
        Negative steps are pooled over regions of this length.
    hardest_weight : float
        Weight of the hardest region of each stream against the mean over regions.
    negative_weight : float
        Weight of the negative part.

    References
    ----------
    Sun et al., "Max-Pooling Loss Training of Long Short-Term Memory Networks for Small-Footprint Keyword
    Spotting", SLT 2016.
    """
    peaks = [
        torch.where(windows == n, logits, _LOWEST).amax(dim=1)[(windows == n).any(dim=1)]
        for n in range(1, int(windows.max()) + 1)
    ]
    positive = functional.softplus(-torch.cat(peaks)).mean() if peaks else logits.sum() * 0.0
    regions = _region_maxima(torch.where(windows == 0, logits, _LOWEST), region_steps)
    losses = functional.softplus(regions)
    negative = (1 - hardest_weight) * _mean(losses, regions > _LOWEST) + hardest_weight * losses.amax(dim=1).mean()
    return positive + negative_weight * negative


def _region_maxima(logits: Tensor, region_steps: int) -> Tensor:
    padding = -logits.shape[1] % region_steps
    padded = functional.pad(logits, (0, 0, 0, padding), value=_LOWEST)
    batch, steps, keywords = padded.shape
    return padded.reshape(batch, steps // region_steps, region_steps, keywords).amax(dim=2)


def _mean(losses: Tensor, mask: Tensor) -> Tensor:
    return (losses * mask).sum() / mask.sum().clamp(min=1)
