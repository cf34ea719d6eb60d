"""The pool of ready streams: what it holds, how it is made, gone on with and shared, and batches drawn from it."""

import dataclasses
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kws.config import FrontEndConfig, PcenConfig
from kws.errors import ConfigError, DataError
from kws.spec import ModelSpec
from kws.train import feature_pool
from kws.train.augment import AugmentationChain
from kws.train.batches import ExampleMaker, batches
from kws.train.data_config import DataConfig
from kws.train.feature_cache import CachedBatches, open_batches, pool_name
from kws.train.feature_pool import BLOCK_STREAMS, FeaturePool, PoolMaker, decode, encode
from kws.train.recipe import CacheConfig, LossConfig, Recipe, TrainingConfig
from tests.unit.train.sources import NoiseSource

SPEC = ModelSpec("m", ("a", "b"), step_frames=4)
PCEN_SPEC = dataclasses.replace(SPEC, front_end=FrontEndConfig(compression="pcen"))
STREAMS = 2 * BLOCK_STREAMS + 10
DATA = DataConfig(root=".", keywords={"a": ("a",), "b": ("b",)}, negatives=("n",), noise=("z",))


def recipe(**training: object) -> Recipe:
    values = {"steps": 4, "batch_size": 6, "workers": 0, "cache": CacheConfig(STREAMS), **training}
    return Recipe(name="m", data=DATA, training=TrainingConfig(**values), seed=7)


def chain(**settings: dict) -> AugmentationChain:
    return AugmentationChain.from_dict(settings)


def examples(spec: ModelSpec = SPEC, source: NoiseSource | None = None) -> ExampleMaker:
    return ExampleMaker(source or NoiseSource(12_000), chain(), spec, LossConfig())


def maker(spec: ModelSpec = SPEC, workers: int = 0, n_streams: int = STREAMS, **kwargs: object) -> PoolMaker:
    is_energy = spec.front_end.compression == "pcen"
    return PoolMaker(examples(spec, **kwargs), is_energy, 7, n_streams, workers)


def block(number: int, spec: ModelSpec = SPEC, n_streams: int = BLOCK_STREAMS) -> feature_pool.Examples:
    return examples(spec).make(n_streams, np.random.default_rng([7, number, 1]))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


# What is stored


@given(st.floats(0.0, 24.0, width=32))
def test_features_keep_eleven_bits(value: float) -> None:
    stored = float(decode(encode(np.array([value], np.float32), False), False)[0])
    assert abs(stored - value) <= max(value * 2.0**-11, 2.0**-25)
    assert abs(stored - value) <= 0.0079


@given(st.floats(-11.0, 2.0))
def test_energies_keep_their_ratio_over_thirteen_decades(decade: float) -> None:
    energy = np.array([10.0**decade], np.float32)
    ratio = float(decode(encode(energy, True), True)[0] / energy[0])
    assert abs(ratio - 1.0) <= 0.008


@pytest.mark.parametrize("is_energy", [False, True])
def test_silence_stays_exactly_silent(is_energy: bool) -> None:
    assert not decode(encode(np.zeros((2, 3), np.float32), is_energy), is_energy).any()


@pytest.mark.parametrize("spec", [SPEC, PCEN_SPEC], ids=["log", "pcen"])
def test_the_pool_is_what_would_be_made(tmp_path: Path, spec: ModelSpec) -> None:
    pool = maker(spec).open(tmp_path / "pool")
    assert len(pool) == STREAMS
    found = pool.read(np.array([0, 5, 64, 137]))
    made = [block(0, spec), block(1, spec), block(2, spec, 10)]
    expected = [(made[0], 0), (made[0], 5), (made[1], 0), (made[2], 9)]
    for row, (origin, index) in enumerate(expected):
        np.testing.assert_allclose(found.inputs[row], origin.inputs[index], atol=0.0079, rtol=0.008)
        np.testing.assert_array_equal(found.windows[row], origin.windows[index])
        np.testing.assert_array_equal(found.labels[row], origin.labels[index])
    assert (found.inputs.dtype, found.windows.dtype, found.labels.dtype) == (np.float32, np.int8, np.float32)


def test_size_is_half_precision_and_small_targets(tmp_path: Path) -> None:
    maker().open(tmp_path / "pool")
    # 18 steps of 4 frames of 40 bands, and two marks a step and keyword.
    assert (tmp_path / "pool" / "streams.bin").stat().st_size == STREAMS * (72 * 40 * 2 + 2 * 18 * 2)


# How it is made


def test_workers_do_not_matter_and_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    maker().open(tmp_path / "alone", lambda done, total: told.append((done, total)))
    maker(workers=2).open(tmp_path / "two")
    assert (tmp_path / "alone" / "streams.bin").read_bytes() == (tmp_path / "two" / "streams.bin").read_bytes()
    assert told == [(64, STREAMS), (128, STREAMS), (STREAMS, STREAMS)]
    assert files(tmp_path / "alone") == ["pool.json", "streams.bin"]


