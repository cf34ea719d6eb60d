"""TFLite files in the runtimes that devices have, each in a process of its own.

A detector runs in LiteRT or tflite-runtime, whichever is installed. What goes to a device must be right in all of
them: an operation that one computes another loads and computes wrongly.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np

from export.runtimes.tflite_worker import read_array, write_array
from kws.audio import FloatArray
from kws.config import require_one_of
from kws.errors import AudioError, MissingPackageError, ParityError
from kws.runtime.onnx_file import read_bytes
from kws.runtime.runner import count_steps
from kws.runtime.tflite_check import check_step, state_axes
from kws.runtime.tflite_file import parse_tflite
from kws.runtime.tflite_runner import from_float, to_float

LITERT, TFLITE_RUNTIME, TFLITE_MICRO = "litert", "tflite-runtime", "tflite-micro"

MODULES = {
    LITERT: "ai_edge_litert",
    TFLITE_RUNTIME: "tflite_runtime",
    TFLITE_MICRO: "tflite_micro",
}
"""Runtimes by name, and the module that each is."""

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-tflite"
"""Where tflite-runtime 2.14 lives: it needs numpy 1, so it has an environment of its own, which `make test` makes."""

_WORKER = Path(__file__).with_name("tflite_worker.py")


def python_of(runtime: str) -> Path:
    """Return the interpreter that has a runtime.

    Raises
    ------
    ConfigError
        If the runtime is unknown.
    MissingPackageError
        If it is not installed.
    """
    require_one_of("runtime", runtime, MODULES)
    python = Path(sys.executable)
    if runtime == TFLITE_RUNTIME:
        python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    found = python.exists() and subprocess.run(
        [python, "-c", f"import {MODULES[runtime]}"], capture_output=True, check=False
    )
    if not found or found.returncode:
        extra = "dev" if runtime != LITERT else "export"
        raise MissingPackageError(runtime, extra, f"compare models in it (`make .venv-tflite` for {TFLITE_RUNTIME})")
    return python


class OtherRuntime:
    """A TFLite step in a process of its own; an :class:`export.parity.Artefact` of one channel.

    Parameters
    ----------
    path : path
    runtime : str
        Name in :data:`MODULES`.

    Raises
    ------
    ModelFileError
        If the file is none that :class:`kws.runtime.tflite_runner.TfliteRunner` accepts.
    MissingPackageError
        If the runtime is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], runtime: str) -> None:
        self.runtime = runtime
        self._where = os.fspath(path)
        file = parse_tflite(read_bytes(path, "a TFLite model"), path)
        self.spec = file.spec
        signature = check_step(file, self._where)
        self._input, self._scores = signature.inputs[self.spec.input], signature.outputs["scores"]
        self._infos = [signature.inputs[state.name] for state in self.spec.states]
        command = [python_of(runtime), "-u", _WORKER, runtime, self._where, str(1 + len(self._infos))]
        # What a runtime says goes nowhere: a full pipe would stop it.
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._states: list[np.ndarray] = []
        self.reset()

    def __enter__(self) -> OtherRuntime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def states(self) -> list[FloatArray]:
        """The present states, each ``(1, *shape)``, in the order and with the shapes of the spec."""
        found = []
        for stored, info, state in zip(self._states, self._infos, self.spec.states, strict=True):
            axes = state_axes(state, info)
            assert axes is not None
            found.append(to_float(stored, info).transpose(axes).reshape(1, *state.shape))
        return found

    def run(self, inputs: FloatArray) -> FloatArray:
        """Take the next inputs of the one channel and return their scores.

        Raises
        ------
        AudioError
            If the shape of `inputs` does not fit the model, or has several channels.
        ParityError
            If the runtime refuses the model.
        """
        n_steps = count_steps(self.spec, inputs.shape)
        if inputs.shape[0] != 1:
            raise AudioError(f"model inputs have {inputs.shape[0]} channels; accepted is 1")
        stored = from_float(np.ascontiguousarray(inputs, np.float32), self._input)
        scores = self._ask(stored.reshape(n_steps, *self._input.shape))
        return to_float(scores, self._scores).reshape(1, n_steps, -1)

    def reset(self) -> None:
        """Forget all inputs."""
        self._ask(np.zeros((0, *self._input.shape), np.int8))

    def select(self, channels: Sequence[int]) -> None:
        """There is one channel, and it stays."""

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.wait(timeout=10)

    def _ask(self, steps: np.ndarray) -> np.ndarray:
        try:
            write_array(self._pipe(self._process.stdin), steps)
            self._pipe(self._process.stdin).flush()
            answers = [read_array(self._pipe(self._process.stdout)) for _ in range(1 + len(self._infos))]
        except BrokenPipeError:
            answers = [None]
        arrays = [array for array in answers if array is not None]
        if len(arrays) != len(answers):
            raise ParityError(f"{self._where}: {self.runtime} cannot run it")
        self._states = arrays[1:]
        return arrays[0]

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe
