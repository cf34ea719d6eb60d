"""The front-end inside TFLite against the numpy one: in steps, and for a whole recording."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from export.tflite.builder import TfliteBuilder
from export.tflite.front_end import add_front_end
from export.tflite.states import ExplicitStates, NoStates, States
from kws.config import FrontEndConfig
from kws.features import clip_features
from kws.runtime.flatbuffer import read_flatbuffer
from kws.runtime.tflite_schema import Op

GATE = 2e-3
"""Largest error in the log domain."""

CONFIGS = [
    {},
    dict(compression="pcen"),
    dict(compression="pcen", window_samples=160, n_bands=12),
    dict(window_samples=400, n_bands=12),
    dict(window_samples=512, hop_samples=100, n_bands=12),
    dict(window_samples=401, n_fft=401, hop_samples=97, n_bands=12),
    dict(scale="linear", n_bands=101, f_min_hz=0.0, f_max_hz=8000.0),
    dict(window_samples=320, hop_samples=320),
]
N_FRAMES = 48


def make(config: FrontEndConfig, kind: type[States], n_frames: int) -> bytes:
    builder = TfliteBuilder()
    states = kind(builder)  # type: ignore[call-arg]
    samples = builder.input("samples", (1, n_frames * config.hop_samples))
    builder.output(add_front_end(builder, states, config, samples), "features")
    states.finish()
    return builder.model("front-end", {})


def run(data: bytes, samples: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    states = [np.zeros(detail["shape"], np.float32) for detail in inputs[1:]]
    frames = []
    for block in np.split(samples, len(samples) // inputs[0]["shape"][1]):
        for detail, array in zip(inputs, [block[None], *states], strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        features, *states = [interpreter.get_tensor(detail["index"]) for detail in outputs]
        frames.append(features[0])
    return np.concatenate(frames)


def signals(n_samples: int) -> dict[str, np.ndarray]:
    seconds = np.arange(n_samples) / 16_000
    noise = np.random.default_rng(0).standard_normal(n_samples)
    made = {
        "noise": 0.1 * noise,
        "chirp": 0.99 * np.sin(np.pi * 8000 / seconds[-1] * seconds**2),
        "faint": 1e-4 * noise,
        "dc": np.full(n_samples, 0.5),
    }
    return {name: signal.astype(np.float32) for name, signal in made.items()}


@pytest.mark.parametrize("settings", CONFIGS, ids=str)
@pytest.mark.parametrize(("kind", "n_frames"), [(ExplicitStates, 1), (ExplicitStates, 4), (NoStates, N_FRAMES)])
def test_frames_equal_those_of_numpy(settings: dict[str, object], kind: type[States], n_frames: int) -> None:
    config = FrontEndConfig(**settings)  # type: ignore[arg-type]
    data = make(config, kind, n_frames)
    for name, samples in signals(N_FRAMES * config.hop_samples).items():
        assert np.abs(run(data, samples) - clip_features(samples, config)).max() <= GATE, name


@pytest.mark.parametrize("settings", CONFIGS, ids=str)
def test_silence_is_exactly_zero(settings: dict[str, object]) -> None:
    config = FrontEndConfig(**settings)  # type: ignore[arg-type]
    assert not run(make(config, ExplicitStates, 4), np.zeros(8 * config.hop_samples, np.float32)).any()


def test_fourier_matrix_only_where_there_is_no_fft() -> None:
    def operations(config: FrontEndConfig) -> set[int]:
        codes = read_flatbuffer(make(config, ExplicitStates, 4))["operator_codes"]
        return {code["builtin_code"] for code in codes}

    assert Op.RFFT2D in operations(FrontEndConfig()) and Op.CONV_2D not in operations(FrontEndConfig())
    assert Op.CONV_2D in operations(FrontEndConfig(window_samples=401, n_fft=401, hop_samples=97))
    assert len(make(FrontEndConfig(), ExplicitStates, 4)) < 60_000
