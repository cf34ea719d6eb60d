"""Layers over bands and time. Values are ``(B, T, bands, C)``: channels last is the fast order on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class StreamingConv2d(nn.Module):
    """Convolution over bands, and causally over time; frames that a later output still needs are its state.

    Parameters
    ----------
    n_bands : int
        Bands of the input.
    n_inputs, n_outputs : int
        Channels.
    kernel_bands, kernel_frames : int
    band_stride, stride : int
        Strides over bands and over time.
    band_padding : int
        Bands of zeros on either side.
    groups : int
    """

    def __init__(
        self,
        n_bands: int,
        n_inputs: int,
        n_outputs: int,
        kernel_bands: int = 1,
        kernel_frames: int = 1,
        band_stride: int = 1,
        stride: int = 1,
        band_padding: int = 0,
        groups: int = 1,
    ) -> None:
        super().__init__()
        kernel, strides = (kernel_frames, kernel_bands), (stride, band_stride)
        # A norm follows, or a layer that has a bias.
        self.conv = nn.Conv2d(n_inputs, n_outputs, kernel, strides, (0, band_padding), groups=groups, bias=False)
        self.n_bands = n_bands
        self.n_bands_out = (n_bands + 2 * band_padding - kernel_bands) // band_stride + 1
        self.context_frames = kernel_frames - stride

    def initial_state(self, batch: int) -> Tensor:
        """Return the state of silence, ``(B, C_in * bands, context)``."""
        return self.conv.weight.new_zeros(batch, self.conv.in_channels * self.n_bands, self.context_frames)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map ``(B, T, bands, C_in)`` to ``(B, T_out, bands_out, C_out)`` and the frames that are still needed."""
        if state is None:
            state = self.initial_state(x.shape[0])
        if self.context_frames:
            context = state.unflatten(1, (self.conv.in_channels, self.n_bands)).permute(0, 3, 2, 1)
            x = torch.cat([context, x], dim=1)
        stride = self.conv.stride[0]
        n_outputs = max(0, (x.shape[1] - self.context_frames) // stride)
        new_state = x[:, n_outputs * stride :].permute(0, 3, 2, 1).flatten(1, 2)
        if n_outputs == 0:
            return x.new_zeros(x.shape[0], 0, self.n_bands_out, self.conv.out_channels), new_state
        return self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1), new_state


class SubSpectralNorm(nn.Module):
    """BatchNorm with statistics, scale and shift of its own for each band of each channel.

    References
    ----------
    Chang et al., "SubSpectral Normalization for Neural Audio Data Processing", ICASSP 2021, here with as many
    sub-bands as bands: no axis has to be turned for it, and few bands are left where it is used.
    """

    def __init__(self, n_bands: int, n_channels: int) -> None:
        super().__init__()
        self.n_bands = n_bands
        self.norm = nn.BatchNorm1d(n_bands * n_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, T, bands, C)`` to the same shape."""
        normed: Tensor = self.norm(x.flatten(2).flatten(0, 1))
        return normed.reshape(x.shape)


def norm_channels(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Apply a BatchNorm to the channels of ``(B, T, bands, C)``, over all bands and steps."""
    normed: Tensor = norm(x.flatten(0, 2))
    return normed.reshape(x.shape)
