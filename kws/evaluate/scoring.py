"""Scores of whole recordings through the chain of the live program, by several processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.cores import usable_cores
from kws.errors import KwsError
from kws.processes import end_pool, leave_interrupts
from kws.runtime import Detector, Runner, Scorer, open_runner
from kws.spec import ModelSpec

OnProgress = Callable[[float, float], None]

# A process of its own takes about a second to start; a core hears half an hour in that time.
_SECONDS_A_PROCESS = 1800.0
# Each batch opens the model anew, which takes as long as hearing a minute.
_BATCH_S = 600.0


def score_recording(runner: Runner, samples: npt.ArrayLike) -> FloatArray:
    """Return the raw scores of one recording, heard after silence.

    Parameters
    ----------
    runner : Runner
        Any loaded model; it is reset first.
    samples : array of int16 or float32, shape (N,) or (C, N)
        16 kHz.

    Returns
    -------
    array of float32, shape (C, T, K)
        One row a whole model step, T of them.

    Raises
    ------
    AudioError
        If the samples are not audio.
    """
    scorer = Scorer(runner)
    blocks = list(scorer.process(samples))
    return np.concatenate([*blocks, scorer.flush()], axis=1)


@dataclass(frozen=True, eq=False)
class Heard:
    """What a `Detector` made of one recording.

    Parameters
    ----------
    scores : array of float32, shape (T, K)
        Raw scores, as it decided on them.
    events_s : tuple of tuple of float
        For each keyword the times at which it fired.
    """

    scores: FloatArray
    events_s: tuple[tuple[float, ...], ...]


class Listener:
    """Plays recordings to the `Detector` of one model.

    Parameters
    ----------
    path : path
        Model file.
    spec : ModelSpec, optional
        The model's spec with other decision rules.
    """

    def __init__(self, path: str | os.PathLike[str], spec: ModelSpec | None = None) -> None:
        self._blocks: list[FloatArray] = []
        self._detector = Detector(open_runner(path), on_scores=self._blocks.append, spec=spec)

    @property
    def spec(self) -> ModelSpec:
        """What the model says about itself, with the rules that are used."""
        return self._detector.spec

    def hear(self, samples: FloatArray) -> Heard:
        """Play one recording ``(N,)``, after silence."""
        self._detector.reset()
        self._blocks.clear()
        events = [*self._detector.process(samples), *self._detector.flush()]
        keywords = self.spec.keywords
        times = tuple(tuple(e.time_s for e in events if e.keyword == keyword) for keyword in keywords)
        return Heard(np.concatenate([np.zeros((0, len(keywords)), np.float32), *(b[0] for b in self._blocks)]), times)


def hear_all(
    path: str | os.PathLike[str],
    recordings: Sequence[FloatArray],
    spec: ModelSpec | None = None,
    processes: int = 1,
    on_progress: OnProgress | None = None,
) -> list[Heard]:
    """Play many recordings to a model, each after silence.

    Parameters
    ----------
    path : path
        Model file.
    recordings : sequence of arrays of float32, shape (N,) each
    spec : ModelSpec, optional
        The model's spec with other decision rules.
    processes : int
        0 for one a core, and no more than there is work for. The result is the same. A script that asks for several
        must guard its own work by ``if __name__ == "__main__":``, as they import it.
    on_progress : callable, optional
        Called with the seconds of audio heard and their total.

    Raises
    ------
    ModelFileError
        If the model cannot be opened.
    KwsError
        If one of several processes was ended from outside.
    """
    lengths_s = [len(samples) / SAMPLE_RATE_HZ for samples in recordings]
    total_s, done_s = sum(lengths_s), 0.0
    if processes == 0:
        processes = min(usable_cores(), int(total_s / _SECONDS_A_PROCESS))
    batches = list(_batches(recordings))
    found: list[Heard] = []
    for heard in _run(path, spec, batches, processes):
        found += heard
        done_s = sum(lengths_s[: len(found)])
        if on_progress is not None:
            on_progress(done_s, total_s)
    return found


def _run(
    path: str | os.PathLike[str], spec: ModelSpec | None, batches: Sequence[list[FloatArray]], processes: int
) -> Iterator[list[Heard]]:
    if processes <= 1:
        listener = Listener(path, spec)
        yield from ([listener.hear(samples) for samples in batch] for batch in batches)
        return
    # Fresh processes, as on every platform: a fork of a process with threads may hang.
    pool = ProcessPoolExecutor(processes, get_context("spawn"), leave_interrupts)
    try:
        yield from pool.map(partial(_hear_batch, os.fspath(path), spec), batches)
    except BrokenProcessPool:
        raise KwsError(
            "a process that listens was ended, perhaps for want of memory; one process needs least"
        ) from None
    finally:
        # After Ctrl-C the batches at work are waited for, about a second each, and no other begins.
        end_pool(pool)


def _hear_batch(path: str, spec: ModelSpec | None, batch: list[FloatArray]) -> list[Heard]:
    listener = Listener(path, spec)
    return [listener.hear(samples) for samples in batch]


def _batches(recordings: Sequence[FloatArray]) -> Iterator[list[FloatArray]]:
    batch: list[FloatArray] = []
    for samples in recordings:
        batch.append(samples)
        if sum(map(len, batch)) >= _BATCH_S * SAMPLE_RATE_HZ:
            yield batch
            batch = []
    if batch:
        yield batch
