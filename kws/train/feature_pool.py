"""A pool of ready streams on disk: features in half precision with their targets, made once and then only read."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from kws.audio import FloatArray
from kws.errors import DataError
from kws.files import replacing
from kws.train.batches import ExampleMaker, Examples, batches

FORMAT = 1
BLOCK_STREAMS = 64
"""Streams that are made together, from one generator."""

# Added to the seed and number of a block, so that no block draws what a batch of the same number does.
_POOL_DRAWS = 1
_BLOCKS_A_SAVE = 8
_STREAMS, _ABOUT = "streams.bin", "pool.json"
# Energies are kept as ln(E / this + 1): what PCEN takes spans twelve decades, more than half precision has.
_ENERGY_FLOOR = np.float32(1e-8)
_ROOM_BYTES = 64 * 2**20
# One step of half precision at the largest features there are.
_ROUNDING = 2.0**-6

OnProgress = Callable[[int, int], None]
"""``(streams made, of how many)``."""


@dataclass(frozen=True)
class PoolShape:
    """How many streams a pool holds, and the sizes of one: T frames, F bands, steps, K keywords."""

    n_streams: int
    n_frames: int
    n_bands: int
    n_steps: int
    n_keywords: int

    @property
    def record(self) -> np.dtype[np.void]:
        """One stream as it lies in the file."""
        marks = ("i1", (self.n_steps, self.n_keywords))
        fields = [("inputs", "<f2", (self.n_frames, self.n_bands)), ("windows", *marks), ("labels", *marks)]
        return np.dtype(fields, align=True)

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole pool."""
        return self.n_streams * self.record.itemsize


def encode(inputs: FloatArray, is_energy: bool) -> npt.NDArray[np.float16]:
    """Return inputs of a network in half precision; band energies are kept as their logarithm.

    Log features are at most 0.008 from what they were, which is 0.03 dB; energies at most 0.8 %. Silence stays
    exactly zero.
    """
    values = np.log1p(inputs / _ENERGY_FLOOR) if is_energy else inputs
    return values.astype(np.float16)


def decode(stored: npt.NDArray[np.float16], is_energy: bool) -> FloatArray:
    """Return what :func:`encode` was given, as float32."""
    values = stored.astype(np.float32)
    return np.expm1(values) * _ENERGY_FLOOR if is_energy else values


class FeaturePool:
    """A pool that is complete.

    Parameters
    ----------
    place : Path
        Its folder.
    is_energy : bool
        Whether the inputs are band energies.

    Raises
    ------
    DataError
        If there is none, or it is damaged.
    """

    def __init__(self, place: Path, is_energy: bool) -> None:
        self._path, self._is_energy = place / _STREAMS, is_energy
        try:
            about = json.loads((place / _ABOUT).read_text())
            self.shape = PoolShape(**about["shape"])
            size_bytes = self._path.stat().st_size
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{place}: is no pool of streams ({error}); delete it to have it made anew") from None
        if about.get("format") != FORMAT or size_bytes != self.shape.size_bytes:
            raise DataError(
                f"{place}: has format {about.get('format')} and {size_bytes} bytes; accepted are format {FORMAT} and "
                f"{self.shape.size_bytes} bytes: delete it to have it made anew"
            )

    def __len__(self) -> int:
        return self.shape.n_streams

    def read(self, indices: npt.NDArray[np.int64]) -> Examples:
        """Return the streams of these numbers, shape ``(B,)``."""
        # A map of its own for each batch: what stays mapped would count as memory of the process, up to the pool.
        records = np.memmap(self._path, self.shape.record, "r")[indices]
        labels = records["labels"].astype(np.float32)
        return Examples(decode(records["inputs"], self._is_energy), records["windows"].copy(), labels)


