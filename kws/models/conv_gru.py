"""``conv_gru``: Conv1D, then GRUs, then a dense layer at each step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kws.config import require, require_one_of
from kws.graph import Graph
from kws.models.emit import GraphBuilder
from kws.models.streaming import StreamingConv1d, StreamingGru, StreamingModel, TimeDistributed, each_step, members


@dataclass(frozen=True)
class ConvGruSettings:
    """Sizes of a :class:`ConvGru`; the defaults are the preset ``small``.

    Parameters
    ----------
    n_filters : int
        Outputs of the convolution.
    kernel_frames, stride : int
        Its kernel and stride in feature frames; the stride is the model's step.
    n_hidden : int
        Width of each GRU.
    n_layers : int
        Number of GRUs.
    dropout : float
        Share of values dropped after each layer in training.
    gru_batch_norm : bool
        BatchNorm after each GRU, as the classic network has it.
    padding : {"causal", "valid"}
        Left edge of a fresh sequence, see :class:`StreamingConv1d`.
    """

    n_filters: int = 64
    kernel_frames: int = 15
    stride: int = 4
    n_hidden: int = 64
    n_layers: int = 2
    dropout: float = 0.1
    gru_batch_norm: bool = False
    padding: str = "causal"

    def __post_init__(self) -> None:
        require("model.settings.n_filters", self.n_filters, 1, 4096)
        require("model.settings.kernel_frames", self.kernel_frames, 1, 1000)
        require("model.settings.stride", self.stride, 1, self.kernel_frames)
        require("model.settings.n_hidden", self.n_hidden, 1, 4096)
        require("model.settings.n_layers", self.n_layers, 1, 8)
        require("model.settings.dropout", self.dropout, 0.0, 0.95)
        require_one_of("model.settings.padding", self.padding, ("causal", "valid"))


CLASSIC = ConvGruSettings(n_filters=196, n_hidden=128, dropout=0.8, gru_batch_norm=True, padding="valid")
"""The network of the deeplearning.ai trigger-word assignment at its own sizes (with 101 linear bands)."""


class ConvGru(StreamingModel):
    """Conv1D (stride) → BatchNorm → ReLU → dropout → GRU(s) → ``TimeDistributed`` dense.

    Parameters
    ----------
    n_features : int
        Bands F of the front-end.
    n_keywords : int
        Logits K a step.
    settings : ConvGruSettings
    """

    def __init__(self, n_features: int, n_keywords: int, settings: ConvGruSettings | None = None) -> None:
        super().__init__()
        s = settings or ConvGruSettings()
        self.n_features, self.n_keywords, self.step_frames = n_features, n_keywords, s.stride
        self.conv = StreamingConv1d(n_features, s.n_filters, s.kernel_frames, s.stride, padding=s.padding)
        self.conv_norm = nn.BatchNorm1d(s.n_filters)
        widths = [s.n_filters] + [s.n_hidden] * s.n_layers
        self.grus = nn.ModuleList(StreamingGru(i, o) for i, o in zip(widths[:-1], widths[1:], strict=True))
        self.gru_norms = nn.ModuleList(nn.BatchNorm1d(s.n_hidden) for _ in self.grus if s.gru_batch_norm)
        self.dropout = nn.Dropout(s.dropout)
        self.head = TimeDistributed(nn.Linear(s.n_hidden, n_keywords))

    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the states of silence: the convolution's context and each GRU's hidden vector."""
        return [self.conv.initial_state(batch), *(gru.initial_state(batch) for gru in members(self.grus, StreamingGru))]

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T // stride, K)`` and the new states."""
        old: list[Tensor | None] = list(state) if state is not None else [None] * (1 + len(self.grus))
        y, conv_state = self.conv(x, old[0])
        new = [conv_state]
        y = self.dropout(each_step(self.conv_norm, y).relu())
        for index, gru in enumerate(self.grus):
            y, hidden = gru(y, old[1 + index])
            new.append(hidden)
            if self.gru_norms:
                y = each_step(self.gru_norms[index], y)
            y = self.dropout(y)
        return self.head(y), new

    def to_graph(self, builder: GraphBuilder | None = None) -> Graph:
        """Return the network as operations; the norm after a GRU is folded into the layer that follows."""
        builder = builder or GraphBuilder()
        value = builder.activation(builder.conv(builder.source, self.conv, after=self.conv_norm), "relu")
        norms = members(self.gru_norms, nn.BatchNorm1d)
        before = None
        for index, gru in enumerate(members(self.grus, StreamingGru)):
            value = builder.gru(value, gru, before=before)
            before = norms[index] if norms else None
        value = builder.activation(builder.dense(value, self.head.module, before=before), "sigmoid")
        return builder.graph(value, self.n_features, self.n_keywords, self.step_frames)