def test_a_pool_is_made_once(tmp_path: Path) -> None:
    maker().open(tmp_path / "pool")
    told: list[object] = []
    maker().open(tmp_path / "pool", lambda *progress: told.append(progress))
    assert told == []


class Killed(BaseException):
    """Ends the making of a pool wherever it is."""


def kill_at(streams: int):  # noqa: ANN201
    def on_progress(done: int, total: int) -> None:
        if done == streams:
            raise Killed

    return on_progress


@pytest.mark.parametrize("save_every", [1, 2])
def test_a_killed_pool_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_every: int) -> None:
    monkeypatch.setattr(feature_pool, "_BLOCKS_A_SAVE", save_every)
    whole = maker(n_streams=5 * BLOCK_STREAMS).open(tmp_path / "whole")
    with pytest.raises(Killed):
        maker(n_streams=5 * BLOCK_STREAMS).open(tmp_path / "pool", kill_at(3 * BLOCK_STREAMS))
    assert not (tmp_path / "pool").exists()
    # What a kill leaves of a write that was under way.
    with (tmp_path / "pool.partial" / "streams.bin").open("ab") as file:
        file.write(b"torn")
    told: list[int] = []
    again = maker(n_streams=5 * BLOCK_STREAMS).open(tmp_path / "pool", lambda done, total: told.append(done))
    # Saved after block 3, or only after block 2.
    assert told[0] == (4 if save_every == 1 else 3) * BLOCK_STREAMS
    assert (tmp_path / "pool" / "streams.bin").read_bytes() == (tmp_path / "whole" / "streams.bin").read_bytes()
    assert len(again) == len(whole)
    assert not (tmp_path / "pool.partial").exists()


@dataclasses.dataclass(frozen=True)
class LouderSource(NoiseSource):
    """The same fingerprint, another sound: what a change of the program is."""

    def stream(self, rng: np.random.Generator):  # noqa: ANN201
        stream = super().stream(rng)
        return dataclasses.replace(stream, samples=2 * stream.samples)


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_pool_of_another_program_is_made_anew(tmp_path: Path, is_finished: bool) -> None:
    on_progress = None if is_finished else kill_at(STREAMS)
    try:
        maker().open(tmp_path / "pool", on_progress)
    except Killed:
        assert (tmp_path / "pool.partial").exists()
    pool = maker(source=LouderSource(12_000)).open(tmp_path / "pool")
    expected = examples(source=LouderSource(12_000)).make(BLOCK_STREAMS, np.random.default_rng([7, 1, 1]))
    np.testing.assert_allclose(pool.read(np.array([64])).inputs[0], expected.inputs[0], atol=0.0079)


@dataclasses.dataclass(frozen=True)
class RoundedSource(NoiseSource):
    """The same sound with other last bits: what another computer makes."""

    def stream(self, rng: np.random.Generator):  # noqa: ANN201
        stream = super().stream(rng)
        return dataclasses.replace(stream, samples=stream.samples * np.float32(1 + 1e-4))


def test_a_pool_of_another_computer_is_kept(tmp_path: Path) -> None:
    maker().open(tmp_path / "pool")
    before = (tmp_path / "pool" / "streams.bin").read_bytes()
    other = maker(source=RoundedSource(12_000))
    other.open(tmp_path / "again")
    assert (tmp_path / "again" / "streams.bin").read_bytes() != before
    other.open(tmp_path / "pool")
    assert (tmp_path / "pool" / "streams.bin").read_bytes() == before


