"""The trained network: front-end compression and streaming model as one."""

import numpy as np
import pytest
import torch

from kws.config import FrontEndConfig, ModelConfig
from kws.models import PRESETS
from kws.spec import ModelSpec
from kws.train.network import Network, network_inputs

PCEN = ModelSpec("m", ("a",), front_end=FrontEndConfig(compression="pcen"), model=PRESETS["small"], step_frames=4)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_gives_one_output_a_step_from_silence(preset: str) -> None:
    spec = ModelSpec("m", ("a", "b"), model=PRESETS[preset], step_frames=4)
    logits, states = Network(spec)(torch.zeros(2, 80, 40))
    assert logits.shape == (2, 20, 2)
    again, _ = Network(spec)(torch.zeros(2, 80, 40), states)
    assert again.shape == logits.shape


def test_pcen_is_trained_and_its_state_is_carried() -> None:
    network = Network(PCEN).eval()
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 16_000)).astype(np.float32)
    inputs = torch.from_numpy(network_inputs(samples, PCEN.front_end))
    whole, _ = network(inputs)
    first, states = network(inputs[:, :40])
    second, _ = network(inputs[:, 40:], states)
    torch.testing.assert_close(torch.cat([first, second], dim=1), whole, atol=1e-5, rtol=0)
    whole.sum().backward()
    assert network.front_end is not None
    assert all(p.grad is not None for p in network.front_end.parameters())


def test_trained_front_end_goes_into_the_spec() -> None:
    network = Network(PCEN)
    assert network.front_end is not None
    with torch.no_grad():
        for parameter in network.front_end.parameters():
            parameter.add_(0.3)
    trained = network.trained_spec(PCEN).front_end.pcen
    assert len(trained.alpha) == 40
    assert trained != PCEN.front_end.pcen
    assert Network(ModelSpec("m", ("a",), model=ModelConfig())).trained_spec(PCEN) is PCEN
