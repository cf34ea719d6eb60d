"""The parity gate itself, with artefacts that are wrong in one known way each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from export import parity
from export.parity import EXACT, FRONT_END_INSIDE, ParityReport, compare, judge
from export.trained import Trained, synthetic_signals
from kws.config import DecisionConfig, FrontEndConfig, ModelConfig
from kws.errors import ParityError
from kws.features import NumpyFrontEnd
from kws.graph import Graph, run_graph, zero_states
from kws.models import StreamingModel, build_model
from kws.spec import ModelSpec

FRONT_END = FrontEndConfig(n_bands=8)
MODEL = ModelConfig("conv_gru", {"n_filters": 6, "n_hidden": 5, "kernel_frames": 6, "stride": 2})
SPEC = ModelSpec("tiny", ("one", "two"), FRONT_END, MODEL, 2, decision={"one": DecisionConfig(threshold=0.52)})


class NumpyArtefact:
    """The graph in numpy, with a fault put in: the smallest thing that the gate accepts as an artefact."""

    def __init__(self, graph: Graph, spec: ModelSpec, spoil: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        self.spec, self._graph, self._spoil = spec, graph, spoil
        self._front_end = NumpyFrontEnd(spec.front_end)
        self.blocks: list[int] = []
        self.reset()

    def reset(self) -> None:
        self._front_end.reset()
        self.states = zero_states(self._graph)

    def run(self, inputs: np.ndarray) -> np.ndarray:
        self.blocks.append(inputs.shape[1])
        features = self._front_end.process(inputs) if self.spec.input == "samples" else inputs
        scores, self.states = run_graph(self._graph, features, self.states)
        return scores if self._spoil is None else self._spoil(scores)


@pytest.fixture(scope="module")
def model() -> StreamingModel:
    torch.manual_seed(4)
    return build_model(MODEL, FRONT_END.n_bands, 2).eval()


@pytest.fixture(params=["features", "samples"])
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return dataclasses.replace(SPEC, input=request.param)


def check(artefact: NumpyArtefact, model: StreamingModel, audio: Sequence[np.ndarray] = ()) -> ParityReport:
    runs = Trained.of_model(artefact.spec, model).runs([*audio, *synthetic_signals().values()])
    tolerance = EXACT if artefact.spec.input == "features" else FRONT_END_INSIDE
    report = compare(artefact, runs, tolerance)
    judge(report, tolerance)
    return report


def recording() -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(16_000)).astype(np.float32)


def test_the_same_network_passes(model: StreamingModel, spec: ModelSpec) -> None:
    report = check(NumpyArtefact(model.to_graph(), spec), model, [recording()])
    assert report.max_score_error <= 1e-4
    assert report.max_state_error <= 1e-3
    assert report.events_equal
    assert report.audio_s == pytest.approx(1 + 5 * 2, abs=0.1)


def test_blocks_are_80_ms(model: StreamingModel, spec: ModelSpec) -> None:
    artefact = NumpyArtefact(model.to_graph(), spec)
    check(artefact, model)
    assert max(artefact.blocks) == (8 if spec.input == "features" else 1280)


def test_a_step_longer_than_80_ms_is_one_block(model: StreamingModel) -> None:
    hop = dataclasses.replace(FRONT_END, window_samples=1600, n_fft=1600, hop_samples=1600)
    spec = dataclasses.replace(SPEC, front_end=hop, input="samples")
    artefact = NumpyArtefact(model.to_graph(), spec)
    check(artefact, model)
    assert set(artefact.blocks) == {3200}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: s + np.float32(0.01), "scores differ by 0.01"),
        (lambda s: s * np.float32(np.nan), "scores differ by inf"),
        (lambda s: s[:, ::-1], "scores differ"),
        (lambda s: np.roll(s, 1, axis=2), "scores differ"),
    ],
)
def test_wrong_scores_fail(
    model: StreamingModel, spec: ModelSpec, spoil: Callable[[np.ndarray], np.ndarray], message: str
) -> None:
    with pytest.raises(ParityError, match=message):
        check(NumpyArtefact(model.to_graph(), spec, spoil), model)


def test_states_that_are_lost_between_blocks_fail(model: StreamingModel, spec: ModelSpec) -> None:
    class Forgetful(NumpyArtefact):
        def run(self, inputs: np.ndarray) -> np.ndarray:
            self.reset()
            return super().run(inputs)

    with pytest.raises(ParityError, match="scores differ"):
        check(Forgetful(model.to_graph(), spec), model)


def test_wrong_final_states_fail(model: StreamingModel, spec: ModelSpec) -> None:
    class Shifted(NumpyArtefact):
        @property
        def states(self) -> list[np.ndarray]:
            return [state + np.float32(0.02 * max(1.0, np.abs(state).max())) for state in self._states]

        @states.setter
        def states(self, new: list[np.ndarray]) -> None:
            self._states = new

        def run(self, inputs: np.ndarray) -> np.ndarray:
            features = self._front_end.process(inputs) if self.spec.input == "samples" else inputs
            scores, self._states = run_graph(self._graph, features, self._states)
            return scores

    with pytest.raises(ParityError, match=r"states differ by 0\.02"):
        check(Shifted(model.to_graph(), spec), model)


def scores_of(*values: float) -> np.ndarray:
    return np.array([[v, 0.0] for v in values], dtype=np.float32)


def test_other_events_fail_though_scores_are_close(
    model: StreamingModel, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parity, "_same_events", lambda *_: False)
    with pytest.raises(ParityError, match="fires at other steps"):
        check(NumpyArtefact(model.to_graph(), spec), model)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ([0.1, 0.9, 0.1], [0.1, 0.9, 0.1], True),
        # Rounding at the threshold of 0.52: fires, or does not.
        ([0.1, 0.52, 0.1], [0.1, 0.5199999, 0.1], True),
        ([0.1, 0.52, 0.6], [0.1, 0.5199999, 0.6], True),
        ([0.1, 0.9, 0.1], [0.1, 0.1, 0.9], False),
        ([0.1, 0.9, 0.1], [0.1, 0.1, 0.1], False),
        ([0.1, 0.1, 0.1], [0.1, 0.1, 0.9], False),
    ],
)
def test_events_are_compared_by_step(expected: list[float], actual: list[float], same: bool) -> None:
    assert parity._same_events(scores_of(*expected), scores_of(*actual), SPEC, 0.01) is same


def test_events_follow_each_keywords_rule() -> None:
    scores = np.array([[0.51, 0.51], [0.53, 0.2]], dtype=np.float32)
    assert parity._events(scores, SPEC) == [(1, "one"), (0, "two")]


def test_synthetic_signals_are_audio() -> None:
    signals = synthetic_signals()
    assert set(signals) == {"silence", "noise", "chirp", "dc", "clipped"}
    for signal in signals.values():
        assert signal.dtype == np.float32
        assert np.abs(signal).max() <= 1.0
    assert not signals["silence"].any()
    assert np.mean(np.abs(signals["clipped"]) > 0.999) > 0.5


def test_audio_shorter_than_a_step_is_left_out(model: StreamingModel, spec: ModelSpec) -> None:
    artefact = NumpyArtefact(model.to_graph(), spec)
    report = check(artefact, model, [np.zeros(0, np.float32), np.zeros(319, np.float32)])
    assert report.audio_s == check(artefact, model).audio_s
