"""The traps of ``from_the_course.py`` that take a training run to see: beside what is right, same data, same steps."""

from __future__ import annotations

import argparse
import copy
import dataclasses
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import nn

from benchmarks import course_pictures
from benchmarks.course_runs import (
    EXAMPLE_S,
    LABEL_S,
    SMALL,
    STEP_S,
    THRESHOLDS,
    Criterion,
    Examples,
    Setup,
    balanced,
    batches,
    count_all,
    find,
    judge,
    load_examples,
    pooled,
    score,
    small_network,
    train,
    unweighted,
)
from benchmarks.course_traps import BatchAsTime, Reshaped, memory_steps, reshaped, share_cut, stream_influence
from kws.evaluate.counting import Counts
from kws.models.conv_gru import ConvGru
from kws.train.ema import WeightAverage

BATCH = 16
STEPS = 400
RATE = 2e-3
DECAY = 0.97
LOOK_STEPS = 25
PATIENCE = 4
Look = Callable[[int, nn.Module], None]


def reshape(options: argparse.Namespace) -> None:
    """Train on spectrograms that were transposed, and on ones that were reshaped."""
    examples, held_out = _load(options)
    losses, found = {}, {}
    for name, wrap in (("transposed", None), ("reshaped", Reshaped)):
        network, losses[name] = _trained(_setup(options), wrap)
        loss, result = judge(network, held_out, balanced)
        found[name] = result.counts.false_reject_rate
        print(f"{name}: training loss {_last(losses[name]):.3f}, held-out loss {loss:.3f}, {result}")
    row = max(range(len(held_out)), key=lambda i: len(held_out.word_ends_s[i]))
    seen = held_out.inputs[row : row + 1].float()
    views = {
        "transposed: what was said": seen[0].numpy(),
        "reshaped: same numbers, same shape": reshaped(seen.transpose(1, 2))[0].numpy(),
    }
    path = options.out / "course-reshape.png"
    course_pictures.draw_reshape(path, views, held_out.labels[row, :, 0].numpy(), losses, found)


def batch_first(options: argparse.Namespace) -> None:
    """Train with GRUs over time and with GRUs over the batch, and see whose input moves whose scores."""
    examples, held_out = _load(options)
    losses, influence = {}, {}
    for name, wrap in (("batch_first=True", None), ("batch_first left out", BatchAsTime)):
        network, losses[name] = _trained(_setup(options), wrap)
        network.eval()
        x, other = held_out.inputs[:BATCH].float(), held_out.inputs[BATCH : 2 * BATCH].float()
        influence[name] = stream_influence(network, x, other)
        strangers = influence[name][~np.eye(BATCH, dtype=bool)].max()
        memory_s = memory_steps(network, x[:1], 4) * STEP_S
        alone = (torch.sigmoid(score(network, held_out.first(BATCH), 1)) - torch.sigmoid(network(x)[0])).abs().max()
        print(f"{name}: replacing one stream moves another's scores by up to {strangers:.2g}")
        print(f"  a stream scored alone differs from itself in a batch by up to {alone:.2g}; memory {memory_s:.2f} s")
        for size in (BATCH, 1):
            print(f"  in batches of {size}: {find(score(network, held_out, size), held_out)}")
    course_pictures.draw_influence(options.out / "course-batch-first.png", influence, losses)


