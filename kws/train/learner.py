"""What is learnt and one step of learning it: network, average, optimiser, states carried from step to step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kws.spec import ModelSpec
from kws.train.batches import Batch
from kws.train.carry import carried
from kws.train.distillation import Teachers, distillation_loss
from kws.train.ema import WeightAverage
from kws.train.fake_quant import Start
from kws.train.losses import frame_loss, max_pooling_loss
from kws.train.network import Network
from kws.train.processes import Processes
from kws.train.recipe import Recipe, TrainingConfig


class Learner:
    """Everything that a step changes.

    Parameters
    ----------
    recipe : Recipe
    spec : ModelSpec
    processes : Processes
        Each has its own streams, with their states and dropout; the weights are the same in all of them.
    start : Start, optional
        A trained network to fine-tune for int8, instead of a new one.

    Notes
    -----
    Batch norm uses the streams of one part of a step in one process, and keeps the running statistics that the main
    process sees: they are a fair sample of the same streams.
    """

    def __init__(self, recipe: Recipe, spec: ModelSpec, processes: Processes, start: Start | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self._recipe, self._spec, self._processes = recipe, spec, processes
        self.network = Network(spec, None if start is None else start.arithmetic).to(processes.device)
        if start is not None:
            self.network.load_state_dict(start.network.state_dict())
        # Before Accelerate wraps the network: the average is judged and exported in full precision.
        self.average = WeightAverage(self.network, recipe.training.ema_decay)
        optimizer = make_optimizer(self.network, recipe.training)
        self._wrapped, self._optimizer = processes.prepare(self.network, optimizer)
        teachers = recipe.training.distillation.teachers
        self._teachers = Teachers(teachers, spec).to(processes.device) if teachers else None
        self._states: list[Tensor] | None = None
        self._generator = torch.Generator()
        self._seed(processes.index)

    @property
    def averaged(self) -> Network:
        """The network with averaged weights."""
        network: Network = self.average.model  # type: ignore[assignment]
        return network

    def step(self, batches: Sequence[Batch], number: int) -> float:
        """Make one step of the optimiser.

        Parameters
        ----------
        batches : sequence of Batch
            This process's streams of the step, in equal parts.
        number : int
            The step, from 0.

        Returns
        -------
        float
            Mean loss over the parts.
        """
        training, processes = self._recipe.training, self._processes
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(number, training)
        self._wrapped.train()
        self._optimizer.zero_grad(set_to_none=True)
        losses, ends = [], []
        for part, start in enumerate(self._starts(len(batches))):
            batch = batches[part]
            with processes.part_of_step(self._wrapped, is_last=part == len(batches) - 1):
                inputs = batch.inputs.to(processes.device)
                logits, end = self._wrapped(inputs, start)
                loss = self._criterion(logits, batch, number) + self._taught(logits, inputs)
                processes.backward(loss / len(batches))
            losses.append(loss.detach())
            ends.append([state.detach() for state in end])
        processes.clip_gradients(self._wrapped, training.gradient_clip)
        self._optimizer.step()
        self.average.update(self.network)
        self._states = [torch.cat(column) for column in zip(*ends, strict=True)]
        return float(torch.stack(losses).mean())

    def state(self) -> dict[str, Any]:
        """Return all that a later process needs to go on exactly here; every process must call it."""
        gather, states = self._processes.gather, self._states
        scaler, device = self._processes.scaler, self._processes.device
        return {
            "network": self.network.state_dict(),
            "average": self.average.model.state_dict(),
            "average_updates": self.average.n_updates,
            "optimizer": self._optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
            "processes": self._processes.count,
            "generators": gather(self._generator.get_state()[None]),
            "rng": gather(torch.get_rng_state()[None]),
            "device_rng": gather(torch.cuda.get_rng_state(device)[None]) if device.type == "cuda" else None,
            "states": None if states is None else [gather(state) for state in states],
        }

    def restore(self, values: dict[str, Any], step: int) -> bool:
        """Take over what :meth:`state` returned in another process.

        Parameters
        ----------
        values : dict
            The same in every process.
        step : int
            The step it was taken before.

        Returns
        -------
        bool
            Whether what follows is the same, bit for bit, as if it had gone on there: with another number of processes
            or another kind of device it is not.
        """
        self.network.load_state_dict(values["network"])
        self.average.model.load_state_dict(values["average"])
        self.average.n_updates = values["average_updates"]
        self._optimizer.load_state_dict(values["optimizer"])
        if self._processes.scaler is not None and values["scaler"] is not None:
            self._processes.scaler.load_state_dict(values["scaler"])
        if values["states"] is not None:
            self._states = [self._processes.share(state).to(self._processes.device) for state in values["states"]]
        return self._restore_chance(values, step)

    def _restore_chance(self, values: dict[str, Any], step: int) -> bool:
        index, device = self._processes.index, self._processes.device
        is_cuda = device.type == "cuda"
        if values["processes"] != self._processes.count or (values["device_rng"] is not None) != is_cuda:
            self._seed(index, step)
            return False
        # Copies: PyTorch reads a row that is not the first from beyond the tensor's end.
        self._generator.set_state(values["generators"][index].clone())
        torch.set_rng_state(values["rng"][index].clone())
        if is_cuda:
            torch.cuda.set_rng_state(values["device_rng"][index].clone(), device)
        return True

    def _seed(self, *place: int) -> None:
        """Draw anew from here on; other processes and places draw other values."""
        dropout, carry = np.random.SeedSequence([self._recipe.seed, *place]).generate_state(2)
        torch.manual_seed(int(dropout))
        self._generator.manual_seed(int(carry))

    def _starts(self, n_parts: int) -> list[list[Tensor] | None]:
        """Return the states that each part of the step starts from; those of a stream may go to any part."""
        states = carried(self._states, self._recipe.training.keep_state, self._generator)
        if states is None:
            return [None] * n_parts
        return [list(part) for part in zip(*(state.chunk(n_parts) for state in states), strict=True)]

    def _taught(self, logits: Tensor, inputs: Tensor) -> Tensor | float:
        if self._teachers is None:
            return 0.0
        return self._recipe.training.distillation.weight * distillation_loss(logits, self._teachers(inputs))

    def _criterion(self, logits: Tensor, batch: Batch, number: int) -> Tensor:
        loss, steps = self._recipe.training.loss, self._recipe.training.steps
        marks = batch.windows.to(logits.device)
        if number < loss.warm_up_share * steps:
            return frame_loss(logits, batch.labels.to(logits.device), marks)
        region_steps = max(1, round(loss.region_s / self._spec.step_s))
        return max_pooling_loss(logits, marks, region_steps, loss)


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
