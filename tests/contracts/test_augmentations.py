"""Every registered augmentation keeps the same promises."""

import numpy as np
import pytest

from kws.config import ConfigError
from kws.train.augment import AUGMENTATIONS, AugmentationChain

NAMES = sorted(AUGMENTATIONS)
RIRS = [np.array([0.0, 1.0, 0.5, 0.25], np.float32)]


def example(name: str) -> np.ndarray:
    rng = np.random.default_rng(0)
    shape = (60, 40) if AUGMENTATIONS[name].stage == "features" else (4000,)
    return (0.1 * rng.standard_normal(shape)).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_same_seed_same_output_and_the_input_is_left_alone(name: str) -> None:
    x = example(name)
    before = x.copy()
    member = AUGMENTATIONS[name](probability=1.0)
    first = member(x, np.random.default_rng(3), RIRS)
    again = member(x, np.random.default_rng(3), RIRS)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", NAMES)
def test_probability_one_changes_and_zero_does_not(name: str) -> None:
    x = example(name)
    assert AUGMENTATIONS[name](probability=0.0)(x, np.random.default_rng(1), RIRS) is x
    changed = [AUGMENTATIONS[name](probability=1.0)(x, np.random.default_rng(seed), RIRS) for seed in range(5)]
    assert any(y.shape != x.shape or not np.array_equal(y, x) for y in changed)


@pytest.mark.parametrize("name", NAMES)
def test_dtype_and_axes_are_kept(name: str) -> None:
    x = example(name)
    for seed in range(10):
        y = AUGMENTATIONS[name](probability=1.0)(x, np.random.default_rng(seed), RIRS)
        assert y.dtype == np.float32
        assert y.ndim == x.ndim
        assert np.isfinite(y).all()
        if AUGMENTATIONS[name].stage != "clip":
            assert y.shape == x.shape


@pytest.mark.parametrize("name", NAMES)
def test_silence_and_a_single_sample_are_safe(name: str) -> None:
    member = AUGMENTATIONS[name](probability=1.0)
    is_features = AUGMENTATIONS[name].stage == "features"
    for shape in ((1, 40), (0, 40), (8, 40)) if is_features else ((1,), (0,), (2,), (800,)):
        for seed in range(5):
            y = member(np.zeros(shape, np.float32), np.random.default_rng(seed), RIRS)
            assert np.isfinite(y).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_probability_out_of_range_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="probability"):
        AugmentationChain.from_dict({name: {"probability": 1.5}})


def test_an_unknown_name_or_key_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="'reverb'"):
        AugmentationChain.from_dict({"reverbb": {}})
    with pytest.raises(ConfigError, match="'minimum'"):
        AugmentationChain.from_dict({"speed": {"minimun": 0.9}})


def test_a_stage_applies_its_own_members_only() -> None:
    chain = AugmentationChain.from_dict({"gain": {"probability": 1.0}, "speed": {"probability": 1.0}})
    x = example("gain")
    assert chain.apply("features", x, np.random.default_rng(0)) is x
    assert chain.apply("stream", x, np.random.default_rng(0)).shape == x.shape