def test_making_a_pool_leaves_the_number_of_threads(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        maker().open(tmp_path / "pool")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def _open(folder: Path, told) -> None:  # noqa: ANN001
    maker().open(folder / "pool", lambda done, total: told.put((os.getpid(), done)))


def test_of_several_processes_one_makes_the_pool_and_the_others_wait(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    processes = [context.Process(target=_open, args=(tmp_path, told)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    messages = [told.get() for _ in range(3)]
    assert told.empty()
    assert len({pid for pid, _ in messages}) == 1
    assert [done for _, done in messages] == [64, 128, STREAMS]


def test_no_room_is_found_before_anything_is_made(tmp_path: Path) -> None:
    # A petabyte.
    huge = dataclasses.replace(maker(), n_streams=2 * 10**11)
    with pytest.raises(DataError, match=r"needs \d+ MiB more .* training.cache.streams") as caught:
        huge.open(tmp_path / "pool")
    assert "\n" not in str(caught.value)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        maker().open(tmp_path / "file" / "pool")


def test_damaged_pools_are_named(tmp_path: Path) -> None:
    maker().open(tmp_path / "pool")
    about = tmp_path / "pool" / "pool.json"
    values = json.loads(about.read_text())
    for text in ("", "[]", json.dumps({**values, "format": 99}), json.dumps({"format": 1, "shape": {}})):
        about.write_text(text)
        with pytest.raises(DataError, match="delete it") as caught:
            FeaturePool(tmp_path / "pool", False)
        assert "\n" not in str(caught.value)
    about.write_text(json.dumps(values))
    os.truncate(tmp_path / "pool" / "streams.bin", 1000)
    with pytest.raises(DataError, match="1000 bytes"):
        FeaturePool(tmp_path / "pool", False)


# Batches of it


def cached(folder: Path, first: int = 0, augment: dict | None = None, **training: object):  # noqa: ANN201
    return open_batches(
        NoiseSource(12_000), chain(**(augment or {})), SPEC, recipe(**training), folder / "run", first=first
    )


def test_batches_are_drawn_by_seed_and_number(tmp_path: Path) -> None:
    whole = list(batches(cached(tmp_path), 0))
    late = list(batches(cached(tmp_path, first=2), 0))
    assert len(whole) == 4 and whole[0].inputs.shape == (6, 72, 40)
    assert all(torch.equal(a.inputs, b.inputs) for a, b in zip(whole[2:], late, strict=True))
    assert not torch.equal(whole[0].inputs, whole[1].inputs)


def test_a_batch_holds_streams_of_the_pool_once_each(tmp_path: Path) -> None:
    everything = cached(tmp_path, batch_size=STREAMS)[0]
    pool = FeaturePool(next((tmp_path / "feature-cache").glob("m-*[!k]")), False).read(np.arange(STREAMS))
    np.testing.assert_array_equal(everything.inputs.numpy(), pool.inputs)
    np.testing.assert_array_equal(everything.windows.numpy(), pool.windows)


def test_features_are_augmented_anew_at_each_draw(tmp_path: Path) -> None:
    # All of a pool is drawn each time: what differs is drawn anew. The pool is the same one, and is not changed.
    plain = cached(tmp_path, batch_size=STREAMS)[0]
    masked = cached(tmp_path, batch_size=STREAMS, augment={"spec_augment": {"probability": 1.0, "max_bands": 20}})
    first, second = masked[0].inputs, masked[1].inputs
    assert not torch.equal(first, second) and not torch.equal(first, plain.inputs)
    assert torch.equal(masked[0].inputs, first)
    assert torch.equal(cached(tmp_path, batch_size=STREAMS)[0].inputs, plain.inputs)
    assert len(list((tmp_path / "feature-cache").glob("*/pool.json"))) == 1


def test_without_a_cache_batches_are_made_afresh(tmp_path: Path) -> None:
    fresh = cached(tmp_path, cache=CacheConfig())
    assert not isinstance(fresh, CachedBatches) and len(fresh) == 4
    assert files(tmp_path) == []


def test_a_pool_smaller_than_a_batch() -> None:
    with pytest.raises(ConfigError, match=r"training.cache.streams is 5; accepted are 0 and at least 6"):
        recipe(cache=CacheConfig(5))
    assert recipe(cache=CacheConfig(5), accumulate_batches=2).training.cache.streams == 5


def name(spec: ModelSpec = SPEC, source: NoiseSource | None = None, augment: dict | None = None, **training: object):  # noqa: ANN201
    return pool_name(source or NoiseSource(12_000), chain(**(augment or {})), spec, recipe(**training))


def test_runs_that_differ_in_network_or_weights_of_the_loss_share_a_pool() -> None:
    pcen = dataclasses.replace(PCEN_SPEC, front_end=FrontEndConfig(compression="pcen", pcen=PcenConfig(alpha=(0.5,))))
    assert name() == name(loss=LossConfig(negative_weight=9.0, hardest_weight=0.1, region_s=2.0, warm_up_share=0.5))
    assert name() == name(steps=9, batch_size=32, learning_rate=0.5, workers=3)
    assert name() == name(augment={"spec_augment": {}, "band_warp": {}})
    assert name(PCEN_SPEC) == name(pcen)


def test_what_streams_depend_on_makes_another_pool() -> None:
    other_front_end = dataclasses.replace(SPEC, front_end=FrontEndConfig(n_bands=32))
    names = [
        name(),
        name(source=NoiseSource(12_001)),
        name(other_front_end),
        name(PCEN_SPEC),
        name(dataclasses.replace(SPEC, step_frames=2)),
        name(dataclasses.replace(SPEC, keywords=("b", "a"))),
        name(augment={"gain": {}}),
        name(augment={"gain": {"probability": 0.9}}),
        name(loss=LossConfig(before_s=0.1)),
        name(loss=LossConfig(label_s=0.1)),
        name(cache=CacheConfig(STREAMS + 1)),
        pool_name(NoiseSource(12_000), chain(), SPEC, dataclasses.replace(recipe(), seed=8)),
        pool_name(NoiseSource(12_000), AugmentationChain((), [np.ones(3, np.float32)]), SPEC, recipe()),
        pool_name(NoiseSource(12_000), AugmentationChain((), [np.zeros(3, np.float32)]), SPEC, recipe()),
    ]
    assert len(set(names)) == len(names)
