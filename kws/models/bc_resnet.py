"""``bc_resnet``: a causal broadcasted residual network, one-dimensional over time with a residual over bands."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from kws.config import ConfigError, require
from kws.graph import Graph
from kws.models.bands import StreamingConv2d, SubSpectralNorm, norm_channels
from kws.models.emit import GraphBuilder
from kws.models.streaming import StreamingConv1d, StreamingModel, TimeDistributed, each_step, members

BAND_KERNEL = 3
"""Bands that a block's convolution over bands sees, as in the paper."""


@dataclass(frozen=True)
class BcResNetSettings:
    """Sizes of a :class:`BcResNet`; the defaults are the preset ``bc``.

    Parameters
    ----------
    stem_kernel_bands, stem_kernel_frames : int
        Kernel of the stem; the one over bands is odd.
    stem_band_stride, stride : int
        Strides of the stem over bands and in feature frames; the latter is the model's step.
    channels, blocks, band_strides, dilations : tuple of int
        One entry a stage: its channels, its number of blocks, the stride over bands of its first block, and the
        dilation of its convolutions over time.
    kernel_steps : int
        Kernel of the blocks' convolutions over time, in steps.
    head_kernel_steps, n_head : int
        Kernel in steps and width of the head.
    dropout : float
        Share of values dropped after each block's part over time in training.

    Notes
    -----
    The receptive field is ``stem_kernel + stride * ((kernel - 1) * sum(blocks * dilations) + head_kernel - 1)``
    frames; with the defaults 11 + 4 * (4 * 10 + 4) = 187 frames, 1.9 s at a hop of 10 ms.
    """

    stem_kernel_bands: int = 5
    stem_kernel_frames: int = 11
    stem_band_stride: int = 4
    stride: int = 4
    channels: tuple[int, ...] = (32, 64, 128)
    blocks: tuple[int, ...] = (2, 2, 2)
    band_strides: tuple[int, ...] = (1, 2, 2)
    dilations: tuple[int, ...] = (1, 2, 2)
    kernel_steps: int = 5
    head_kernel_steps: int = 5
    n_head: int = 96
    dropout: float = 0.1

    def __post_init__(self) -> None:
        require("model.settings.stem_kernel_bands", self.stem_kernel_bands, 1, 101)
        if self.stem_kernel_bands % 2 == 0:
            raise ConfigError(f"model.settings.stem_kernel_bands is {self.stem_kernel_bands}; accepted are odd numbers")
        require("model.settings.stem_kernel_frames", self.stem_kernel_frames, 1, 1000)
        require("model.settings.stem_band_stride", self.stem_band_stride, 1, self.stem_kernel_bands)
        require("model.settings.stride", self.stride, 1, self.stem_kernel_frames)
        require("model.settings.kernel_steps", self.kernel_steps, 2, 100)
        require("model.settings.head_kernel_steps", self.head_kernel_steps, 1, 100)
        require("model.settings.n_head", self.n_head, 1, 4096)
        require("model.settings.dropout", self.dropout, 0.0, 0.95)
        if not self.channels:
            raise ConfigError("model.settings.channels is empty; accepted is at least one stage")
        for name, high in {"channels": 4096, "blocks": 32, "band_strides": BAND_KERNEL, "dilations": 256}.items():
            self._check_stages(name, high)

    def _check_stages(self, name: str, high: int) -> None:
        values = getattr(self, name)
        if len(values) != len(self.channels):
            raise ConfigError(
                f"model.settings.{name} has {len(values)} stages; accepted are {len(self.channels)}, as channels has"
            )
        for value in values:
            require(f"model.settings.{name}", value, 1, high)


TEACHER = BcResNetSettings(
    stem_band_stride=2,
    channels=(40, 64, 96, 128),
    blocks=(2, 2, 4, 4),
    band_strides=(1, 2, 2, 1),
    dilations=(1, 1, 2, 3),
    kernel_steps=3,
    n_head=192,
)
"""For a teacher: the paper's four stages, and its bands (every second one in the stem)."""


