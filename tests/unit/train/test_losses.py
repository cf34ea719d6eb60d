"""Losses against hand-computed cases."""

import math

import pytest
import torch

from kws.errors import ConfigError
from kws.train.losses import frame_loss, max_pooling_loss
from kws.train.recipe import LossConfig
from kws.train.targets import IGNORE


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def weights(hardest: float = 0.0, of_batch: float = 0.0, share: float = 0.01, negative: float = 1.0) -> LossConfig:
    return LossConfig(
        hardest_weight=hardest, batch_hardest_weight=of_batch, batch_hardest_share=share, negative_weight=negative
    )


def one_track(values: list[float]) -> torch.Tensor:
    return torch.tensor(values).reshape(1, -1, 1)


def test_the_word_must_peak_somewhere_in_its_window() -> None:
    logits, marks = one_track([-9.0, 1.0, 3.0, -9.0]), one_track([0, 1, 1, 0]).to(torch.int8)
    loss = max_pooling_loss(logits, marks, 4, weights(negative=0.0))
    assert float(loss) == pytest.approx(softplus(-3.0), abs=1e-6)


def test_each_occurrence_counts_on_its_own() -> None:
    logits, marks = one_track([2.0, -9.0, -1.0]), one_track([1, 0, 2]).to(torch.int8)
    loss = max_pooling_loss(logits, marks, 4, weights(negative=0.0))
    assert float(loss) == pytest.approx((softplus(-2.0) + softplus(1.0)) / 2, abs=1e-6)


def test_negatives_are_pooled_by_region() -> None:
    logits, marks = one_track([0.5, 2.0, -1.0, 0.0]), torch.zeros(1, 4, 1, dtype=torch.int8)
    mean = max_pooling_loss(logits, marks, 2, weights())
    hardest = max_pooling_loss(logits, marks, 2, weights(1.0))
    assert float(mean) == pytest.approx((softplus(2.0) + softplus(0.0)) / 2, abs=1e-6)
    assert float(hardest) == pytest.approx(softplus(2.0), abs=1e-6)


def test_the_hardest_regions_of_a_batch_may_all_be_of_one_stream() -> None:
    logits = torch.tensor([[3.0, 2.0, 0.0, 0.0], [-4.0, -4.0, -4.0, -4.0]]).unsqueeze(2)
    marks = torch.zeros(2, 4, 1, dtype=torch.int8)
    loss = max_pooling_loss(logits, marks, 1, weights(of_batch=1.0, share=0.25))
    assert float(loss) == pytest.approx((softplus(3.0) + softplus(2.0)) / 2, abs=1e-6)
    # A share below one region is one region.
    least = max_pooling_loss(logits, marks, 1, weights(of_batch=1.0, share=0.0))
    assert float(least) == pytest.approx(softplus(3.0), abs=1e-6)


def test_shares_of_the_negative_part_are_at_most_all_of_it() -> None:
    with pytest.raises(ConfigError, match="are more than 1 together"):
        LossConfig(hardest_weight=0.7, batch_hardest_weight=0.4)


def test_a_high_score_before_the_word_costs() -> None:
    marks = one_track([0, 0, 1, 1]).to(torch.int8)
    early = max_pooling_loss(one_track([-5.0, 5.0, 5.0, -5.0]), marks, 2, weights(0.5))
    punctual = max_pooling_loss(one_track([-5.0, -5.0, 5.0, -5.0]), marks, 2, weights(0.5))
    assert float(early) > float(punctual) + 1.0


def test_free_steps_and_padding_have_no_gradient() -> None:
    logits = torch.tensor([0.0, 7.0, 0.0]).reshape(1, 3, 1).requires_grad_()
    marks = one_track([0, IGNORE, 0]).to(torch.int8)
    max_pooling_loss(logits, marks, 2, weights(0.5)).backward()
    assert logits.grad is not None
    assert float(logits.grad[0, 1, 0]) == 0.0
    assert float(logits.grad[0, 0, 0]) > 0.0


def test_batch_without_words_is_finite() -> None:
    loss = max_pooling_loss(torch.zeros(2, 5, 1), torch.zeros(2, 5, 1, dtype=torch.int8), 3, weights(0.5, 0.5))
    assert torch.isfinite(loss)


def test_frame_loss_balances_ones_and_zeros() -> None:
    # One positive step among nine negatives weighs as much as all of them.
    logits = torch.zeros(1, 10, 1)
    labels = torch.zeros(1, 10, 1)
    labels[0, 4] = 1.0
    loss = frame_loss(logits, labels, torch.zeros(1, 10, 1, dtype=torch.int8))
    assert float(loss) == pytest.approx(2 * math.log(2), abs=1e-6)
