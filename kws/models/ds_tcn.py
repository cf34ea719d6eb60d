"""``ds_tcn``: a small causal network of depthwise-separable dilated convolutions with residuals."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kws.config import ConfigError, require
from kws.graph import Graph
from kws.models.emit import GraphBuilder
from kws.models.streaming import StreamingConv1d, StreamingModel, TimeDistributed, each_step, members


@dataclass(frozen=True)
class DsTcnSettings:
    """Sizes of a :class:`DsTcn`.

    Parameters
    ----------
    n_channels : int
        Width of the stem and of every block.
    stem_kernel_frames, stride : int
        Kernel and stride of the stem in feature frames; the stride is the model's step.
    kernel_steps : int
        Kernel of each depthwise convolution, in steps.
    dilations : tuple of int
        One block a dilation.
    dropout : float
        Share of values dropped after each block in training.

    Notes
    -----
    The receptive field is ``stem_kernel + stride * (kernel - 1) * sum(dilations)`` frames; with the defaults
    15 + 4 * 4 * 11 = 191 frames, 1.9 s at a hop of 10 ms.
    """

    n_channels: int = 80
    stem_kernel_frames: int = 15
    stride: int = 4
    kernel_steps: int = 5
    dilations: tuple[int, ...] = (1, 1, 2, 2, 2, 3)
    dropout: float = 0.1

    def __post_init__(self) -> None:
        require("model.settings.n_channels", self.n_channels, 1, 4096)
        require("model.settings.stem_kernel_frames", self.stem_kernel_frames, 1, 1000)
        require("model.settings.stride", self.stride, 1, self.stem_kernel_frames)
        require("model.settings.kernel_steps", self.kernel_steps, 2, 100)
        require("model.settings.dropout", self.dropout, 0.0, 0.95)
        if not self.dilations:
            raise ConfigError("model.settings.dilations is empty; accepted is at least one dilation")
        for dilation in self.dilations:
            require("model.settings.dilations", dilation, 1, 256)


class DsTcn(StreamingModel):
    """Strided stem, then blocks of depthwise → BatchNorm → ReLU → pointwise → BatchNorm → add → ReLU.

    Parameters
    ----------
    n_features : int
        Bands F of the front-end.
    n_keywords : int
        Logits K a step.
    settings : DsTcnSettings

    References
    ----------
    Depthwise-separable temporal convolutions for wake words: Hou et al., "Mining Effective Negative Training
    Samples for Keyword Spotting", ICASSP 2020 (DS-TCN).
    """

    def __init__(self, n_features: int, n_keywords: int, settings: DsTcnSettings | None = None) -> None:
        super().__init__()
        s = settings or DsTcnSettings()
        self.n_features, self.n_keywords, self.step_frames = n_features, n_keywords, s.stride
        self.stem = StreamingConv1d(n_features, s.n_channels, s.stem_kernel_frames, s.stride)
        self.stem_norm = nn.BatchNorm1d(s.n_channels)
        self.blocks = nn.ModuleList(_Block(s.n_channels, s.kernel_steps, d, s.dropout) for d in s.dilations)
        self.head = TimeDistributed(nn.Linear(s.n_channels, n_keywords))

    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the states of silence: the context of each convolution."""
        return [
            self.stem.initial_state(batch),
            *(block.depthwise.initial_state(batch) for block in members(self.blocks, _Block)),
        ]

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T // stride, K)`` and the new states."""
        old: list[Tensor | None] = list(state) if state is not None else [None] * (1 + len(self.blocks))
        y, context = self.stem(x, old[0])
        new = [context]
        y = each_step(self.stem_norm, y).relu()
        for block, context in zip(self.blocks, old[1:], strict=True):
            y, context = block(y, context)
            new.append(context)
        return self.head(y), new

    def to_graph(self, builder: GraphBuilder | None = None) -> Graph:
        """Return the network as operations."""
        builder = builder or GraphBuilder()
        value = builder.activation(builder.conv(builder.source, self.stem, after=self.stem_norm), "relu")
        for block in members(self.blocks, _Block):
            value = block.emit(builder, value)
        value = builder.activation(builder.dense(value, self.head.module), "sigmoid")
        return builder.graph(value, self.n_features, self.n_keywords, self.step_frames)


class _Block(nn.Module):
    def __init__(self, n_channels: int, kernel_steps: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.depthwise = StreamingConv1d(n_channels, n_channels, kernel_steps, dilation=dilation, groups=n_channels)
        self.depthwise_norm = nn.BatchNorm1d(n_channels)
        self.pointwise = StreamingConv1d(n_channels, n_channels, 1)
        self.pointwise_norm = nn.BatchNorm1d(n_channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        y, new_state = self.depthwise(x, state)
        y = each_step(self.depthwise_norm, y).relu()
        # A kernel of one frame keeps nothing.
        y, _ = self.pointwise(y)
        y = each_step(self.pointwise_norm, y)
        return self.dropout((x + y).relu()), new_state

    def emit(self, builder: GraphBuilder, source: str) -> str:
        value = builder.activation(builder.conv(source, self.depthwise, after=self.depthwise_norm), "relu")
        value = builder.conv(value, self.pointwise, after=self.pointwise_norm)
        return builder.activation(builder.add(source, value), "relu")
