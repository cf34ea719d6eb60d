"""The training loop: optimise, average, validate, keep the best, go on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kws.config import to_dict
from kws.errors import CheckpointError
from kws.spec import ModelSpec
from kws.train.batches import Batch
from kws.train.carry import carried
from kws.train.checkpoint import load_checkpoint, save_checkpoint
from kws.train.curves import draw_curves
from kws.train.ema import WeightAverage
from kws.train.losses import frame_loss, max_pooling_loss
from kws.train.network import Network
from kws.train.recipe import Recipe, TrainingConfig
from kws.train.validation import Outcome, Validator

LAST, BEST = "last.pt", "best.pt"


@dataclass(frozen=True)
class StepReport:
    """What the loop tells while it runs: the step, the smoothed loss, and the newest validation if any."""

    step: int
    loss: float
    outcome: Outcome | None = None


class Trainer:
    """One training run in one folder.

    Parameters
    ----------
    recipe : Recipe
    spec : ModelSpec
        What the model will say about itself; its decision is set by :attr:`best`.
    out : Path
        Existing folder for ``last.pt``, ``best.pt``, ``history.json`` and ``curves.png``.
    validator : Validator
    device : str
        Where the network is trained.
    """

    def __init__(self, recipe: Recipe, spec: ModelSpec, out: Path, validator: Validator, device: str = "cpu") -> None:
        torch.manual_seed(recipe.seed)
        self.step = 0
        self._recipe, self._spec, self._out, self._validator, self._device = recipe, spec, out, validator, device
        self._network = Network(spec).to(device)
        self._average = WeightAverage(self._network, recipe.training.ema_decay)
        self._optimizer = make_optimizer(self._network, recipe.training)
        self._generator = torch.Generator().manual_seed(recipe.seed)
        self._states: list[Tensor] | None = None
        self._loss = 0.0
        self._history: list[dict[str, Any]] = []

    @property
    def n_parameters(self) -> int:
        """Trainable values of the network."""
        return sum(p.numel() for p in self._network.parameters())

    def resume(self) -> None:
        """Go on from ``last.pt``.

        Raises
        ------
        CheckpointError
            If there is none, or it was made by a recipe that does not fit this one.
        """
        path = self._out / LAST
        values = load_checkpoint(path)
        if values.get("recipe") != _recipe_json(self._recipe):
            raise CheckpointError(f"{path}: was made with another recipe; go on with that one, or choose another --out")
        self._network.load_state_dict(values["network"])
        self._average.model.load_state_dict(values["average"])
        self._average.n_updates = values["average_updates"]
        self._optimizer.load_state_dict(values["optimizer"])
        self._generator.set_state(values["generator"])
        torch.set_rng_state(values["rng"])
        self._states = None if values["states"] is None else [s.to(self._device) for s in values["states"]]
        self.step, self._loss = values["step"], values["loss"]
        self._history = json.loads(values["history"])

    def run(self, batches: Iterator[Batch], on_progress: Callable[[StepReport], None]) -> None:
        """Train to the last step, validating and saving after each epoch, and at an interruption.

        Parameters
        ----------
        batches : iterator of Batch
            The batches from :attr:`step` on.
        on_progress : callable
            Called after every step.
        """
        training = self._recipe.training
        try:
            while self.step < training.steps:
                self._train_step(next(batches))
                outcome = None
                if self.step % training.validate_every == 0 or self.step == training.steps:
                    outcome = self._validate()
                on_progress(StepReport(self.step, self._loss, outcome))
        except KeyboardInterrupt:
            self._save(LAST)
            raise

    def _train_step(self, batch: Batch) -> None:
        training = self._recipe.training
        rate = learning_rate(self.step, training)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._network.train()
        start = carried(self._states, training.keep_state, self._generator)
        logits, self._states = self._network(batch.inputs.to(self._device), start)
        loss = self._criterion(logits, batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self._network.parameters(), training.gradient_clip)
        self._optimizer.step()
        self._average.update(self._network)
        value = float(loss.detach())
        self._loss = value if self.step == 0 else 0.98 * self._loss + 0.02 * value
        self.step += 1

    def _criterion(self, logits: Tensor, batch: Batch) -> Tensor:
        loss, steps = self._recipe.training.loss, self._recipe.training.steps
        marks = batch.windows.to(self._device)
        if self.step < loss.warm_up_share * steps:
            return frame_loss(logits, batch.labels.to(self._device), marks)
        region_steps = max(1, round(loss.region_s / self._spec.step_s))
        return max_pooling_loss(logits, marks, region_steps, loss.hardest_weight, loss.negative_weight)

    def _validate(self) -> Outcome:
        outcome = self._validator.judge(self._average.model)
        is_best = not self._history or outcome.cost <= min(entry["cost"] for entry in self._history)
        self._history.append({"step": self.step, "loss": self._loss, **outcome.to_dict()})
        if is_best:
            self._save(BEST, outcome)
        self._save(LAST)
        self._write_history()
        return outcome

    def _save(self, name: str, outcome: Outcome | None = None) -> None:
        average: Network = self._average.model  # type: ignore[assignment]
        spec = average.trained_spec(self._spec)
        if outcome is not None:
            spec = outcome.apply(spec)
        values = {
            "spec": spec.to_dict(),
            "model": {k: v.cpu() for k, v in self._network.model.state_dict().items()},
            "ema": {k: v.cpu() for k, v in average.model.state_dict().items()},
            "recipe": _recipe_json(self._recipe),
            "step": self.step,
            "history": json.dumps(self._history),
        }
        if name == LAST:
            values |= self._resume_values()
        save_checkpoint(self._out / name, values)

    def _resume_values(self) -> dict[str, Any]:
        return {
            "network": self._network.state_dict(),
            "average": self._average.model.state_dict(),
            "average_updates": self._average.n_updates,
            "optimizer": self._optimizer.state_dict(),
            "generator": self._generator.get_state(),
            "rng": torch.get_rng_state(),
            "states": None if self._states is None else [state.detach().cpu() for state in self._states],
            "loss": self._loss,
        }

    def _write_history(self) -> None:
        best = min(self._history, key=lambda entry: (entry["cost"], -entry["step"]))
        temporary = self._out / ".history.json.tmp"
        temporary.write_text(json.dumps(self._history, indent=1))
        os.replace(temporary, self._out / "history.json")
        draw_curves(self._out / "curves.png", self._history, best["step"])


def make_optimizer(network: nn.Module, training: TrainingConfig) -> torch.optim.Optimizer:
    """Return AdamW; biases and norms are not decayed."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    free = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": training.weight_decay}, {"params": free, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=training.learning_rate, betas=(0.9, 0.98))


def learning_rate(step: int, training: TrainingConfig) -> float:
    """Return the rate of a step: a linear warm-up, then a cosine that ends at zero."""
    if step < training.warm_up_steps:
        return training.learning_rate * (step + 1) / training.warm_up_steps
    share = (step - training.warm_up_steps) / max(1, training.steps - training.warm_up_steps)
    return 0.5 * training.learning_rate * (1.0 + float(torch.cos(torch.tensor(torch.pi * min(share, 1.0)))))


def _recipe_json(recipe: Recipe) -> str:
    values = to_dict(recipe)
    # Where the data lies and how many processes read it do not change the result.
    values["data"].pop("root")
    values["training"].pop("workers")
    return json.dumps(values, sort_keys=True)
