"""The parity gate: an exported model must compute what the trained network does, in its real runtime.

The artefact runs in 80 ms blocks from the states of silence, as it will run live; the network runs over each
whole signal at once. Scores, final states and events must agree.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from export.trained import Run
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.decision import Decider
from kws.errors import ParityError
from kws.runtime.runner import Runner
from kws.spec import ModelSpec

BLOCK_SAMPLES = 1280
BYTES_PER_VALUE = 4

Event = tuple[int, str]
"""Step at which it fires, and its keyword."""


@dataclass(frozen=True)
class Tolerance:
    """What an artefact may differ by.

    Parameters
    ----------
    score : float
        Largest error of a score, a probability.
    state : float
        Largest error of a final state, in units of its largest value (at least 1).
    threshold : float
        A score that meets a threshold to the last bit may fall to either side by rounding alone. So other events
        count only if they are there at thresholds this much lower and higher as well.
    """

    score: float
    state: float
    threshold: float = 0.01


EXACT = Tolerance(score=1e-4, state=1e-4)
FRONT_END_INSIDE = Tolerance(score=5e-3, state=5e-3)
"""The front-end itself is held to 2e-3 in the log domain; the network passes that on."""


class Artefact(Runner, Protocol):
    """An exported model, opened in its runtime, whose states can be looked at."""

    @property
    def states(self) -> list[FloatArray]:
        """The present states, each ``(C, *shape)``, in the order of the spec; empty if the runtime hides them."""
        ...


@dataclass(frozen=True)
class ParityReport:
    """What the gate measured.

    Parameters
    ----------
    max_score_error : float
        Largest difference of a probability.
    max_state_error : float
        Largest difference of a final state, in units of the state's largest value (at least 1); NaN if the runtime
        hides them.
    events_equal : bool
        Whether both chains fire at the same steps.
    n_events : int
        Events of the trained network.
    audio_s : float
        Audio that was compared, the synthetic signals included.
    step_us : float
        Time of one step in microseconds, in blocks of 80 ms, what Python does around the runtime included; NaN if the
        runtime is another process.
    state_bytes : int
        Memory of the states of one channel.
    size_bytes : int
        Size of the file.
    model_input : str
        What the file takes.
    """

    max_score_error: float
    max_state_error: float
    events_equal: bool
    n_events: int
    audio_s: float
    step_us: float = 0.0
    state_bytes: int = 0
    size_bytes: int = 0
    model_input: str = ""


def compare(artefact: Artefact, runs: Sequence[Run], tolerance: Tolerance) -> ParityReport:
    """Compare an exported model with the network it was made from; :func:`judge` says whether it passes.

    Parameters
    ----------
    artefact : Artefact
    runs : sequence of Run
        What the trained network gives, of :meth:`export.trained.Trained.runs`.
    tolerance : Tolerance
        Its ``threshold`` decides which events count as different.
    """
    spec = artefact.spec
    score_error, state_error = 0.0, math.nan
    events_equal, n_events, n_samples, busy_s = True, 0, 0, 0.0
    for run in runs:
        started_s = time.perf_counter()
        scores = _scores(artefact, run.features if spec.input == "features" else run.samples[None])
        busy_s += time.perf_counter() - started_s
        score_error = _worst(score_error, np.abs(run.scores - scores).max())
        if run.states and artefact.states:
            error = _state_error(run.states, artefact.states)
            state_error = _worst(0.0 if math.isnan(state_error) else state_error, error)
        events_equal &= _same_events(run.scores, scores, spec, tolerance.threshold)
        n_events += len(_events(run.scores, spec))
        n_samples += len(run.samples)
    return ParityReport(
        score_error,
        state_error,
        events_equal,
        n_events,
        n_samples / SAMPLE_RATE_HZ,
        step_us=1e6 * busy_s / max(1, n_samples // spec.step_samples),
        state_bytes=BYTES_PER_VALUE * sum(math.prod(state.shape) for state in spec.states),
        model_input=spec.input,
    )


def _scores(artefact: Artefact, inputs: FloatArray) -> FloatArray:
    spec = artefact.spec
    per_step = spec.step_frames if spec.input == "features" else spec.step_samples
    block = max(1, BLOCK_SAMPLES // spec.step_samples) * per_step
    artefact.reset()
    scores = [artefact.run(inputs[:, start : start + block])[0] for start in range(0, inputs.shape[1], block)]
    return np.concatenate(scores)


def _state_error(expected: Sequence[FloatArray], actual: Sequence[FloatArray]) -> float:
    # The states of a front-end inside the file come first; the network has none of them.
    pairs = zip(expected, actual[-len(expected) :], strict=True)
    return max(float(np.abs(want - have).max() / max(1.0, np.abs(want).max())) for want, have in pairs)


def _same_events(expected: FloatArray, actual: FloatArray, spec: ModelSpec, shift: float) -> bool:
    return any(_events(expected, spec, by) == _events(actual, spec, by) for by in (0.0, -shift, shift))


def _events(scores: FloatArray, spec: ModelSpec, threshold_shift: float = 0.0) -> list[Event]:
    events = []
    for keyword, column in zip(spec.keywords, scores.T, strict=True):
        rule = spec.decision_of(keyword)
        threshold = min(1.0, max(0.0, rule.threshold + threshold_shift))
        decider = Decider(dataclasses.replace(rule, threshold=threshold), spec.step_s)
        events += [(step, keyword) for step, _ in decider.run(column.tolist())]
    return events


def _worst(error: float, new: float) -> float:
    # NaN must count as the worst error; max() would drop it.
    return max(error, float(new)) if np.isfinite(new) else float("inf")


def judge(report: ParityReport, tolerance: Tolerance) -> None:
    """Raise ParityError if a score, a state or an event differs by more than is accepted."""
    if report.max_score_error > tolerance.score:
        raise ParityError(f"scores differ by {report.max_score_error:.2g}; accepted are {tolerance.score:g}")
    if report.max_state_error > tolerance.state:
        raise ParityError(f"states differ by {report.max_state_error:.2g}; accepted are {tolerance.state:g}")
    if not report.events_equal:
        raise ParityError("fires at other steps than the trained network")
