"""Ways to train a classifier: the class loss by hand, and what each way changes."""

import dataclasses
import math
from pathlib import Path

import pytest
import torch

from benchmarks.speech_commands import ROOT, class_loss, learner_of
from kws.train.batches import Batch
from kws.train.corpus import Corpus, Split
from kws.train.processes import Processes
from kws.train.recipe import Recipe, load_recipe


def test_peaks_within_the_window_compete_with_each_other_and_with_silence() -> None:
    logits = torch.zeros(1, 4, 2)
    logits[0, :, 0] = torch.tensor([9.0, 1.0, 2.0, 9.0])
    logits[0, :, 1] = torch.tensor([9.0, 0.5, -1.0, 9.0])
    windows = torch.zeros(1, 4, 2, dtype=torch.int8)
    windows[0, 1:3, 0] = 1
    # Peaks inside: 2 for the word, 0.5 for the other output, 0 for silence.
    expected = -2.0 + math.log(math.exp(2.0) + math.exp(0.5) + 1.0)
    assert float(class_loss(logits, windows)) == pytest.approx(expected, abs=1e-6)


def test_every_occurrence_of_every_word_counts_once() -> None:
    logits = torch.zeros(2, 6, 2)
    windows = torch.zeros(2, 6, 2, dtype=torch.int8)
    windows[0, 0:2, 0], windows[0, 3:5, 0], windows[1, 2:4, 1] = 1, 2, 1
    logits[0, 0, 0], logits[0, 4, 0], logits[1, 3, 1] = 1.0, 2.0, 3.0
    expected = [-x + math.log(math.exp(x) + 2.0) for x in (1.0, 2.0, 3.0)]
    assert float(class_loss(logits, windows)) == pytest.approx(sum(expected) / 3, abs=1e-6)


def test_one_keyword_is_the_positive_part_of_max_pooling() -> None:
    logits = torch.tensor([[[0.3], [1.2], [-0.5]]])
    windows = torch.ones(1, 3, 1, dtype=torch.int8)
    assert float(class_loss(logits, windows)) == pytest.approx(math.log1p(math.exp(-1.2)), abs=1e-6)


def test_without_words_it_is_zero_and_has_a_gradient() -> None:
    logits = torch.randn(2, 5, 3, requires_grad=True)
    windows = torch.zeros(2, 5, 3, dtype=torch.int8)
    windows[0, :, 1] = -1
    loss = class_loss(logits, windows)
    loss.backward()
    assert float(loss.detach()) == 0.0 and logits.grad is not None and not logits.grad.any()


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    plain = load_recipe(ROOT / "recipes" / "speech-commands-subset.toml", Path("nowhere"))
    return dataclasses.replace(plain, training=dataclasses.replace(plain.training, steps=100))


def losses_at(way: str, recipe: Recipe, number: int) -> tuple[float, float]:
    empty = Split({}, [], [])
    learner = learner_of(way, recipe, Corpus(empty, empty, []), Processes(recipe.training, cpu=True))
    logits = torch.randn(2, 10, 4, generator=torch.Generator().manual_seed(0))
    windows = torch.zeros(2, 10, 4, dtype=torch.int8)
    windows[0, 4:6, 1] = 1
    batch = Batch(torch.zeros(2, 40, 40), windows, torch.zeros(2, 10, 4))
    return float(learner._criterion(logits, batch, number)), float(class_loss(logits, windows))


def test_the_class_loss_comes_after_the_warm_up(recipe: Recipe) -> None:
    assert losses_at("class-loss", recipe, 0)[0] == losses_at("recipe", recipe, 0)[0]
    plain, (added, expected) = losses_at("recipe", recipe, 90)[0], losses_at("class-loss", recipe, 90)
    assert added - plain == pytest.approx(expected, abs=1e-6)


def test_the_default_loss_is_another_one(recipe: Recipe) -> None:
    assert losses_at("default-loss", recipe, 90)[0] > losses_at("recipe", recipe, 90)[0]
