"""`Runner`: one loaded model that computes scores; chosen by the suffix of its file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from kws.audio import FloatArray
from kws.errors import ModelFileError
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


RUNNERS: dict[str, Callable[[str | os.PathLike[str]], Runner]] = {
    ".onnx": _open_onnx,
    ".kws": _open_graph,
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
