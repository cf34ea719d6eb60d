"""``crnn``: convolutions over bands and time, then GRUs, then a dense layer at each step."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kws.config import require
from kws.graph import Graph
from kws.models.bands import StreamingConv2d, norm_channels
from kws.models.emit import GraphBuilder
from kws.models.streaming import StreamingConv1d, StreamingGru, StreamingModel, TimeDistributed, each_step, members


@dataclass(frozen=True)
class CrnnSettings:
    """Sizes of a :class:`Crnn`; the defaults are the preset ``crnn``.

    Parameters
    ----------
    n_filters, n_patterns : int
        Channels of the first and of the second convolution.
    kernel_frames, kernel_bands : int
        Kernel of the first convolution.
    stride : int
        Its stride over time, which is the model's step.
    pattern_steps, pattern_bands : int
        Kernel of the second convolution, in steps and in bands of the first one's output.
    n_projected : int
        Values a step that are left for the GRUs.
    n_hidden, n_layers : int
        Width and number of the GRUs.
    dropout : float
        Share of values dropped after the convolutions and each GRU in training.
    """

    n_filters: int = 12
    n_patterns: int = 16
    kernel_frames: int = 9
    kernel_bands: int = 7
    stride: int = 4
    pattern_steps: int = 3
    pattern_bands: int = 5
    n_projected: int = 72
    n_hidden: int = 72
    n_layers: int = 2
    dropout: float = 0.1

    def __post_init__(self) -> None:
        for name in ("n_filters", "n_patterns", "n_projected", "n_hidden"):
            require(f"model.settings.{name}", getattr(self, name), 1, 4096)
        for name in ("kernel_frames", "kernel_bands", "pattern_steps", "pattern_bands"):
            require(f"model.settings.{name}", getattr(self, name), 1, 1000)
        require("model.settings.stride", self.stride, 1, self.kernel_frames)
        require("model.settings.n_layers", self.n_layers, 1, 8)
        require("model.settings.dropout", self.dropout, 0.0, 0.95)


class Crnn(StreamingModel):
    """Two convolutions over bands and time → projection → GRU(s) → ``TimeDistributed`` dense.

    A kernel that moves over the bands finds a formant wherever a speaker has it; a kernel over all bands at once, as
    that of ``conv_gru``, learns each place by itself. Each convolution halves the bands.

    Parameters
    ----------
    n_features : int
        Bands F of the front-end.
    n_keywords : int
        Logits K a step.
    settings : CrnnSettings

    References
    ----------
    Arik et al., "Convolutional Recurrent Neural Networks for Small-Footprint Keyword Spotting", Interspeech 2017,
    here causal, with GRUs in one direction, and with a second convolution.
    """

    def __init__(self, n_features: int, n_keywords: int, settings: CrnnSettings | None = None) -> None:
        super().__init__()
        s = settings or CrnnSettings()
        self.n_features, self.n_keywords, self.step_frames = n_features, n_keywords, s.stride
        self.conv = StreamingConv2d(
            n_features, 1, s.n_filters, s.kernel_bands, s.kernel_frames, 2, s.stride, s.kernel_bands // 2
        )
        self.conv_norm = nn.BatchNorm1d(s.n_filters)
        n_bands = self.conv.n_bands_out
        self.pattern = StreamingConv2d(
            n_bands, s.n_filters, s.n_patterns, s.pattern_bands, s.pattern_steps, 2, 1, s.pattern_bands // 2
        )
        self.pattern_norm = nn.BatchNorm1d(s.n_patterns)
        self.projection = StreamingConv1d(s.n_patterns * self.pattern.n_bands_out, s.n_projected, 1)
        self.projection_norm = nn.BatchNorm1d(s.n_projected)
        widths = [s.n_projected] + [s.n_hidden] * s.n_layers
        self.grus = nn.ModuleList(StreamingGru(i, o) for i, o in zip(widths[:-1], widths[1:], strict=True))
        self.dropout = nn.Dropout(s.dropout)
        self.head = TimeDistributed(nn.Linear(s.n_hidden, n_keywords))

    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the states of silence: the context of each convolution, where it has one, and the hidden vectors."""
        return [
            *(conv.initial_state(batch) for conv in self._with_context),
            *(gru.initial_state(batch) for gru in members(self.grus, StreamingGru)),
        ]

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T // stride, K)`` and the new states."""
        old = iter(self.initial_state(x.shape[0]) if state is None else state)
        new: list[Tensor] = []
        y = x.unsqueeze(3)  # (B, T, F, 1)
        for conv, norm in ((self.conv, self.conv_norm), (self.pattern, self.pattern_norm)):
            y, context = conv(y, next(old) if conv.context_frames else None)
            new += [context] if conv.context_frames else []
            y = norm_channels(norm, y).relu()
        y, _ = self.projection(y.transpose(2, 3).flatten(2))  # bands of a channel side by side
        y = self.dropout(each_step(self.projection_norm, y).relu())
        for gru in members(self.grus, StreamingGru):
            y, hidden = gru(y, next(old))
            new.append(hidden)
            y = self.dropout(y)
        return self.head(y), new

    def to_graph(self, builder: GraphBuilder | None = None) -> Graph:
        """Return the network as operations."""
        builder = builder or GraphBuilder()
        value = builder.source
        for conv, norm in ((self.conv, self.conv_norm), (self.pattern, self.pattern_norm)):
            value = builder.activation(builder.conv2d(value, conv, after=norm), "relu")
        value = builder.activation(builder.conv(value, self.projection, after=self.projection_norm), "relu")
        for gru in members(self.grus, StreamingGru):
            value = builder.gru(value, gru)
        value = builder.activation(builder.dense(value, self.head.module), "sigmoid")
        return builder.graph(value, self.n_features, self.n_keywords, self.step_frames)

    @property
    def _with_context(self) -> list[StreamingConv2d]:
        return [conv for conv in (self.conv, self.pattern) if conv.context_frames]
