"""The streaming contract, and the layers that honour it.

``forward(x, state=None) -> (y, new_state)`` with x ``(B, T, F)``. The same weights and code train on whole
sequences and step on chunks: running a sequence in chunks of any size, each with the state that the last
one returned, gives the same output as running it at once. ``None`` is the state of silence.
"""

from __future__ import annotations

import abc
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.graph import Graph

if TYPE_CHECKING:
    from kws.models.emit import GraphBuilder

M = TypeVar("M", bound=nn.Module)


class TimeDistributed(nn.Module, Generic[M]):
    """Apply any module to every step of a sequence on its own, as Keras' layer of that name does.

    Parameters
    ----------
    module : nn.Module
        Takes ``(M, *features)`` and returns ``(M, *new_features)``.

    Notes
    -----
    Batch and time are merged for one call and split again. That is the one place where a ``reshape`` is
    right: both axes lead and stand next to each other. It must not stand in for a transpose.

    Examples
    --------
    >>> TimeDistributed(nn.Linear(8, 1))(torch.zeros(2, 5, 8)).shape
    torch.Size([2, 5, 1])
    """

    module: M

    def __init__(self, module: M) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, *features)`` to ``(B, T, *new_features)``."""
        return each_step(self.module, x)


def each_step(module: nn.Module, x: Tensor) -> Tensor:
    """Apply a module to every step, as :class:`TimeDistributed`, where it is a member under its own name.

    A BatchNorm over ``(B, T, F)`` runs this way: the statistics are those of all steps, and no axis is turned.
    """
    merged: Tensor = module(x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]))
    return merged.reshape(x.shape[0], x.shape[1], *merged.shape[1:])


class StreamingConv1d(nn.Module):
    """Causal convolution over time; frames that a later output still needs are its state.

    Parameters
    ----------
    n_inputs, n_outputs : int
    kernel_frames : int
    stride, dilation, groups : int
    padding : {"causal", "valid"}
        What ``state=None`` stands for: silence on the left, so that ``T`` frames give ``T // stride`` outputs;
        or nothing, so that the first output waits for a full kernel, as Keras' default does.
    """

    def __init__(
        self,
        n_inputs: int,
        n_outputs: int,
        kernel_frames: int,
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        padding: str = "causal",
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(n_inputs, n_outputs, kernel_frames, stride, dilation=dilation, groups=groups)
        self.context_frames = dilation * (kernel_frames - 1) - (stride - 1)
        if self.context_frames < 0:
            raise ValueError(
                f"stride {stride} skips frames of a kernel that spans {dilation * (kernel_frames - 1) + 1}"
            )
        self.padding = padding

    def initial_state(self, batch: int) -> Tensor:
        """Return the state of silence, ``(B, F_in, context)``."""
        return self.conv.weight.new_zeros(batch, self.conv.in_channels, self.context_frames)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map ``(B, T, F_in)`` to ``(B, T_out, F_out)`` and the frames that are still needed."""
        if state is None and self.padding == "causal":
            state = self.initial_state(x.shape[0])
        frames = x if state is None else torch.cat([state.transpose(1, 2), x], dim=1)
        stride = self.conv.stride[0]
        n_outputs = max(0, (frames.shape[1] - self.context_frames) // stride)
        new_state = frames[:, n_outputs * stride :].transpose(1, 2)
        if n_outputs == 0:
            return x.new_zeros(x.shape[0], 0, self.conv.out_channels), new_state
        return self._convolve(frames), new_state

    def _convolve(self, frames: Tensor) -> Tensor:
        # (B, T, F) is an image of one row in channels-last order, which is the fast one for few inputs a group:
        # a depthwise layer trains 2 to 3 times as fast as with conv1d, and nothing is turned.
        image = frames.unsqueeze(1).permute(0, 3, 1, 2)
        weight, dilation = self.conv.weight.unsqueeze(2), (1, self.conv.dilation[0])
        y = functional.conv2d(image, weight, self.conv.bias, (1, self.conv.stride[0]), 0, dilation, self.conv.groups)
        return y.squeeze(2).transpose(1, 2)


class StreamingGru(nn.Module):
    """One GRU layer, batch first; its hidden vector ``(B, H)`` is the state."""

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.gru = nn.GRU(n_inputs, n_hidden, batch_first=True)

    def initial_state(self, batch: int) -> Tensor:
        """Return the state of silence, ``(B, H)``."""
        weight: Tensor = self.gru.all_weights[0][0]
        return weight.new_zeros(batch, self.gru.hidden_size)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map ``(B, T, F_in)`` to ``(B, T, H)`` and the last hidden vector."""
        hidden = self.initial_state(x.shape[0]) if state is None else state
        if x.shape[1] == 0:
            return x.new_zeros(x.shape[0], 0, self.gru.hidden_size), hidden
        # PyTorch keeps the layer axis first even when the batch is.
        outputs, last = self.gru(x, hidden.unsqueeze(0))
        return outputs, last.squeeze(0)


class StreamingModel(nn.Module, abc.ABC):
    """Base of every network family: feature frames in, one logit a keyword a step out.

    Attributes
    ----------
    step_frames : int
        Feature frames that one output step takes.
    delay_s : float
        Look-ahead by design, in frames of the front-end times its hop; zero for strictly causal networks.
    """

    step_frames: int
    delay_s: float = 0.0

    @abc.abstractmethod
    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T // step_frames, K)`` and the new states."""

    @abc.abstractmethod
    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the states of silence, each with the batch axis first."""

    @abc.abstractmethod
    def to_graph(self, builder: GraphBuilder | None = None) -> Graph:
        """Return what the network computes in evaluation mode, BatchNorm folded, scores as probabilities.

        Parameters
        ----------
        builder : GraphBuilder, optional
            What collects the operations; by default one that holds numpy arrays.
        """

    @property
    def receptive_field_frames(self) -> float:
        """Newest frames that a logit depends on, infinite if it depends on all that was heard (a recurrent network)."""
        return self.to_graph().receptive_field_frames

    @property
    def n_parameters(self) -> int:
        """Number of trainable values."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


def members(modules: nn.ModuleList, kind: type[M]) -> list[M]:
    """Return the modules of a list with their type, which ``ModuleList`` forgets."""
    return [module for module in modules if isinstance(module, kind)]