class _Blocks(Dataset[Examples]):
    """The blocks of a pool from one on, each from the seed and its number alone."""

    def __init__(self, examples: ExampleMaker, seed: int, n_streams: int, first: int = 0) -> None:
        self._examples, self._seed, self._n_streams, self._first = examples, seed, n_streams, first

    def __len__(self) -> int:
        return max(0, -(-self._n_streams // BLOCK_STREAMS) - self._first)

    def __getitem__(self, index: int) -> Examples:
        block = self._first + index
        rng = np.random.default_rng([self._seed, block, _POOL_DRAWS])
        return self._examples.make(min(BLOCK_STREAMS, self._n_streams - block * BLOCK_STREAMS), rng)


@dataclass(frozen=True)
class PoolMaker:
    """Makes a pool, or goes on with one that was begun.

    Parameters
    ----------
    examples : ExampleMaker
    is_energy : bool
        Whether its inputs are band energies.
    seed : int
    n_streams : int
    workers : int
        Processes that make streams; 0 makes them in this one.
    """

    examples: ExampleMaker
    is_energy: bool
    seed: int
    n_streams: int
    workers: int = 0

    def open(self, place: Path, on_progress: OnProgress | None = None) -> FeaturePool:
        """Return the pool of a folder, which is made first if it is not there.

        A pool whose first streams are not what would be made now, but for rounding, is made anew: the program has
        changed since. Of several processes that ask for the same pool one makes it and the others wait.

        Raises
        ------
        DataError
            If the folder cannot be written, or there is no room for it.
        """
        # In one thread, as in the processes that make the rest: the number of threads changes the last bits.
        with _one_thread():
            first = _Blocks(self.examples, self.seed, self.n_streams)[0]
            shape = PoolShape(self.n_streams, *first.inputs.shape[1:], *first.windows.shape[1:])
            head = self._records(first, shape)
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                with _locked(place.with_name(f"{place.name}.lock")):
                    if not _begins_with(place / _STREAMS, head):
                        shutil.rmtree(place, ignore_errors=True)
                        self._make(place, shape, head, on_progress)
            except OSError as error:
                raise DataError(f"{place}: the pool of streams cannot be written ({error.strerror})") from None
        return FeaturePool(place, self.is_energy)

    def _make(self, place: Path, shape: PoolShape, head: npt.NDArray[np.void], on_progress: OnProgress | None) -> None:
        partial = place.with_name(f"{place.name}.partial")
        partial.mkdir(exist_ok=True)
        done = _blocks_done(partial, head)
        _check_room(partial, shape.size_bytes - done * head.nbytes)
        with (partial / _STREAMS).open("ab") as file:
            file.truncate(done * head.nbytes)
            self._append(file, partial, shape, done, on_progress)
        _write_json(partial / _ABOUT, {"format": FORMAT, "shape": asdict(shape)})
        os.replace(partial, place)

    def _append(
        self, file: BinaryIO, partial: Path, shape: PoolShape, done: int, on_progress: OnProgress | None
    ) -> None:
        blocks = _Blocks(self.examples, self.seed, self.n_streams, done)
        for count, block in enumerate(batches(blocks, self.workers), done + 1):
            file.write(self._records(block, shape).tobytes())
            if count % _BLOCKS_A_SAVE == 0 or count == done + len(blocks):
                file.flush()
                os.fsync(file.fileno())
                _write_json(partial / _ABOUT, {"blocks": count})
            if on_progress is not None:
                on_progress(min(count * BLOCK_STREAMS, self.n_streams), self.n_streams)

    def _records(self, examples: Examples, shape: PoolShape) -> npt.NDArray[np.void]:
        records: npt.NDArray[np.void] = np.zeros(len(examples.inputs), shape.record)
        records["inputs"] = encode(examples.inputs, self.is_energy)
        records["windows"], records["labels"] = examples.windows, examples.labels
        return records


def _begins_with(path: Path, head: npt.NDArray[np.void]) -> bool:
    """Tell whether a file begins with these streams, but for what another computer rounds differently."""
    try:
        with path.open("rb") as file:
            found = np.frombuffer(file.read(head.nbytes), np.uint8)
    except FileNotFoundError:
        return False
    if found.nbytes != head.nbytes:
        return False
    records = found.view(head.dtype)
    is_same = all(np.array_equal(records[name], head[name]) for name in ("windows", "labels"))
    return is_same and np.allclose(records["inputs"].astype(np.float32), head["inputs"], rtol=0, atol=_ROUNDING)


def _blocks_done(partial: Path, head: npt.NDArray[np.void]) -> int:
    """Return how many whole blocks of an unfinished pool are safely on disk."""
    try:
        done = int(json.loads((partial / _ABOUT).read_text())["blocks"])
        is_there = done * head.nbytes <= (partial / _STREAMS).stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    return done if is_there and _begins_with(partial / _STREAMS, head) else 0


def _check_room(place: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(place).free
    if free_bytes < needed_bytes + _ROOM_BYTES:
        raise DataError(
            f"{place}: a pool of streams needs {needed_bytes / 2**20:.0f} MiB more and {free_bytes / 2**20:.0f} MiB "
            "are free; make room, or choose a smaller training.cache.streams or another training.cache.folder"
        )


def _write_json(path: Path, values: dict[str, object]) -> None:
    with replacing(path, is_durable=False) as temporary:
        temporary.write_text(json.dumps(values))


@contextmanager
def _one_thread() -> Iterator[None]:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for a lock that the system releases when this process ends, however it does."""
    with path.open("ab") as file:
        _wait_for_lock(file)
        yield


if sys.platform == "win32":

    def _wait_for_lock(file: BinaryIO) -> None:
        import msvcrt

        while True:
            # It gives up after ten seconds.
            with contextlib.suppress(OSError):
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

else:

    def _wait_for_lock(file: BinaryIO) -> None:
        import fcntl

        # Not flock, which the processes that make streams would inherit. A file system without locks has no waiting.
        with contextlib.suppress(OSError):
            fcntl.lockf(file, fcntl.LOCK_EX)
