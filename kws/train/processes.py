"""The processes of a run, and the device of each, through Hugging Face Accelerate.

Whatever ``accelerate launch`` arranges (several GPUs or machines, mixed precision, compilation) holds here; plain
``python train.py`` is one process on the device that Accelerate finds.
"""

from __future__ import annotations

import datetime
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import (
    DDPCommunicationHookType,
    DistributedDataParallelKwargs,
    InitProcessGroupKwargs,
    broadcast_object_list,
)
from torch import Tensor, nn

from kws.errors import ConfigError
from kws.train.recipe import TrainingConfig

T = TypeVar("T")

# One process validates while the others wait for it.
_PATIENCE = datetime.timedelta(hours=6)


class Verdict(NamedTuple):
    """What the processes agree on after a step: the mean loss, and whether any wants to stop or to save."""

    loss: float
    stop: bool
    save: bool


class Processes:
    """The processes that train together; usually one.

    Parameters
    ----------
    training : TrainingConfig
        For ``mixed_precision`` and how gradients travel between processes.
    cpu : bool
        Train on the CPU even where there is a GPU.

    Raises
    ------
    ConfigError
        If the device cannot compute in that precision, or the processes would not find each other.

    References
    ----------
    PowerSGD: Vogels et al., "PowerSGD: Practical Low-Rank Gradient Compression for Distributed Optimization",
    NeurIPS 2019.
    """

    def __init__(self, training: TrainingConfig, cpu: bool = False) -> None:
        precision = training.mixed_precision or os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
        if precision == "fp16" and (cpu or not _has_accelerator()):
            raise ConfigError("training.mixed_precision is 'fp16', which a CPU cannot; accepted are 'bf16' and 'no'")
        handlers = [_hooks(training), InitProcessGroupKwargs(timeout=_PATIENCE)]
        n_started = int(os.environ.get("WORLD_SIZE", "1"))
        # Accelerate takes several processes without a GPU for as many that know nothing of each other.
        cpu = cpu or (n_started > 1 and not _has_accelerator())
        try:
            self._accelerator = Accelerator(mixed_precision=training.mixed_precision, cpu=cpu, kwargs_handlers=handlers)
        except ValueError as error:
            line = " ".join(str(error).split())
            raise ConfigError(f"training.mixed_precision is {training.mixed_precision!r}: {line}") from None
        # The loop divides a step itself: `accelerate launch --gradient_accumulation_steps` would divide it once more.
        self._accelerator.gradient_accumulation_steps = 1
        self.count: int = self._accelerator.num_processes
        self.index: int = self._accelerator.process_index
        if n_started != self.count:
            raise ConfigError(
                f"{n_started} processes were started, but each would train alone on {self.device}; add --cpu to "
                f"train on CPUs, or start one process"
            )
        self.is_main: bool = self._accelerator.is_main_process
        self.device: torch.device = self._accelerator.device

    def prepare(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[nn.Module, torch.optim.Optimizer]:
        """Return network and optimiser as Accelerate wraps them; the weights of the main process go to all."""
        wrapped, stepped = self._accelerator.prepare(network, optimizer)
        return wrapped, stepped

    def part_of_step(self, wrapped: nn.Module, is_last: bool) -> AbstractContextManager[None]:
        """Return the context of one part of a step: gradients are exchanged in the last one only."""
        return nullcontext() if is_last else self._accelerator.no_sync(wrapped)

    def backward(self, loss: Tensor) -> None:
        """Compute gradients, scaled where the precision needs it."""
        self._accelerator.backward(loss)

    def clip_gradients(self, wrapped: nn.Module, most: float) -> None:
        """Scale all gradients so that their norm is at most `most`."""
        self._accelerator.clip_grad_norm_(wrapped.parameters(), most)

    @property
    def warning(self) -> str:
        """What is likely not as it was meant; empty if there is nothing."""
        asked_for_more = "MASTER_PORT" in os.environ and "ACCELERATE_USE_CPU" in os.environ
        if self.count > 1 or not asked_for_more:
            return ""
        return (
            "accelerate launch --cpu starts one process only; for N on this computer: accelerate launch --multi_gpu "
            "--num_processes N train.py ... --cpu"
        )

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """What scales the loss for float16; it may leave out a step whose gradients overflow."""
        return self._accelerator.scaler

    def agree(self, loss: float, stop: bool, save: bool) -> Verdict:
        """Return the mean of the losses, and whether any process wants to stop or to save."""
        if self.count == 1:
            return Verdict(loss, stop, save)
        wishes = torch.tensor([loss, float(stop), float(save)], dtype=torch.float64, device=self.device)
        total: Tensor = self._accelerator.reduce(wishes, "sum")
        return Verdict(float(total[0]) / self.count, bool(total[1]), bool(total[2]))

    def gather(self, tensor: Tensor) -> Tensor:
        """Return the tensors of all processes, joined along their first axis in order, on the CPU."""
        joined: Tensor = self._accelerator.gather(tensor.detach().to(self.device).contiguous())
        return joined.cpu()

    def broadcast(self, value: T | None) -> T:
        """Return the main process's value in every process."""
        box: list[Any] = [value]
        if self.count > 1:
            broadcast_object_list(box)
        result: T = box[0]
        return result

    def close(self) -> None:
        """Leave the others; only where all of them are done, and nothing of a trainer is used any more.

        Notes
        -----
        Threads of Gloo that still hold tensors when Python ends abort the process, after all was done (PyTorch 2.13;
        pytorch/pytorch#179291). So what was wrapped is let go of first.
        """
        self._accelerator.free_memory()
        self._accelerator.end_training()

    def share(self, joined: Tensor) -> Tensor:
        """Return this process's part of a tensor that :meth:`gather` joined, by however many processes."""
        size = joined.shape[0] // self.count
        return joined[self.index * size : (self.index + 1) * size]


def _has_accelerator() -> bool:
    # Since PyTorch 2.6 one question for every kind of device.
    found = getattr(torch, "accelerator", torch.cuda)
    return bool(found.is_available())


def _hooks(training: TrainingConfig) -> DistributedDataParallelKwargs:
    hook = DDPCommunicationHookType(training.comm_hook)
    options: dict[str, Any] = {}
    if "power_sgd" in training.comm_hook:
        rank, start = training.power_sgd_rank, training.power_sgd_start_step
        options = {"matrix_approximation_rank": rank, "start_powerSGD_iter": start}
    return DistributedDataParallelKwargs(
        comm_hook=hook, comm_wrapper=DDPCommunicationHookType(training.comm_wrapper), comm_state_option=options
    )
