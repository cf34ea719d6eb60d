"""The layers of the contract against PyTorch's own, in values, gradients and names of what is stored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.models.streaming import StreamingConv1d, each_step

SHAPES = {
    "dense": dict(n_inputs=6, n_outputs=4, kernel_frames=5),
    "strided": dict(n_inputs=6, n_outputs=4, kernel_frames=7, stride=3),
    "depthwise, dilated": dict(n_inputs=6, n_outputs=6, kernel_frames=3, dilation=4, groups=6),
    "grouped": dict(n_inputs=6, n_outputs=4, kernel_frames=3, groups=2),
    "pointwise": dict(n_inputs=6, n_outputs=4, kernel_frames=1),
}


def with_gradients(y: Tensor, *of: Tensor) -> list[Tensor]:
    slope = torch.linspace(-1, 1, y.numel()).reshape(y.shape)
    return [y, *torch.autograd.grad((y * slope).sum(), of)]


@pytest.mark.parametrize("name", SHAPES)
def test_convolution_is_conv1d_over_silence_and_the_sequence(name: str) -> None:
    torch.manual_seed(0)
    layer = StreamingConv1d(**SHAPES[name])
    conv, x = layer.conv, torch.randn(3, 24, 6, requires_grad=True)
    have, state = layer(x)
    padded = functional.pad(x.transpose(1, 2), (layer.context_frames, 0))
    want = functional.conv1d(
        padded, conv.weight, conv.bias, conv.stride, dilation=conv.dilation, groups=conv.groups
    ).transpose(1, 2)
    of = (x, conv.weight, conv.bias)
    for left, right in zip(with_gradients(have, *of), with_gradients(want, *of), strict=True):
        torch.testing.assert_close(left, right, atol=1e-5, rtol=1e-5)
    assert torch.equal(state, padded[:, :, padded.shape[2] - layer.context_frames :])
    assert sorted(layer.state_dict()) == ["conv.bias", "conv.weight"]


def test_a_norm_at_each_step_has_the_statistics_of_all_steps() -> None:
    torch.manual_seed(0)
    x = torch.randn(3, 7, 5)
    norm, same = nn.BatchNorm1d(5), nn.BatchNorm1d(5)
    torch.testing.assert_close(each_step(norm, x), same(x.transpose(1, 2)).transpose(1, 2))
    torch.testing.assert_close(norm.running_mean, 0.1 * x.mean(dim=(0, 1)))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * x.var(dim=(0, 1)))


def test_a_stride_that_skips_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="stride 4 skips frames of a kernel that spans 3"):
        StreamingConv1d(1, 1, kernel_frames=3, stride=4)
