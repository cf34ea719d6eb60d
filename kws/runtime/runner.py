"""`Runner`: one loaded model that computes scores; chosen by the suffix of its file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from kws.audio import FloatArray
from kws.errors import AudioError, ModelFileError
from kws.spec import ModelSpec


class Runner(Protocol):
    """A model with its streaming states.

    The states start as zeros, which mean silence, and are kept from call to call.
    """

    spec: ModelSpec

    def run(self, inputs: FloatArray) -> FloatArray:
        """Take the next inputs of all channels and return their scores.

        Parameters
        ----------
        inputs : array of float32
            Features ``(C, T, F)``, T a multiple of ``spec.step_frames``; or samples ``(C, N)``, N a multiple of
            ``spec.step_samples``, if ``spec.input`` is ``"samples"``. Another C than before starts from silence.

        Returns
        -------
        array of float32, shape (C, T', K)
            Probabilities, one row a step.
        """
        ...

    def reset(self) -> None:
        """Forget all inputs."""
        ...

    def select(self, channels: Sequence[int]) -> None:
        """Rearrange the states: new channel ``i`` goes on from where old channel ``channels[i]`` is.

        Parameters
        ----------
        channels : sequence of int
            A channel may be left out, or come several times.
        """
        ...


def _open_onnx(path: str | os.PathLike[str]) -> Runner:
    # Imported here, so that another runner can be used where ONNX Runtime is not installed.
    from kws.runtime.onnx_runner import OnnxRunner

    return OnnxRunner(path)


def _open_graph(path: str | os.PathLike[str]) -> Runner:
    from kws.runtime.graph_runner import GraphRunner

    return GraphRunner(path)


def _open_tflite(path: str | os.PathLike[str]) -> Runner:
    from kws.runtime.tflite_runner import TfliteRunner

    return TfliteRunner(path)


RUNNERS: dict[str, Callable[[str | os.PathLike[str]], Runner]] = {
    ".kws": _open_graph,
    ".onnx": _open_onnx,
    ".tflite": _open_tflite,
}
"""What opens a model file, by its suffix."""


def open_runner(path: str | os.PathLike[str]) -> Runner:
    """Load a model file.

    Parameters
    ----------
    path : path
        Its suffix chooses the runner.

    Raises
    ------
    ModelFileError
        If the suffix is unknown, or the file is missing, damaged, of a newer format or no model of this toolkit.
    MissingPackageError
        If the package that runs such models is not installed.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in RUNNERS:
        raise ModelFileError(f"{path}: accepted suffixes of model files are {', '.join(sorted(RUNNERS))}")
    return RUNNERS[suffix](path)


def count_steps(spec: ModelSpec, shape: tuple[int, ...]) -> int:
    """Return how many steps inputs of a shape hold.

    Raises
    ------
    AudioError
        If the shape does not fit the model.
    """
    if spec.input == "samples":
        accepted = f"(C, N) with N a multiple of {spec.step_samples}"
        per_step, is_right = spec.step_samples, len(shape) == 2
    else:
        accepted = f"(C, T, {spec.front_end.n_bands}) with T a multiple of {spec.step_frames}"
        per_step, is_right = spec.step_frames, len(shape) == 3 and shape[2] == spec.front_end.n_bands
    if not is_right or shape[0] < 1 or shape[1] < 1 or shape[1] % per_step:
        raise AudioError(f"model inputs have shape {shape}; accepted are {accepted}")
    return shape[1] // per_step


def try_one_step(runner: Runner, where: str) -> None:
    """Give a model that was just opened one step of zeros; reset it afterwards.

    Raises
    ------
    ModelFileError
        If it cannot be run, or its scores are no probabilities.
    """
    spec = runner.spec
    shape = (1, spec.step_samples) if spec.input == "samples" else (1, spec.step_frames, spec.front_end.n_bands)
    scores = runner.run(np.zeros(shape, np.float32))
    if not np.all((scores >= 0.0) & (scores <= 1.0)):
        raise ModelFileError(f"{where}: gives scores outside 0 to 1")
