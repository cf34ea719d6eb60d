"""TFLite files in the runtimes that devices have, each in a process of its own.

A detector runs in LiteRT or tflite-runtime, whichever is installed. What goes to a device must be right in all of
them: there are operations that one runtime computes, and another loads and computes wrongly.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import numpy as np

from export.runtimes.tflite_worker import read_array, write_array
from kws.audio import FloatArray
from kws.config import require_one_of
from kws.errors import AudioError, KwsError, ParityError
from kws.runtime.onnx_file import read_bytes
from kws.runtime.tflite_check import read_signature, state_axes
from kws.runtime.tflite_file import parse_tflite
from kws.runtime.tflite_runner import from_float, to_float

LITERT, TFLITE_RUNTIME, TFLITE_MICRO = "litert", "tflite-runtime", "tflite-micro"

RUNTIMES = {
    LITERT: "ai_edge_litert.interpreter",
    TFLITE_RUNTIME: "tflite_runtime.interpreter",
    TFLITE_MICRO: "tflite_micro.python.tflite_micro.runtime",
}
"""Module of each runtime, by its name."""

ENVIRONMENT = Path(__file__).resolve().parents[2] / ".venv-tflite"
"""Where tflite-runtime 2.14 lives: it needs numpy 1 and Python 3.11, so it has an environment of its own."""

_WORKER = Path(__file__).with_name("tflite_worker.py")
_PATIENCE_S = 10.0


@functools.cache
def python_of(runtime: str) -> Path:
    """Return the interpreter that has a runtime.

    Raises
    ------
    ConfigError
        If the runtime is unknown.
    MissingRuntimeError
        If it is not installed; the message says how to.
    """
    require_one_of("runtime", runtime, RUNTIMES)
    python, how = Path(sys.executable), f"pip install -e '.[{'export' if runtime == LITERT else 'dev'}]'"
    if runtime == TFLITE_RUNTIME:
        python = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        how = f"make {ENVIRONMENT.name}"
    try:
        subprocess.run([python, "-c", f"import {RUNTIMES[runtime]}"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        raise MissingRuntimeError(f"{runtime} is not installed: {how} in the toolkit's folder") from None
    return python


class MissingRuntimeError(KwsError):
    """A runtime in which a file could be proven is not installed; the message says how to install it."""


class TfliteProcess:
    """A TFLite model of any variant in a process of its own; an :class:`export.parity.Artefact` of one channel.

    Parameters
    ----------
    path : path
    runtime : str
        Name in :data:`RUNTIMES`.

    Raises
    ------
    ModelFileError
        If the file is damaged or none of this toolkit.
    MissingRuntimeError
        If the runtime is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], runtime: str) -> None:
        self.runtime = runtime
        self._where = os.fspath(path)
        file = parse_tflite(read_bytes(path, "a TFLite model"), path)
        self.spec = file.spec
        signature = read_signature(file, self._where)
        self._input, self._scores = signature.inputs[self.spec.input], signature.outputs["scores"]
        self._infos = [signature.inputs[state.name] for state in self.spec.states]
        self._command = [str(python_of(runtime)), "-u", str(_WORKER), runtime, self._where, str(1 + len(self._infos))]
        self._process: subprocess.Popen[bytes] | None = None
        self._states: list[np.ndarray] = []
        self.reset()

    def __enter__(self) -> TfliteProcess:
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
        """Take the next inputs of the one channel and return their scores, ``(1, steps, K)``.

        Raises
        ------
        AudioError
            If `inputs` are not one channel of whole steps (of whole sequences, for a model that takes these).
        ParityError
            If the runtime refuses the model.
        """
        per_call = self._input.shape[1]
        if inputs.shape[0] != 1 or inputs.shape[1] % per_call or inputs.shape[2:] != self._input.shape[2:]:
            raise AudioError(f"model inputs have shape {inputs.shape}; accepted are multiples of {self._input.shape}")
        stored = from_float(np.ascontiguousarray(inputs, np.float32), self._input)
        scores = self._ask(stored.reshape(-1, *self._input.shape))
        return to_float(scores, self._scores).reshape(1, -1, self._scores.shape[2])

    def reset(self) -> None:
        """Forget all inputs; the process opens the model anew, because some models keep their states to themselves."""
        if self._process is None:
            # What a runtime says goes nowhere: a full pipe would stop it.
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        self._ask(np.zeros((0, *self._input.shape), np.int8))

    def select(self, channels: Sequence[int]) -> None:
        """There is one channel, and it stays."""

    def close(self) -> None:
        """End the process."""
        if self._process is None:
            return
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(timeout=_PATIENCE_S)
        self._process = None

    def _ask(self, steps: np.ndarray) -> np.ndarray:
        assert self._process is not None
        requests, answers = cast(BinaryIO, self._process.stdin), cast(BinaryIO, self._process.stdout)
        try:
            arrays = _exchange(requests, answers, steps, 1 + len(self._infos))
        except OSError:
            arrays = [None]
        found = [array for array in arrays if array is not None]
        if len(found) != len(arrays):
            raise ParityError(f"{self._where}: {self.runtime} cannot run it")
        self._states = found[1:]
        return found[0]


def _exchange(requests: BinaryIO, answers: BinaryIO, steps: np.ndarray, n_answers: int) -> list[np.ndarray | None]:
    write_array(requests, steps)
    requests.flush()
    return [read_array(answers) for _ in range(n_answers)]
