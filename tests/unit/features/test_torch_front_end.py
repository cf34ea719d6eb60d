"""The torch executor: the same numbers as numpy and the reference, state, gradients, trained values."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from kws.config import PCEN_LIMITS, FrontEndConfig, PcenConfig, from_dict, to_dict
from kws.errors import KwsError
from kws.features import clip_features
from kws.features.torch_front_end import TorchFrontEnd

LOG = FrontEndConfig()
PCEN = FrontEndConfig(compression="pcen")
CONFIGS = {"log": LOG, "pcen": PCEN}


def run(config: FrontEndConfig, samples: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return TorchFrontEnd(config)(torch.from_numpy(np.atleast_2d(samples)))[0].numpy()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("name", CONFIGS)
def test_matches_reference_and_numpy_on_hard_signals(reference, signals, gate: float, name: str) -> None:
    for signal_name, samples in signals.items():
        features = run(CONFIGS[name], samples)[0]
        expected = reference.reference_features(samples, CONFIGS[name])
        np.testing.assert_allclose(features, expected, atol=gate, err_msg=signal_name)
        np.testing.assert_allclose(features, clip_features(samples, CONFIGS[name]), atol=gate, err_msg=signal_name)


@pytest.mark.parametrize("name", ["log", "pcen", "classic", "per_band"])
def test_matches_the_golden_vectors(reference, golden, gate: float, name: str) -> None:
    samples = golden["pcm16"].astype(np.float32) / np.float32(32768.0)
    features = run(reference.CONFIGS[name], samples)[0]
    np.testing.assert_allclose(features[:: reference.STORED_EVERY[name]], golden[name], atol=gate)


@pytest.mark.parametrize("name", ["log", "pcen", "classic", "per_band"])
def test_silence_is_exactly_zero(reference, name: str) -> None:
    assert not run(reference.CONFIGS[name], np.zeros((3, 7000), np.float32)).any()


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize("sizes", [(1, 0, 159, 160, 3680), (4000,), (0, 0, 4000), (37,) * 109, (2000, 2000)])
def test_chunks_with_state_equal_the_whole(config: FrontEndConfig, sizes: tuple[int, ...]) -> None:
    samples = torch.from_numpy(noise(2, sum(sizes)))
    front_end = TorchFrontEnd(config)
    whole, whole_state = front_end(samples)
    state, parts = None, []
    for chunk in samples.split(sizes, dim=1):
        features, state = front_end(chunk, state)
        parts.append(features)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=0)
    for one, other in zip(state, whole_state, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_pcen_state_carries_between_calls_of_compress() -> None:
    front_end = TorchFrontEnd(PCEN)
    energies = front_end.band_energies(torch.from_numpy(noise(2, 16_000)))
    whole, _ = front_end.compress(energies)
    head, state = front_end.compress(energies[:, :45])
    tail, _ = front_end.compress(energies[:, 45:], state)
    torch.testing.assert_close(torch.cat((head, tail), dim=1), whole, atol=1e-5, rtol=0)
    fresh, _ = front_end.compress(energies[:, 45:])
    assert (fresh - tail).abs().max() > 0.1


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_energies_then_compress_is_forward(config: FrontEndConfig) -> None:
    front_end, samples = TorchFrontEnd(config), torch.from_numpy(noise(2, 5000))
    features, _ = front_end.compress(front_end.band_energies(samples))
    torch.testing.assert_close(features, front_end(samples)[0], atol=0, rtol=0)


def test_gradients_reach_every_pcen_parameter_and_are_finite() -> None:
    front_end = TorchFrontEnd(PCEN)
    half_silent = torch.from_numpy(noise(2, 8000))
    half_silent[:, :4000] = 0.0
    front_end(half_silent)[0].square().mean().backward()
    gradients = {name: p.grad for name, p in front_end.named_parameters()}
    assert sorted(gradients) == [f"pcen.{name}_distance" for name in sorted(PCEN_LIMITS)]
    assert all(g.isfinite().all() and (g != 0.0).all() for g in gradients.values())


def test_gradients_are_finite_at_the_limits(reference, golden) -> None:
    # per_band holds a delta of 0, an alpha, a root and a smoothing of 1; the signal starts silent.
    front_end = TorchFrontEnd(reference.CONFIGS["per_band"])
    samples = torch.from_numpy(golden["pcm16"].astype(np.float32) / np.float32(32768.0))[None]
    front_end(samples)[0].sum().backward()
    assert all(p.grad.isfinite().all() for p in front_end.parameters())


def test_log_has_nothing_to_train() -> None:
    assert list(TorchFrontEnd(LOG).parameters()) == []
    assert TorchFrontEnd(LOG).to_config() is LOG


@pytest.mark.parametrize("name", ["pcen", "per_band"])
def test_initial_values_are_exact(reference, name: str) -> None:
    config = reference.CONFIGS[name]
    trained = TorchFrontEnd(config).to_config()
    for parameter in PCEN_LIMITS:
        start = np.broadcast_to(np.float32(getattr(config.pcen, parameter)), config.n_bands)
        np.testing.assert_array_equal(np.float32(getattr(trained.pcen, parameter)), start)


def test_training_moves_the_config_and_numpy_follows(gate: float) -> None:
    front_end, samples = TorchFrontEnd(PCEN), noise(2, 16_000)
    optimiser = torch.optim.Adam(front_end.parameters(), lr=0.05)
    for _ in range(5):
        optimiser.zero_grad()
        (front_end(torch.from_numpy(samples))[0] - 1.0).square().mean().backward()
        optimiser.step()
    trained = front_end.to_config()
    assert trained != PCEN and len(trained.pcen.alpha) == PCEN.n_bands
    assert dataclasses.replace(trained, pcen=PCEN.pcen) == PCEN
    # Through JSON-like plain values, as a model file would hold it.
    restored = from_dict(FrontEndConfig, to_dict(trained))
    expected = front_end(torch.from_numpy(samples))[0].detach().numpy()
    np.testing.assert_allclose(clip_features(samples, restored), expected, atol=gate)
    np.testing.assert_allclose(run(restored, samples), expected, atol=gate)


def test_values_stay_in_range_however_far_training_goes() -> None:
    for distance in (-1e3, -30.0, 30.0, 1e3):
        front_end = TorchFrontEnd(PCEN)
        with torch.no_grad():
            for parameter in front_end.parameters():
                parameter.fill_(distance)
        front_end.to_config().pcen.check(PCEN.n_bands)
        assert np.isfinite(front_end(torch.from_numpy(noise(1, 3000)))[0].detach().numpy()).all()


def test_state_dict_brings_trained_values_to_any_start() -> None:
    front_end = TorchFrontEnd(PCEN)
    with torch.no_grad():
        for parameter in front_end.parameters():
            parameter.add_(0.3)
    other = TorchFrontEnd(dataclasses.replace(PCEN, pcen=PcenConfig(alpha=(0.5,), delta=(1.0,))))
    other.load_state_dict(front_end.state_dict())
    assert other.to_config() == front_end.to_config()


def test_half_precision_around_it_changes_nothing() -> None:
    front_end, samples = TorchFrontEnd(PCEN), torch.from_numpy(noise(2, 4000))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = front_end(samples)[0]
    assert inside.dtype == torch.float32
    torch.testing.assert_close(inside, front_end(samples)[0], atol=0, rtol=0)


@pytest.mark.parametrize("n_samples", [0, 1, 159])
@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_less_than_a_hop_gives_no_frame(config: FrontEndConfig, n_samples: int) -> None:
    features, _ = TorchFrontEnd(config)(torch.zeros(2, n_samples))
    assert features.shape == (2, 0, 40)


@pytest.mark.parametrize(
    ("samples", "state"),
    [
        (torch.zeros(160), None),
        (torch.zeros(2, 160, dtype=torch.int16), None),
        (torch.zeros(2, 160), []),
        (torch.zeros(2, 160), [torch.zeros(1, 320), torch.zeros(1, 40)]),
        (torch.zeros(2, 160), [torch.zeros(2, 320)]),
    ],
)
def test_wrong_shapes_are_errors_that_say_what_is_accepted(samples, state) -> None:
    with pytest.raises(KwsError, match="accepted are"):
        TorchFrontEnd(PCEN)(samples, state)
