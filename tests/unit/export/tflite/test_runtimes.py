"""The same TFLite files in LiteRT, tflite-runtime 2.14 and TFLite-Micro: loading proves nothing, outputs do."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from export import runtimes
from export.runtimes import (
    LITERT,
    RUNTIMES,
    TFLITE_MICRO,
    TFLITE_RUNTIME,
    MissingRuntimeError,
    TfliteProcess,
    python_of,
)
from export.tflite.writer import (
    write_tflite,
    write_tflite_dynamic,
    write_tflite_int8,
    write_tflite_internal,
    write_tflite_sequence,
)
from kws.errors import AudioError, ConfigError, ParityError
from kws.graph import calibrate
from tests.unit.export.tflite.test_writer import N_STEPS, Case, make_case

# One of each family; the others differ in size only.
FAMILIES = ("small", "crnn", "tcn", "bc")


@pytest.fixture(params=FAMILIES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(request.param)


@pytest.fixture(scope="module")
def small() -> Case:
    return make_case("small")


def scores_in(runtime: str, path: Path, inputs: np.ndarray) -> np.ndarray:
    with TfliteProcess(path, runtime) as process:
        return process.run(inputs)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_floats(case: Case, runtime: str, tmp_path: Path) -> None:
    write_tflite(case.spec, case.graph, tmp_path / "m.tflite")
    with TfliteProcess(tmp_path / "m.tflite", runtime) as process:
        assert np.abs(process.run(case.inputs["features"]) - case.scores).max() <= 1e-5
        for have, want in zip(process.states, case.states, strict=True):
            assert have.shape == want.shape
            assert np.abs(have - want).max() <= 1e-4 * max(1.0, np.abs(want).max())


@pytest.mark.parametrize("runtime", [LITERT, TFLITE_RUNTIME])
def test_front_end_inside(small: Case, runtime: str, tmp_path: Path) -> None:
    spec = dataclasses.replace(small.spec, input="samples")
    write_tflite(spec, small.graph, tmp_path / "m.tflite")
    assert np.abs(scores_in(runtime, tmp_path / "m.tflite", small.inputs["samples"]) - small.scores).max() <= 1e-4


@pytest.mark.parametrize("runtime", [LITERT, TFLITE_RUNTIME])
def test_int8_weights_under_floats(case: Case, runtime: str, tmp_path: Path) -> None:
    write_tflite_dynamic(case.spec, case.graph, tmp_path / "m.tflite")
    scores = scores_in(runtime, tmp_path / "m.tflite", case.inputs["features"])
    assert np.abs(scores - case.scores).max() <= 0.02


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(("state_type", "tolerance"), [("int16", 0.02), ("int8", 0.08)])
def test_whole_numbers(case: Case, runtime: str, state_type: str, tolerance: float, tmp_path: Path) -> None:
    ranges = calibrate(case.graph, [case.inputs["features"][0]])
    write_tflite_int8(case.spec, case.graph, ranges, tmp_path / "m.tflite", state_type)
    scores = scores_in(runtime, tmp_path / "m.tflite", case.inputs["features"])
    assert np.abs(scores - case.scores).max() <= tolerance


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_states_inside(small: Case, runtime: str, tmp_path: Path) -> None:
    features, ranges = small.inputs["features"], calibrate(small.graph, [small.inputs["features"][0]])
    write_tflite_internal(small.spec, small.graph, tmp_path / "float.tflite")
    write_tflite_int8(small.spec, small.graph, ranges, tmp_path / "int8.tflite", "int8", keeps_states=True)
    write_tflite_int8(small.spec, small.graph, ranges, tmp_path / "outside.tflite", "int8")
    assert np.abs(scores_in(runtime, tmp_path / "float.tflite", features) - small.scores).max() <= 1e-5
    # Whole numbers: nothing may differ, wherever they are kept.
    inside, outside = (scores_in(runtime, tmp_path / f"{name}.tflite", features) for name in ("int8", "outside"))
    assert np.array_equal(inside, outside)


def test_the_runner_of_detectors_in_tflite_runtime(small: Case, tmp_path: Path) -> None:
    # That environment has numpy and the runtime, nothing else: what a small device has.
    write_tflite(small.spec, small.graph, tmp_path / "m.tflite")
    np.save(tmp_path / "features.npy", small.inputs["features"])
    program = (
        "import sys, numpy as np; from kws.runtime.runner import open_runner; runner = open_runner('m.tflite'); "
        "assert 'tflite_runtime' in sys.modules; np.save('scores.npy', runner.run(np.load('features.npy')))"
    )
    root = Path(runtimes.__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    subprocess.run([python_of(TFLITE_RUNTIME), "-c", program], cwd=tmp_path, env=environment, check=True)
    assert np.abs(np.load(tmp_path / "scores.npy") - small.scores).max() <= 1e-5


def test_reset_is_silence_wherever_states_are(small: Case, tmp_path: Path) -> None:
    write_tflite(small.spec, small.graph, tmp_path / "explicit.tflite")
    write_tflite_internal(small.spec, small.graph, tmp_path / "internal.tflite")
    for name in ("explicit", "internal"):
        with TfliteProcess(tmp_path / f"{name}.tflite", LITERT) as process:
            first = process.run(small.inputs["features"])
            assert not np.array_equal(process.run(small.inputs["features"]), first)
            process.reset()
            assert np.array_equal(process.run(small.inputs["features"]), first)


@pytest.mark.parametrize("runtime", [LITERT, TFLITE_RUNTIME])
def test_a_sequence(case: Case, runtime: str, tmp_path: Path) -> None:
    write_tflite_sequence(case.spec, case.graph, tmp_path / "m.tflite", N_STEPS)
    scores = scores_in(runtime, tmp_path / "m.tflite", case.inputs["features"])
    assert np.abs(scores - case.scores).max() <= 1e-5


def test_what_a_runtime_cannot_run_is_one_error(small: Case, tmp_path: Path) -> None:
    # TFLite-Micro has no FFT.
    write_tflite(dataclasses.replace(small.spec, input="samples"), small.graph, tmp_path / "m.tflite")
    with pytest.raises(ParityError, match="tflite-micro cannot run it"):
        TfliteProcess(tmp_path / "m.tflite", TFLITE_MICRO)


def test_inputs_that_do_not_fit(small: Case, tmp_path: Path) -> None:
    write_tflite(small.spec, small.graph, tmp_path / "m.tflite")
    with TfliteProcess(tmp_path / "m.tflite", LITERT) as process, pytest.raises(AudioError, match="multiples of"):
        process.run(np.zeros((2, 4, 40), np.float32))


def test_a_missing_runtime_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python_of.cache_clear()
    with pytest.raises(ConfigError, match="runtime is 'tensorflow'"):
        python_of("tensorflow")
    monkeypatch.setattr(runtimes, "ENVIRONMENT", tmp_path / ".venv-tflite")
    with pytest.raises(MissingRuntimeError, match="make .venv-tflite"):
        python_of(TFLITE_RUNTIME)
    monkeypatch.setitem(runtimes.RUNTIMES, TFLITE_MICRO, "no_such_module")
    with pytest.raises(MissingRuntimeError, match=r"pip install -e '\.\[dev\]'"):
        python_of(TFLITE_MICRO)
