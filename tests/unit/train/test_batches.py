"""Training batches: made from the seed and their number alone, features as the live front-end makes them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from kws.config import FrontEndConfig
from kws.errors import ConfigError
from kws.features import clip_features
from kws.features.torch_front_end import TorchFrontEnd
from kws.spec import ModelSpec
from kws.train.augment import AugmentationChain
from kws.train.batches import BatchMaker, Share, batches
from kws.train.network import network_inputs
from kws.train.recipe import TrainingConfig
from tests.unit.train.sources import NoiseSource

SPEC = ModelSpec("m", ("a", "b"), step_frames=4)
TRAINING = TrainingConfig(steps=6, batch_size=5)
CHAIN = {"gain": {"probability": 1.0}, "band_warp": {"probability": 1.0}, "spec_augment": {"probability": 1.0}}


def maker(first: int = 0, seed: int = 3, augment: dict | None = None, spec: ModelSpec = SPEC) -> BatchMaker:
    chain = AugmentationChain.from_dict(CHAIN if augment is None else augment)
    return BatchMaker(NoiseSource(20_000), chain, spec, TRAINING, seed, first)


def test_batches_are_the_same_whatever_the_number_of_workers() -> None:
    alone = list(batches(maker(), workers=0))
    assert len(alone) == TRAINING.steps
    for workers in (1, 2):
        others = list(batches(maker(), workers))
        for one, other in zip(alone, others, strict=True):
            for field in dataclasses.fields(one):
                assert torch.equal(getattr(one, field.name), getattr(other, field.name)), (workers, field.name)


def test_a_later_start_goes_on_with_the_same_batches_and_another_seed_does_not() -> None:
    whole, late = list(batches(maker(), 0)), list(batches(maker(first=4), 0))
    assert [torch.equal(a.inputs, b.inputs) for a, b in zip(whole[4:], late, strict=True)] == [True, True]
    assert not torch.equal(whole[0].inputs, next(batches(maker(seed=4), 0)).inputs)
    assert not torch.equal(whole[0].inputs, whole[1].inputs)


def test_inputs_are_the_features_of_the_streams() -> None:
    batch = maker(augment={})[0]
    rng = np.random.default_rng([3, 0])
    streams = [NoiseSource(20_000).stream(rng) for _ in range(5)]
    # 20 000 samples hold 31 steps of 640; the rest is left out.
    expected = clip_features(np.stack([s.samples[:19_840] for s in streams]), SPEC.front_end)
    np.testing.assert_allclose(batch.inputs.numpy(), expected, atol=1e-4)
    assert batch.windows.shape == batch.labels.shape == (5, 31, 2)
    # The word of NoiseSource ends at sample 8000: step 12 is the one in which it does.
    assert batch.labels[:, 12, 0].tolist() == [1.0] * 5
    assert not batch.labels[:, :12, 0].any() and not batch.labels[..., 1].any()


@pytest.mark.parametrize("shape", [(1, 960_000), (3, 64_000), (7, 700), (2, 100), (0, 16_000)])
def test_inputs_do_not_depend_on_how_many_are_computed_at_once(shape: tuple[int, int]) -> None:
    samples = 0.1 * np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    inputs = network_inputs(samples, FrontEndConfig())
    assert inputs.shape == (shape[0], shape[1] // 160, 40)
    for row, alone in zip(inputs, samples, strict=True):
        np.testing.assert_allclose(row, clip_features(alone, FrontEndConfig()), atol=1e-4)


def test_pcen_gets_the_energies_before_compression() -> None:
    config = FrontEndConfig(compression="pcen")
    samples = 0.1 * np.random.default_rng(0).standard_normal((2, 8000)).astype(np.float32)
    energies = torch.from_numpy(network_inputs(samples, config))
    features, _ = TorchFrontEnd(config).compress(energies)
    np.testing.assert_allclose(features.detach().numpy(), clip_features(samples, config), atol=2e-3)


def test_real_streams_do_not_depend_on_workers(tmp_path: Path) -> None:
    from data_tools.synthesize import StreamSynthesizer, SynthesisConfig
    from kws.train.batches import clip_hook

    rng = np.random.default_rng(0)
    clips = [(3000 * rng.standard_normal(n)).astype(np.int16) for n in (5000, 9000, 12_000)]
    names = ("speed", "reverb", "equalise", "time_shift", "gain", "microphone_noise", "band_warp", "spec_augment")
    chain = AugmentationChain.from_dict({name: {"probability": 0.7} for name in names})
    source = StreamSynthesizer(
        {"a": clips}, clips, [clips[2]], [clips[1]], SynthesisConfig(duration_s=2.0), clip_transform=clip_hook(chain)
    )
    made = [list(batches(BatchMaker(source, chain, SPEC, TRAINING, 1), workers)) for workers in (0, 2)]
    for one, other in zip(*made, strict=True):
        assert torch.equal(one.inputs, other.inputs)


def test_shares_of_several_processes_are_all_batches_of_a_run_once() -> None:
    training = TrainingConfig(steps=5, batch_size=24, accumulate_batches=3)
    shares = [Share(training, 2, process, 4) for process in range(4)]
    assert [len(share) for share in shares] == [9] * 4
    assert {share.n_streams for share in shares} == {2}
    numbers = sorted(share.number(index) for share in shares for index in range(9))
    # Steps 2, 3 and 4 of 12 batches each.
    assert numbers == list(range(24, 60))
    assert Share(training, 4, 1, 4).number(0) == shares[1].number(6)


def test_streams_that_cannot_be_shared_evenly() -> None:
    with pytest.raises(ConfigError, match=r"batch_size is 24; accepted with 5 processes .* multiples of 10"):
        Share(TrainingConfig(batch_size=24, accumulate_batches=2), 0, 0, 5)
    with pytest.raises(ConfigError, match=r"accumulate_batches is 5; accepted are divisors of training.batch_size, 24"):
        TrainingConfig(batch_size=24, accumulate_batches=5)


def test_parts_of_a_step_are_smaller_batches_of_their_own() -> None:
    training = TrainingConfig(steps=2, batch_size=6, accumulate_batches=3)
    chain = AugmentationChain.from_dict({})
    parts = list(batches(BatchMaker(NoiseSource(8000), chain, SPEC, training, 3), 0))
    assert [len(part.inputs) for part in parts] == [2] * 6
    later = list(batches(BatchMaker(NoiseSource(8000), chain, SPEC, training, 3, first=1), 0))
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(parts[3:], later, strict=True))