def imbalance(options: argparse.Namespace) -> None:
    """Train with the assignment's loss, with the balanced one, and with max-pooling."""
    examples, held_out = _load(options)
    ones = float(held_out.labels.mean())
    print(
        f"ones: {100 * ones:.2f} % of the labels; always answering no is right in {100 * (1 - ones):.2f} % of the steps"
    )
    criteria = {"unweighted": unweighted, "balanced": balanced, "max-pooling": pooled}
    looks: dict[str, list[dict[str, float]]] = {name: [] for name in criteria}
    for name, criterion in criteria.items():
        network = small_network(options.seed)

        def look(step: int, average: nn.Module, name: str = name) -> None:
            looks[name].append({"step": step, **_at_half(score(average, held_out), held_out)})

        _train(network, examples, _setup(options), criterion, look)
        network.eval()
        logits = score(network, held_out)
        for entry in looks[name]:
            print(
                f"{name}, step {entry['step']}: accuracy {100 * entry['accuracy']:.2f} %, highest score "
                f"{entry['highest']:.2f}; at 0.5 {100 * entry['missed_at_half']:.1f} % missed, "
                f"{entry['false_per_h']:.0f} FA/h"
            )
        print(f"{name}: {find(logits, held_out)}")
    names = {"unweighted": "plain cross-entropy", "balanced": "ones and zeros balanced", "max-pooling": "max-pooling"}
    course_pictures.draw_imbalance(options.out / "course-imbalance.png", 1 - ones, looks, names)


def loss_up(options: argparse.Namespace) -> None:
    """Compare the step that early stopping keeps with that of the fewest missed words, on averaged weights."""
    examples, held_out = _load(options)
    network = small_network(options.seed)
    looks: list[dict[str, float]] = []
    window: list[float] = []

    def criterion(logits: torch.Tensor, batch: Examples) -> torch.Tensor:
        loss = balanced(logits, batch)
        window.append(float(loss.detach()))
        return loss

    def look(step: int, average: nn.Module) -> None:
        loss, result = judge(average, held_out, balanced)
        missed, before = result.counts.false_reject_rate, float(np.mean(window[-LOOK_STEPS:]))
        looks.append({"step": step, "train_loss": before, "loss": loss, "missed": missed})
        print(f"step {step}: training loss {before:.4f}, validation loss {loss:.4f}, {result}")

    _train(network, examples, _setup(options), criterion, look)
    by_loss, by_words = (min(looks, key=lambda e: e[key]) for key in ("loss", "missed"))
    stopped = looks[early_stop([entry["loss"] for entry in looks], PATIENCE)]
    for name, entry in (("early stopping", stopped), ("least loss", by_loss), ("fewest missed", by_words)):
        print(f"{name}: step {entry['step']}, loss {entry['loss']:.4f}, missed {100 * entry['missed']:.1f} %")
    path = options.out / "course-loss-up.png"
    course_pictures.draw_loss_up(path, looks, int(stopped["step"]), int(by_words["step"]))


def early_stop(losses: Sequence[float], patience: int) -> int:
    """Return which look is kept by who stops after `patience` looks without a smaller validation loss."""
    best = 0
    for index, loss in enumerate(losses):
        if loss < losses[best]:
            best = index
        elif index - best == patience:
            break
    return best


def resume(options: argparse.Namespace) -> None:
    """Stop in the middle and go on with everything, and with the trainable weights alone."""
    examples, held_out = _load(options)
    stop = _setup(options).steps // 2
    network = small_network(options.seed)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    source = batches(examples, BATCH, options.seed)
    before = train(network, optimizer, source, stop, balanced)
    rest = [next(source) for _ in range(stop)]
    weights_only = small_network(options.seed)
    with torch.no_grad():
        for ours, theirs in zip(weights_only.parameters(), network.parameters(), strict=True):
            ours.copy_(theirs)
    losses, after = {}, {}
    for name, net, opt in (
        ("everything saved", network, optimizer),
        ("only the trainable weights", weights_only, torch.optim.Adam(weights_only.parameters(), RATE)),
    ):
        after[name], result = judge(net, held_out, balanced)
        print(f"{name}: right after loading validation loss {after[name]:.3f}, {result}")
        losses[name] = [*before, *train(net, opt, iter(rest), stop, balanced)]
        first = losses[name][stop : stop + 20]
        print(f"  training loss before {np.mean(before[-20:]):.3f}, of the 20 steps after {np.mean(first):.3f}")
        loss, result = judge(net, held_out, balanced)
        print(f"  at the end: validation loss {loss:.3f}, {result}")
    course_pictures.draw_resume(options.out / "course-resume.png", losses, stop, after)


