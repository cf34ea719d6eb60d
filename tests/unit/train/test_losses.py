"""Losses against hand-computed cases."""

import math

import pytest
import torch

from kws.train.losses import frame_loss, max_pooling_loss
from kws.train.targets import IGNORE


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def one_track(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1)


def test_the_word_must_peak_somewhere_in_its_window() -> None:
    logits, marks = one_track([-9.0, 1.0, 3.0, -9.0]), one_track([0, 1, 1, 0]).to(torch.int8)
    loss = max_pooling_loss(logits, marks, region_steps=4, hardest_weight=0.0, negative_weight=0.0)
    assert float(loss) == pytest.approx(softplus(-3.0), abs=1e-6)


def test_each_occurrence_counts_on_its_own() -> None:
    logits, marks = one_track([2.0, -9.0, -1.0]), one_track([1, 0, 2]).to(torch.int8)
    loss = max_pooling_loss(logits, marks, region_steps=4, hardest_weight=0.0, negative_weight=0.0)
    assert float(loss) == pytest.approx((softplus(-2.0) + softplus(1.0)) / 2, abs=1e-6)


def test_negatives_are_pooled_by_region() -> None:
    logits, marks = one_track([0.5, 2.0, -1.0, 0.0]), torch.zeros(1, 4, 1, dtype=torch.int8)
    mean = max_pooling_loss(logits, marks, region_steps=2, hardest_weight=0.0, negative_weight=1.0)
    hardest = max_pooling_loss(logits, marks, region_steps=2, hardest_weight=1.0, negative_weight=1.0)
    assert float(mean) == pytest.approx((softplus(2.0) + softplus(0.0)) / 2, abs=1e-6)
    assert float(hardest) == pytest.approx(softplus(2.0), abs=1e-6)


def test_a_high_score_before_the_word_costs() -> None:
    marks = one_track([0, 0, 1, 1]).to(torch.int8)
    early = max_pooling_loss(one_track([-5.0, 5.0, 5.0, -5.0]), marks, 2, 0.5, 1.0)
    punctual = max_pooling_loss(one_track([-5.0, -5.0, 5.0, -5.0]), marks, 2, 0.5, 1.0)
    assert float(early) > float(punctual) + 1.0


def test_free_steps_and_padding_have_no_gradient() -> None:
    logits = torch.tensor([0.0, 7.0, 0.0]).reshape(1, 3, 1).requires_grad_()
    marks = one_track([0, IGNORE, 0]).to(torch.int8)
    max_pooling_loss(logits, marks, region_steps=2, hardest_weight=0.5, negative_weight=1.0).backward()
    assert logits.grad is not None
    assert float(logits.grad[0, 1, 0]) == 0.0
    assert float(logits.grad[0, 0, 0]) > 0.0


def test_batch_without_words_is_finite() -> None:
    loss = max_pooling_loss(torch.zeros(2, 5, 1), torch.zeros(2, 5, 1, dtype=torch.int8), 3, 0.5, 1.0)
    assert torch.isfinite(loss)


def test_frame_loss_balances_ones_and_zeros() -> None:
    # One positive step among nine negatives weighs as much as all of them.
    logits = torch.zeros(1, 10, 1)
    labels = torch.zeros(1, 10, 1)
    labels[0, 4] = 1.0
    loss = frame_loss(logits, labels, torch.zeros(1, 10, 1, dtype=torch.int8))
    assert float(loss) == pytest.approx(2 * math.log(2), abs=1e-6)
