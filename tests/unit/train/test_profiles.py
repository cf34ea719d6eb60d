"""What each gear makes of a recipe."""

import dataclasses

import pytest

from kws.errors import ConfigError
from kws.train import profiles
from kws.train.data_config import DataConfig
from kws.train.observers import OBSERVERS
from kws.train.profiles import PROFILES, apply_profile, cores_of_a_process, profile_observers
from kws.train.recipe import CacheConfig, Recipe, TrainingConfig

DATA = DataConfig(root=".", keywords={"a": ("a",)}, negatives=("n",), noise=("z",))


def recipe(**training: object) -> Recipe:
    return Recipe(name="m", data=DATA, training=TrainingConfig(**training))


def changed(before: Recipe, after: Recipe) -> dict[str, object]:
    assert dataclasses.replace(after, training=before.training) == before
    names = [field.name for field in dataclasses.fields(TrainingConfig)]
    values = {name: (getattr(before.training, name), getattr(after.training, name)) for name in names}
    return {name: new for name, (old, new) in values.items() if old != new}


def test_no_profile_leaves_the_recipe_as_it_is() -> None:
    assert apply_profile(recipe(), None) is not None
    assert apply_profile(recipe(batch_size=10), None) == recipe(batch_size=10)
    assert profile_observers(None) == ()


def test_low_gear() -> None:
    assert changed(recipe(), apply_profile(recipe(), "low")) == {
        "cache": CacheConfig(16_384),
        "accumulate_batches": 2,
        "validate_every": 250,
    }
    assert apply_profile(recipe(workers=8), "low").training.workers == 2
    assert apply_profile(recipe(workers=0, validate_every=100), "low").training.workers == 0
    assert apply_profile(recipe(validate_every=100), "low").training.validate_every == 100
    assert apply_profile(recipe(accumulate_batches=8), "low").training.accumulate_batches == 8


@pytest.mark.parametrize(
    ("batch_size", "parts"), [(64, 2), (32, 1), (33, 3), (37, 37), (100, 4), (96, 3), (2, 1), (256, 8), (62, 2)]
)
def test_low_gear_divides_a_step_into_equal_parts_of_at_most_32_streams(batch_size: int, parts: int) -> None:
    assert apply_profile(recipe(batch_size=batch_size), "low").training.accumulate_batches == parts


def test_low_gear_keeps_the_pool_of_the_recipe() -> None:
    own = CacheConfig(3000, "/fast/disk")
    assert apply_profile(recipe(cache=own), "low").training.cache == own
    elsewhere = CacheConfig(0, "/fast/disk")
    assert apply_profile(recipe(cache=elsewhere), "low").training.cache == CacheConfig(16_384, "/fast/disk")


def test_high_gear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles, "cores_of_a_process", lambda: 12)
    slow = recipe(cache=CacheConfig(100, "/d"), accumulate_batches=4)
    assert changed(slow, apply_profile(slow, "high")) == {
        "cache": CacheConfig(0, "/d"),
        "accumulate_batches": 1,
        "batch_size": 256,
        "learning_rate": pytest.approx(2 * 2e-3),
        "workers": 11,
    }
    monkeypatch.setattr(profiles, "cores_of_a_process", lambda: 1)
    assert apply_profile(recipe(), "high").training.workers == 1
    monkeypatch.setattr(profiles, "cores_of_a_process", lambda: 500)
    assert apply_profile(recipe(), "high").training.workers == 64


def test_high_gear_stays_within_what_a_recipe_may_say() -> None:
    training = apply_profile(recipe(batch_size=65_536, learning_rate=0.9), "high").training
    assert (training.batch_size, training.learning_rate) == (65_536, 0.9)
    assert apply_profile(recipe(learning_rate=0.9), "high").training.learning_rate == 1.0


def test_processes_on_one_computer_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiles.os, "sched_getaffinity", lambda process: set(range(12)), raising=False)
    assert cores_of_a_process() == 12
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "5")
    assert cores_of_a_process() == 2
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "20")
    assert cores_of_a_process() == 1


def test_every_observer_of_a_profile_is_registered() -> None:
    assert {name for profile in PROFILES for name in profile_observers(profile)} <= set(OBSERVERS)


def test_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"profile is 'hihg' \(did you mean 'high'\?\); accepted are: high, low"):
        apply_profile(recipe(), "hihg")