def mode(options: argparse.Namespace) -> None:
    """Judge the same network with dropout off, as it should be, and left on."""
    examples, held_out = _load(options)
    network = small_network(options.seed, dataclasses.replace(SMALL, dropout=0.5, gru_batch_norm=True))
    _train(network, examples, _setup(options), balanced)
    print(f"dropout 0.5, evaluation mode: {judge(network, held_out, balanced)[1]}")
    network.train()
    for _ in range(2):
        print(f"dropout 0.5, training mode:   {find(score(copy.deepcopy(network), held_out), held_out)}")


def takes(options: argparse.Namespace) -> None:
    """Score the same audio without a break, and in takes of 2 s that each start from silence."""
    examples, held_out = _load(options)
    network, _ = _trained(_setup(options))
    network.eval()
    whole = score(network, held_out)
    pieces = [network(piece.float())[0] for piece in held_out.inputs.split(200, dim=1)]
    cut = torch.cat([piece.detach() for piece in pieces], dim=1)
    result = find(whole, held_out)
    print(f"without a break: {result}")
    at = THRESHOLDS.index(result.threshold)
    print(
        f"takes of 2 s, at that threshold: {_plain(count_all(cut, held_out)[at])}; at their own: {find(cut, held_out)}"
    )
    for word_s in (0.5, 0.7, 0.9):
        print(f"a word of {word_s:g} s is cut by a border of takes of 2 s in {100 * share_cut(word_s, 2.0):.0f} %")


def _load(options: argparse.Namespace) -> tuple[Examples, Examples]:
    examples, held_out = load_examples(_setup(options))
    words = sum(map(len, held_out.word_ends_s))
    print(
        f"{len(examples)} training examples of {EXAMPLE_S:g} s, {LABEL_S:g} s of ones a word; held out: "
        f"{len(held_out)} examples, {words} words, {held_out.hours:.2f} h"
    )
    return examples, held_out


def _setup(options: argparse.Namespace) -> Setup:
    steps = options.steps or STEPS
    return Setup(options.recipe, options.data, options.examples, options.held_out, steps, options.seed)


@cache
def _trained(setup: Setup, wrap: Callable[[ConvGru], nn.Module] | None = None) -> tuple[nn.Module, list[float]]:
    """Return a network trained as it should be, or inside a trap, and its losses; each kind is trained once."""
    plain = small_network(setup.seed)
    network = plain if wrap is None else wrap(plain)
    return network, _train(network, load_examples(setup)[0], setup, balanced)


def _train(
    network: nn.Module, examples: Examples, setup: Setup, criterion: Criterion, look: Look | None = None
) -> list[float]:
    """Train a network and leave it with its averaged weights, which are what `look` is shown on the way."""
    average = WeightAverage(network, DECAY)

    def after_step(step: int) -> None:
        average.update(network)
        if look is not None and step % LOOK_STEPS == 0:
            look(step, average.model)

    optimizer = torch.optim.Adam(network.parameters(), RATE)
    losses = train(network, optimizer, batches(examples, BATCH, setup.seed), setup.steps, criterion, after_step)
    network.load_state_dict(average.model.state_dict())
    return losses


def _at_half(logits: torch.Tensor, examples: Examples) -> dict[str, float]:
    counts = count_all(logits, examples, [0.5])[0]
    return {
        "accuracy": float(((logits > 0) == (examples.labels > 0.5)).float().mean()),
        "missed_at_half": counts.false_reject_rate,
        "false_per_h": counts.false_accepts_per_hour,
        "highest": float(torch.sigmoid(logits).max()),
    }


def _plain(counts: Counts) -> str:
    return (
        f"missed {counts.n_misses} of {counts.n_words}, {counts.n_false_accepts} false accepts in {counts.hours:.2f} h"
    )


def _last(losses: list[float]) -> float:
    return float(np.mean(losses[-25:]))


TRAINED = {
    "reshape": reshape,
    "batch-first": batch_first,
    "imbalance": imbalance,
    "loss-up": loss_up,
    "resume": resume,
    "mode": mode,
    "takes": takes,
}