class BcResNet(StreamingModel):
    """Stem over bands and time, stages of broadcasted residual blocks, then a convolution over all bands that are left.

    Parameters
    ----------
    n_features : int
        Bands F of the front-end.
    n_keywords : int
        Logits K a step.
    settings : BcResNetSettings

    Notes
    -----
    What differs from the paper, so that it streams and is cheap:

    - Every convolution over time is causal, and no mean over time ends it: the blocks see enough of the past.
    - The stem takes a step at once (``stride``) and, by default, every fourth band, where the paper takes each frame
      and every second band. It has the channels of the first stage. Most of the paper's work is done there.
    - Fewer blocks with longer kernels over time (by default): on a small device each operation costs by being there.
    - A transition block convolves over bands before it mixes the channels, so that the mix works on fewer bands.
    - ReLU for swish, which every device has; the last kernel is one over bands, then one over time.

    References
    ----------
    Kim et al., "Broadcasted Residual Learning for Efficient Keyword Spotting", Interspeech 2021.
    """

    def __init__(self, n_features: int, n_keywords: int, settings: BcResNetSettings | None = None) -> None:
        super().__init__()
        s = settings or BcResNetSettings()
        self.n_features, self.n_keywords, self.step_frames = n_features, n_keywords, s.stride
        self.stem = StreamingConv2d(
            n_features,
            1,
            s.channels[0],
            s.stem_kernel_bands,
            s.stem_kernel_frames,
            s.stem_band_stride,
            s.stride,
            band_padding=s.stem_kernel_bands // 2,
        )
        self.stem_norm = nn.BatchNorm1d(s.channels[0])
        self.blocks = nn.ModuleList(_make_blocks(self.stem.n_bands_out, s))
        n_bands, n_channels = members(self.blocks, _Block)[-1].n_bands, s.channels[-1]
        self.head_bands = StreamingConv2d(n_bands, n_channels, n_channels, n_bands, groups=n_channels)
        self.head_time = StreamingConv1d(n_channels, n_channels, s.head_kernel_steps, groups=n_channels)
        self.head_mix = StreamingConv1d(n_channels, s.n_head, 1)
        self.head_norm = nn.BatchNorm1d(s.n_head)
        self.head = TimeDistributed(nn.Linear(s.n_head, n_keywords))

    def initial_state(self, batch: int) -> list[Tensor]:
        """Return the states of silence: the context of each convolution over time."""
        contexts = [self.stem.initial_state(batch)] if self.stem.context_frames else []
        contexts += [block.time.initial_state(batch) for block in members(self.blocks, _Block)]
        return contexts + ([self.head_time.initial_state(batch)] if self.head_time.context_frames else [])

    def forward(self, x: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map ``(B, T, F)`` to logits ``(B, T // stride, K)`` and the new states."""
        old, new = iter(state if state is not None else self.initial_state(x.shape[0])), []
        y, context = self.stem(x.unsqueeze(3), next(old) if self.stem.context_frames else None)
        if self.stem.context_frames:
            new.append(context)
        y = norm_channels(self.stem_norm, y).relu()
        for block in self.blocks:
            y, context = block(y, next(old))
            new.append(context)
        y, _ = self.head_bands(y)
        y, context = self.head_time(y.squeeze(2), next(old, None))
        if self.head_time.context_frames:
            new.append(context)
        y, _ = self.head_mix(y)
        return self.head(each_step(self.head_norm, y).relu()), new

    def to_graph(self, builder: GraphBuilder | None = None) -> Graph:
        """Return the network as operations; a norm of sub-bands is an operation, all others are folded."""
        builder = builder or GraphBuilder()
        value = builder.activation(builder.conv2d(builder.source, self.stem, after=self.stem_norm), "relu")
        for block in members(self.blocks, _Block):
            value = block.emit(builder, value)
        value = builder.conv(builder.conv2d(value, self.head_bands), self.head_time)
        value = builder.activation(builder.conv(value, self.head_mix, after=self.head_norm), "relu")
        value = builder.activation(builder.dense(value, self.head.module), "sigmoid")
        return builder.graph(value, self.n_features, self.n_keywords, self.step_frames)


def _make_blocks(n_bands: int, s: BcResNetSettings) -> list[_Block]:
    blocks: list[_Block] = []
    n_channels = s.channels[0]
    for n_outputs, n_blocks, stride, dilation in zip(s.channels, s.blocks, s.band_strides, s.dilations, strict=True):
        for index in range(n_blocks):
            band_stride = stride if index == 0 else 1
            block = _Block(n_bands, n_channels, n_outputs, band_stride, s.kernel_steps, dilation, s.dropout)
            blocks.append(block)
            n_bands, n_channels = block.n_bands, n_outputs
    return blocks


class _Block(nn.Module):
    """``y = relu(x + f2(x) + f1(mean over bands of f2(x)))``, the last term the same for all bands.

    f2 is a depthwise convolution over bands, f1 one over time and a mix of the channels. Where channels or bands
    change (a transition block), f2 mixes the channels as well, and x is not added.
    """

    def __init__(
        self,
        n_bands: int,
        n_inputs: int,
        n_outputs: int,
        band_stride: int,
        kernel_steps: int,
        dilation: int,
        dropout: float,
    ) -> None:
        super().__init__()
        self.is_transition = n_inputs != n_outputs or band_stride > 1
        self.bands = StreamingConv2d(
            n_bands,
            n_inputs,
            n_inputs,
            BAND_KERNEL,
            band_stride=band_stride,
            band_padding=BAND_KERNEL // 2,
            groups=n_inputs,
        )
        self.n_bands = self.bands.n_bands_out
        if self.is_transition:
            self.bands_norm = nn.BatchNorm1d(n_inputs)
            self.mix = StreamingConv2d(self.n_bands, n_inputs, n_outputs)
        self.norm = SubSpectralNorm(self.n_bands, n_outputs)
        self.time = StreamingConv1d(n_outputs, n_outputs, kernel_steps, dilation=dilation, groups=n_outputs)
        self.time_norm = nn.BatchNorm1d(n_outputs)
        self.pointwise = StreamingConv1d(n_outputs, n_outputs, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        # A kernel of one frame keeps nothing.
        y, _ = self.bands(x)
        if self.is_transition:
            y, _ = self.mix(norm_channels(self.bands_norm, y).relu())
        y = self.norm(y)
        z, new_state = self.time(y.mean(dim=2), state)
        z, _ = self.pointwise(each_step(self.time_norm, z).relu())
        y = y + self.dropout(z).unsqueeze(2)
        return (y if self.is_transition else x + y).relu(), new_state

    def emit(self, builder: GraphBuilder, source: str) -> str:
        if self.is_transition:
            value = builder.activation(builder.conv2d(source, self.bands, after=self.bands_norm), "relu")
            value = builder.conv2d(value, self.mix)
        else:
            value = builder.conv2d(source, self.bands)
        value = builder.sub_spectral_norm(value, self.norm)
        over_time = builder.conv(builder.mean_over_bands(value, self.n_bands), self.time, after=self.time_norm)
        over_time = builder.conv(builder.activation(over_time, "relu"), self.pointwise)
        value = builder.add_to_bands(value, over_time, self.n_bands)
        return builder.activation(value if self.is_transition else builder.add(source, value), "relu")
