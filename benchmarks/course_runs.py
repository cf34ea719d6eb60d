"""Short training runs for ``from_the_course.py``: the same examples, the same steps, judged on held-out speakers.

Examples are those of the assignment (10 s, 0 to 4 words, 0 to 2 negatives), made by the toolkit's synthesiser from the
training speakers of a recipe; what judges them is made in the same way from its validation speakers. The network is the
preset ``small`` with one GRU instead of two: no trap here depends on size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from data_tools.synthesize import StreamSynthesizer, SynthesisConfig
from kws.audio import FloatArray
from kws.config import DecisionConfig, FrontEndConfig, from_dict
from kws.evaluate.counting import Counts
from kws.evaluate.operating_point import Track, count_tracks
from kws.features import clip_features
from kws.models.conv_gru import ConvGru, ConvGruSettings
from kws.train.corpus import Split, load_corpus
from kws.train.losses import frame_loss, max_pooling_loss
from kws.train.material import prepare_material
from kws.train.recipe import LossConfig, load_recipe
from kws.train.targets import frame_labels, windows

EXAMPLE_S = 10.0
LABEL_S = 0.3636
STEP_SAMPLES = 640
STEP_S = STEP_SAMPLES / 16_000
MAX_FALSE_PER_H = 10.0
SMALL = ConvGruSettings(n_layers=1)
THRESHOLDS = tuple(float(p) for p in 1.0 / (1.0 + np.exp(-np.arange(-7.0, 9.01, 0.125))))


@dataclass(frozen=True, eq=False)
class Examples:
    """Labelled examples as the network takes them.

    Parameters
    ----------
    inputs : Tensor of float16, shape (B, T, F)
        Log-mel features; half precision halves the memory.
    labels, marks : Tensor, shape (B, T', 1)
        Frame labels, and the windows of :func:`kws.train.targets.windows`.
    word_ends_s : tuple of tuple of float
        Ends of the words of each example.
    """

    inputs: Tensor
    labels: Tensor
    marks: Tensor
    word_ends_s: tuple[tuple[float, ...], ...]

    def __len__(self) -> int:
        return len(self.inputs)

    def first(self, n: int) -> Examples:
        """Return the first `n` examples."""
        return Examples(self.inputs[:n], self.labels[:n], self.marks[:n], self.word_ends_s[:n])

    @property
    def hours(self) -> float:
        """Length of the audio."""
        return len(self) * EXAMPLE_S / 3600


def make_examples(split: Split, n: int, rng: np.random.Generator) -> Examples:
    """Make examples from the clips of one side of a corpus."""
    material = prepare_material(split, rng)
    config = from_dict(SynthesisConfig, {"snr_db": [5.0, 25.0], "speech_probability": 0.0}, "synthesis")
    source = StreamSynthesizer(material.keywords, material.negatives, material.noise, (), config)
    keywords = tuple(material.keywords)
    grid = keywords, round(EXAMPLE_S / STEP_S), STEP_SAMPLES
    inputs, labels, marks, ends = [], [], [], []
    for _ in range(n):
        stream = source.stream(rng)
        inputs.append(clip_features(stream.samples, FrontEndConfig()).astype(np.float16))
        labels.append(frame_labels(stream.segments, *grid, LABEL_S))
        marks.append(windows(stream.segments, *grid, LossConfig()))
        ends.append(tuple(s.word_end / 16_000 for s in stream.segments if s.label in keywords))
    return Examples(*(torch.from_numpy(np.stack(part)) for part in (inputs, labels, marks)), tuple(ends))


@dataclass(frozen=True)
class Setup:
    """What a run depends on: recipe and folder of the audio, numbers of examples, steps, seed."""

    recipe: Path
    data: Path | None
    n_train: int
    n_held_out: int
    steps: int
    seed: int


@cache
def load_examples(setup: Setup) -> tuple[Examples, Examples]:
    """Make examples from the training speakers of a recipe, and from its validation speakers."""
    corpus = load_corpus(load_recipe(setup.recipe, setup.data).data)
    rng = np.random.default_rng(setup.seed)
    return make_examples(corpus.train, setup.n_train, rng), make_examples(corpus.validation, setup.n_held_out, rng)


@dataclass(frozen=True)
class Found:
    """What a network finds: counts at the threshold that keeps false accepts within the rate, and the threshold."""

    counts: Counts
    threshold: float

    def __str__(self) -> str:
        c = self.counts
        return (
            f"missed {c.n_misses} of {c.n_words} = {100 * c.false_reject_rate:.1f} %, {c.n_false_accepts} false "
            f"accepts in {c.hours:.2f} h at threshold {self.threshold:.3f}"
        )


Criterion = Callable[[Tensor, Examples], Tensor]


def balanced(logits: Tensor, batch: Examples) -> Tensor:
    """Return the toolkit's frame loss: ones and zeros weigh the same."""
    return frame_loss(logits, batch.labels, torch.zeros_like(batch.marks))


def unweighted(logits: Tensor, batch: Examples) -> Tensor:
    """Return the assignment's loss: binary cross-entropy, each step weighs the same."""
    return functional.binary_cross_entropy_with_logits(logits, batch.labels)


def pooled(logits: Tensor, batch: Examples) -> Tensor:
    """Return the toolkit's max-pooling loss at the settings of a recipe that does not name any."""
    config = LossConfig()
    region_steps = round(config.region_s / STEP_S)
    return max_pooling_loss(logits, batch.marks, region_steps, config)


def small_network(seed: int, settings: ConvGruSettings = SMALL) -> ConvGru:
    """Return an untrained network; the same seed gives the same weights."""
    torch.manual_seed(seed)
    return ConvGru(FrontEndConfig().n_bands, 1, settings)


def batches(examples: Examples, batch_size: int, seed: int) -> Iterator[Examples]:
    """Yield batches for ever, each pass in another order."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(examples), generator=generator)
        for rows in order.split(batch_size):
            if len(rows) == batch_size:
                ends = tuple(examples.word_ends_s[row] for row in rows)
                yield Examples(examples.inputs[rows].float(), examples.labels[rows], examples.marks[rows], ends)


def train(
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    source: Iterator[Examples],
    steps: int,
    criterion: Criterion,
    after_step: Callable[[int], None] | None = None,
) -> list[float]:
    """Train and return the loss of each step; `after_step` is called with its number."""
    losses = []
    for step in range(1, steps + 1):
        batch = next(source)
        network.train()
        loss = criterion(network(batch.inputs)[0], batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        if after_step is not None:
            after_step(step)
    return losses


@torch.no_grad()
def score(network: nn.Module, examples: Examples, batch_size: int = 16) -> Tensor:
    """Return logits ``(B, T', 1)`` in the mode that the network is in; each batch starts from silence."""
    parts = [network(rows.float())[0] for rows in examples.inputs.split(batch_size)]
    return torch.cat(parts)


def find(logits: Tensor, examples: Examples, max_false_per_h: float = MAX_FALSE_PER_H) -> Found:
    """Count events by the decision rule at the lowest threshold that keeps false accepts within a rate."""
    all_counts = count_all(logits, examples)
    index = len(THRESHOLDS) - 1
    while index > 0 and all_counts[index - 1].false_accepts_per_hour <= max_false_per_h:
        index -= 1
    return Found(all_counts[index], THRESHOLDS[index])


def count_all(logits: Tensor, examples: Examples, thresholds: Sequence[float] = THRESHOLDS) -> list[Counts]:
    """Count events at each threshold."""
    tracks: Sequence[FloatArray] = torch.sigmoid(logits)[..., 0].numpy()
    scored = [Track(track, ends) for track, ends in zip(tracks, examples.word_ends_s, strict=True)]
    return count_tracks(scored, DecisionConfig(), thresholds, STEP_S)


def judge(network: nn.Module, examples: Examples, criterion: Criterion) -> tuple[float, Found]:
    """Return loss and detection in evaluation mode."""
    network.eval()
    logits = score(network, examples)
    return float(criterion(logits, dataclasses.replace(examples, inputs=examples.inputs[:0]))), find(logits, examples)
