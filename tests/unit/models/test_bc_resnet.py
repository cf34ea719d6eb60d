"""``bc_resnet`` against the formulas of its papers, written with PyTorch's plain layers in their own axis order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from kws.config import ModelConfig
from kws.errors import ConfigError
from kws.models import PRESETS, build_model
from kws.models.bands import StreamingConv2d, SubSpectralNorm, norm_channels
from kws.models.bc_resnet import BcResNet, BcResNetSettings, _Block
from kws.models.streaming import members


def trained_norms(module: nn.Module) -> None:
    for norm in (m for m in module.modules() if isinstance(m, nn.BatchNorm1d)):
        for values in (norm.running_mean, norm.bias):
            nn.init.uniform_(values, -0.5, 0.5)
        for values in (norm.running_var, norm.weight):
            nn.init.uniform_(values, 0.5, 1.5)


def batch_norm(norm: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Normalise axis 1 of ``(B, C, ...)`` by the formula."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    shape = (1, -1) + (1,) * (x.ndim - 2)
    mean, variance, weight, bias = (
        v.reshape(shape) for v in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    return (x - mean) / torch.sqrt(variance + norm.eps) * weight + bias


def paper_block(block: _Block, x: Tensor) -> Tensor:
    """Compute ``y = x + f2(x) + f1(mean(f2(x)))`` on ``(B, C, bands, T)`` from the block's weights."""

    def over_bands(layer: StreamingConv2d, y: Tensor, padding: int) -> Tensor:
        conv = layer.conv
        stride = (conv.stride[1], 1)
        return functional.conv2d(y, conv.weight.transpose(2, 3), None, stride, (padding, 0), 1, conv.groups)

    y = over_bands(block.bands, x, 1)
    if block.is_transition:
        y = over_bands(block.mix, batch_norm(block.bands_norm, y).relu(), 0)
    batch, channels, n_bands, steps = y.shape
    # The norm holds band after band, each with all channels.
    y = batch_norm(block.norm.norm, y.transpose(1, 2).reshape(batch, n_bands * channels, steps))
    y = y.reshape(batch, n_bands, channels, steps).transpose(1, 2)
    time, pointwise = block.time.conv, block.pointwise.conv
    z = functional.pad(y.mean(dim=2), (block.time.context_frames, 0))
    z = functional.conv1d(z, time.weight, time.bias, dilation=time.dilation, groups=channels)
    z = functional.conv1d(batch_norm(block.time_norm, z).relu(), pointwise.weight, pointwise.bias)
    y = y + z.unsqueeze(2)
    return (y if block.is_transition else x + y).relu()


@pytest.mark.parametrize(("n_outputs", "band_stride"), [(6, 1), (6, 2), (9, 1), (9, 2)])
@pytest.mark.parametrize("n_bands", [1, 5, 6])
def test_block_is_the_papers(n_outputs: int, band_stride: int, n_bands: int) -> None:
    torch.manual_seed(0)
    block = _Block(n_bands, 6, n_outputs, band_stride, 3, 2, 0.1).eval()
    trained_norms(block)
    assert block.is_transition is ((n_outputs, band_stride) != (6, 1))
    x = torch.randn(2, 11, n_bands, 6)
    with torch.inference_mode():
        have, _ = block(x, block.time.initial_state(2))
        want = paper_block(block, x.permute(0, 3, 2, 1))
    torch.testing.assert_close(have.permute(0, 3, 2, 1), want, atol=1e-5, rtol=1e-5)


def test_stem_is_a_convolution_over_bands_and_the_past() -> None:
    torch.manual_seed(0)
    stem = StreamingConv2d(10, 1, 4, 5, 7, band_stride=4, stride=3, band_padding=2)
    x = torch.randn(2, 12, 10)
    y, state = stem(x.unsqueeze(3))
    # 10 bands, every fourth of them; the state is what a kernel of 7 needs besides the 3 new frames.
    assert y.shape == (2, 4, 3, 4)
    image = functional.pad(x.transpose(1, 2), (4, 0))
    want = functional.conv2d(image[:, None], stem.conv.weight.transpose(2, 3), None, (4, 3), (2, 0))
    torch.testing.assert_close(y.permute(0, 3, 2, 1), want, atol=1e-5, rtol=1e-5)
    assert torch.equal(state, image[:, :, -4:])


