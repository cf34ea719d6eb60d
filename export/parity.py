"""The parity gate: an exported model must compute what the trained network does, in its real runtime.

The artefact runs in 80 ms blocks from the states of silence, as it will run live; the network runs over each
whole signal at once. Scores, final states and events must agree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.decision import Decider
from kws.errors import ParityError
from kws.features.torch_front_end import TorchFrontEnd
from kws.models import StreamingModel
from kws.runtime.runner import Runner
from kws.spec import ModelSpec

BLOCK_SAMPLES = 1280
THRESHOLD_SHIFT = 0.01
SYNTHETIC_SAMPLES = 2 * SAMPLE_RATE_HZ

Event = tuple[int, str]
"""Step at which it fires, and its keyword."""


@dataclass(frozen=True)
class Tolerance:
    """Largest accepted error of a score, and of a state in units of its largest value (at least 1)."""

    score: float
    state: float


TOLERANCES = {
    "features": Tolerance(score=1e-4, state=1e-4),
    # The front-end itself is held to 2e-3 in the log domain; the network passes that on.
    "samples": Tolerance(score=5e-3, state=5e-3),
}


class Artefact(Runner, Protocol):
    """An exported model, opened in its runtime, whose states can be looked at."""

    @property
    def states(self) -> list[FloatArray]:
        """The present states, each ``(C, *shape)``, in the order of the spec."""
        ...


@dataclass(frozen=True)
class ParityReport:
    """What the gate measured.

    Parameters
    ----------
    max_score_error : float
        Largest difference of a probability.
    max_state_error : float
        Largest difference of a final state, in units of the state's largest value (at least 1).
    events_equal : bool
        Whether both chains fire at the same steps.
    n_events : int
        Events of the trained network.
    audio_s : float
        Audio that was compared, the synthetic signals included.
    size_bytes : int
        Size of the file.
    """

    max_score_error: float
    max_state_error: float
    events_equal: bool
    n_events: int
    audio_s: float
    size_bytes: int = 0


@dataclass(frozen=True)
class _Run:
    scores: FloatArray  # (T, K)
    states: list[FloatArray]


def check_parity(artefact: Artefact, model: StreamingModel, audio: Sequence[FloatArray] = ()) -> ParityReport:
    """Compare an exported model with the network it was made from.

    Parameters
    ----------
    artefact : Artefact
    model : StreamingModel
        In evaluation mode.
    audio : sequence of array, each (N,)
        Real recordings at 16 kHz; :func:`synthetic_signals` are always added.

    Raises
    ------
    ParityError
        If a score, a state or an event differs by more than :data:`TOLERANCES` allows.
    """
    score_error = state_error = 0.0
    events_equal, n_events, n_samples = True, 0, 0
    for signal in _whole_steps([*audio, *synthetic_signals().values()], artefact.spec.step_samples):
        features = _features(signal, artefact.spec)
        expected = _run_network(model, features, artefact.spec)
        actual = _run_artefact(artefact, features if artefact.spec.input == "features" else signal)
        score_error = _worst(score_error, np.abs(expected.scores - actual.scores).max())
        for want, have in zip(expected.states, actual.states[-len(expected.states) :], strict=True):
            state_error = _worst(state_error, np.abs(want - have).max() / max(1.0, np.abs(want).max()))
        events_equal &= _same_events(expected.scores, actual.scores, artefact.spec)
        n_events += len(_events(expected.scores, artefact.spec))
        n_samples += len(signal)
    report = ParityReport(score_error, state_error, events_equal, n_events, n_samples / SAMPLE_RATE_HZ)
    _raise_unless_equal(report, TOLERANCES[artefact.spec.input])
    return report


def synthetic_signals() -> dict[str, FloatArray]:
    """Return signals of two seconds that stress a front-end, by name."""
    seconds = np.arange(SYNTHETIC_SAMPLES) / SAMPLE_RATE_HZ
    noise = np.random.default_rng(0).uniform(-1.0, 1.0, SYNTHETIC_SAMPLES)
    sweep_hz_per_s = SAMPLE_RATE_HZ / 2 / seconds[-1]
    signals = {
        "silence": np.zeros(SYNTHETIC_SAMPLES),
        "noise": noise,
        "chirp": 0.99 * np.sin(np.pi * sweep_hz_per_s * seconds**2),
        "dc": np.full(SYNTHETIC_SAMPLES, 0.5),
        "clipped": np.clip(8.0 * np.sin(2 * np.pi * 440.0 * seconds) + noise, -1.0, 32767 / 32768),
    }
    return {name: signal.astype(np.float32) for name, signal in signals.items()}


def _whole_steps(signals: Sequence[FloatArray], step_samples: int) -> Iterator[FloatArray]:
    for signal in signals:
        usable = len(signal) // step_samples * step_samples
        if usable:
            yield np.ascontiguousarray(signal[:usable], dtype=np.float32)


def _features(signal: FloatArray, spec: ModelSpec) -> FloatArray:
    with torch.inference_mode():
        features, _ = TorchFrontEnd(spec.front_end)(torch.from_numpy(signal)[None])
    result: FloatArray = features.numpy()
    return result


def _run_network(model: StreamingModel, features: FloatArray, spec: ModelSpec) -> _Run:
    with torch.inference_mode():
        # Not `None`: a network with valid padding would wait, where the artefact starts from silence.
        logits, states = model(torch.from_numpy(features), model.initial_state(1))
    return _Run(torch.sigmoid(logits)[0].numpy(), [state.numpy() for state in states])


def _run_artefact(artefact: Artefact, inputs: FloatArray) -> _Run:
    spec = artefact.spec
    per_step = spec.step_frames if spec.input == "features" else spec.step_samples
    block = max(1, BLOCK_SAMPLES // spec.step_samples) * per_step
    rows = inputs if spec.input == "features" else inputs[None]
    artefact.reset()
    scores = [artefact.run(rows[:, start : start + block])[0] for start in range(0, rows.shape[1], block)]
    return _Run(np.concatenate(scores), artefact.states)


def _same_events(expected: FloatArray, actual: FloatArray, spec: ModelSpec) -> bool:
    # A score that meets a threshold to the last bit may fall to either side by rounding alone. A difference
    # counts only if it is there at the neighbouring thresholds as well.
    shifts = (0.0, -THRESHOLD_SHIFT, THRESHOLD_SHIFT)
    return any(_events(expected, spec, shift) == _events(actual, spec, shift) for shift in shifts)


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


def _raise_unless_equal(report: ParityReport, tolerance: Tolerance) -> None:
    if report.max_score_error > tolerance.score:
        raise ParityError(f"scores differ by {report.max_score_error:.2g}; accepted are {tolerance.score:g}")
    if report.max_state_error > tolerance.state:
        raise ParityError(f"states differ by {report.max_state_error:.2g}; accepted are {tolerance.state:g}")
    if not report.events_equal:
        raise ParityError("the exported model fires at other steps than the trained one")