def test_state_of_several_channels_goes_on_where_it_ended() -> None:
    torch.manual_seed(0)
    layer = StreamingConv2d(5, 3, 2, 3, 4, band_padding=1)
    x = torch.randn(2, 9, 5, 3)
    whole, end = layer(x)
    first, state = layer(x[:, :4])
    second, state = layer(x[:, 4:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-6, rtol=1e-5)
    assert state.shape == layer.initial_state(2).shape == (2, 15, 3)
    assert torch.equal(state, end)


def test_sub_spectral_norm_has_statistics_for_each_band_of_each_channel() -> None:
    torch.manual_seed(0)
    x = torch.randn(4, 7, 3, 5) * (0.5 + torch.rand(3, 5)) + torch.randn(3, 5)
    y = SubSpectralNorm(3, 5)(x)
    torch.testing.assert_close(y.mean(dim=(0, 1)), torch.zeros(3, 5), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(dim=(0, 1), unbiased=False), torch.ones(3, 5), atol=1e-3, rtol=0)
    # The plain norm mixes the bands.
    plain = norm_channels(nn.BatchNorm1d(5), x)
    torch.testing.assert_close(plain.mean(dim=(0, 1, 2)), torch.zeros(5), atol=1e-5, rtol=0)
    assert plain.mean(dim=(0, 1)).abs().max() > 0.1


def test_sizes_by_hand() -> None:
    settings = BcResNetSettings(
        stem_kernel_bands=3, stem_kernel_frames=5, stem_band_stride=2, stride=2, channels=(4, 6), blocks=(1, 1),
        band_strides=(1, 2), dilations=(1, 2), kernel_steps=3, head_kernel_steps=2, n_head=7,
    )  # fmt: skip
    network = BcResNet(8, 1, settings).eval()
    # Bands 8 -> 4 in the stem -> 2 in the second stage.
    stem = 3 * 5 * 4 + 2 * 4
    normal = 3 * 4 + 2 * 4 * 4 + (3 * 4 + 4) + 2 * 4 + (4 * 4 + 4)
    transition = 3 * 4 + 2 * 4 + 4 * 6 + 2 * 2 * 6 + (3 * 6 + 6) + 2 * 6 + (6 * 6 + 6)
    head = 2 * 6 + (2 * 6 + 6) + (6 * 7 + 7) + 2 * 7 + (7 + 1)
    assert network.n_parameters == stem + normal + transition + head
    graph = network.to_graph()
    # Each kernel at each band it stands on, the norm of sub-bands once a value, means and sums for nothing.
    normal_macs = 4 * 3 * 4 + 4 * 4 + 3 * 4 + 4 * 4
    transition_macs = 2 * 3 * 4 + 2 * 4 * 6 + 2 * 6 + 3 * 6 + 6 * 6
    assert graph.macs_per_step == 4 * 60 + normal_macs + transition_macs + 2 * 6 + 2 * 6 + 6 * 7 + 7
    # 5 frames, then steps of 2: two of the first block, 2 * 2 of the second, one of the head.
    assert network.receptive_field_frames == 5 + 2 * (2 + 4 + 1)


def test_stages_and_bands_of_the_presets() -> None:
    for name, bands in {"bc": [10, 5, 3], "bc_teacher": [20, 10, 5, 5]}.items():
        network = build_model(PRESETS[name], 40, 1)
        assert isinstance(network, BcResNet)
        blocks = members(network.blocks, _Block)
        assert list(dict.fromkeys((b.n_bands, b.pointwise.conv.in_channels) for b in blocks)) == list(
            zip(bands, PRESETS[name].settings["channels"], strict=True)
        )
        # Long enough for a word of 1.5 s.
        assert network.receptive_field_frames >= 150


@pytest.mark.parametrize(
    "settings",
    [
        dict(stem_kernel_frames=4, stride=4),
        dict(stem_kernel_bands=1, stem_band_stride=1),
        dict(head_kernel_steps=1),
        dict(stem_kernel_frames=4, stride=4, head_kernel_steps=1),
    ],
    ids=str,
)
def test_without_context_there_is_no_state(settings: dict[str, int]) -> None:
    torch.manual_seed(0)
    network = build_model(ModelConfig("bc_resnet", settings), 9, 1).eval()
    x = torch.randn(2, 24, 9)
    n_blocks = sum(BcResNetSettings().blocks)
    has_stem, has_head = settings.get("stem_kernel_frames") != 4, settings.get("head_kernel_steps") != 1
    assert len(network.initial_state(2)) == n_blocks + has_stem + has_head == len(network.to_graph().states)
    with torch.inference_mode():
        whole, end = network(x)
        first, state = network(x[:, :8])
        second, state = network(x[:, 8:], state)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-5, rtol=0)
    assert [s.shape for s in state] == [s.shape for s in end]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(stem_kernel_bands=4), r"stem_kernel_bands is 4; accepted are odd numbers"),
        (dict(channels=[]), r"channels is empty; accepted is at least one stage"),
        (dict(blocks=[2, 2]), r"blocks has 2 stages; accepted are 3, as channels has"),
        (dict(dilations=[1, 2, 3, 4]), r"dilations has 4 stages; accepted are 3, as channels has"),
        (dict(band_strides=[1, 2, 4]), r"band_strides is 4; accepted are numbers from 1 to 3"),
        (dict(channels=[8, 8, 0]), r"channels is 0; accepted are numbers from 1 to 4096"),
        (dict(stem_band_stride=6), r"stem_band_stride is 6; accepted are numbers from 1 to 5"),
        (dict(stride=12), r"stride is 12; accepted are numbers from 1 to 11"),
        (dict(dropout=1.0), r"dropout is 1\.0; accepted are numbers from 0 to 0\.95"),
    ],
    ids=str,
)
def test_bad_settings_are_named(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^model\.settings\.{message}$"):
        build_model(ModelConfig("bc_resnet", settings), 40, 1)
