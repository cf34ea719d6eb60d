"""`TfliteRunner`: a self-describing TFLite model in LiteRT (or tflite-runtime), on one thread."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray
from kws.errors import MissingPackageError, ModelFileError
from kws.packages import import_package, one_line
from kws.runtime.onnx_file import read_bytes
from kws.runtime.runner import count_steps, try_one_step
from kws.runtime.tflite_check import NEW_STATE_PREFIX, check_step, state_axes
from kws.runtime.tflite_file import parse_tflite
from kws.runtime.tflite_operations import TensorInfo
from kws.runtime.tflite_schema import NUMPY_TYPES, DType
from kws.spec import ModelSpec

_Array = npt.NDArray[Any]

_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")


class TfliteRunner:
    """Run one model; each channel has states of its own, which go into the model and come out of it step by step.

    Parameters
    ----------
    path : path
        File with the inputs ``features`` (1, step_frames, F) or ``samples`` (1, step_samples) and each state of its
        spec, and the outputs ``scores`` (1, 1, K) and ``new_<state>``; float32 or quantised.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, damaged, not TFLite, not of this toolkit, of a newer format, above 64 MiB, or
        if its graph is not what its spec says.
    MissingPackageError
        If neither ai-edge-litert nor tflite-runtime is installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._where = os.fspath(path)
        file = parse_tflite(read_bytes(path, "a TFLite model"), self._where)
        self.spec: ModelSpec = file.spec
        signature = check_step(file, self._where)
        self._interpreter = _open_interpreter(_runtime(), file.data, self._where)
        inputs = _views(self._interpreter, self._interpreter.get_input_details(), signature.inputs)
        outputs = _views(self._interpreter, self._interpreter.get_output_details(), signature.outputs)
        self._input_info, self._scores_info = signature.inputs[self.spec.input], signature.outputs["scores"]
        self._input, self._scores = inputs[self.spec.input], outputs["scores"]
        self._state_infos = [signature.inputs[state.name] for state in self.spec.states]
        self._old = [inputs[state.name] for state in self.spec.states]
        self._new = [outputs[NEW_STATE_PREFIX + state.name] for state in self.spec.states]
        self._channels: list[list[_Array]] = []
        self._try_one_step()

    @property
    def states(self) -> list[FloatArray]:
        """The present states as numbers, each ``(C, *shape)``, in the order and with the shapes of the spec."""
        found = []
        for index, (state, info) in enumerate(zip(self.spec.states, self._state_infos, strict=True)):
            axes = state_axes(state, info)
            assert axes is not None
            rows = [to_float(channel[index], info).transpose(axes) for channel in self._channels]
            found.append(np.concatenate(rows).reshape(len(rows), *state.shape))
        return found

    def reset(self) -> None:
        """Forget all inputs: what comes next follows silence."""
        self._channels = [self._silence() for _ in self._channels]

    def select(self, channels: Sequence[int]) -> None:
        """Rearrange the states; see :class:`kws.runtime.runner.Runner`."""
        self._channels = [[state.copy() for state in self._channels[channel]] for channel in channels]

    def run(self, inputs: FloatArray) -> FloatArray:
        """Take the next inputs and return their scores; see :class:`kws.runtime.runner.Runner`.

        Raises
        ------
        AudioError
            If the shape of `inputs` does not fit the model.
        """
        n_steps = count_steps(self.spec, inputs.shape)
        if inputs.shape[0] != len(self._channels):
            self._channels = [self._silence() for _ in range(inputs.shape[0])]
        stored = from_float(np.ascontiguousarray(inputs, np.float32), self._input_info)
        steps = stored.reshape(inputs.shape[0], n_steps, *self._input.shape)
        scores = np.empty((inputs.shape[0], n_steps, *self._scores.shape), self._scores.dtype)
        try:
            for states, channel_steps, channel_scores in zip(self._channels, steps, scores, strict=True):
                self._run_channel(states, channel_steps, channel_scores)
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f"{self._where}: cannot be run ({one_line(error)})") from None
        return to_float(scores, self._scores_info).reshape(inputs.shape[0], n_steps, -1)

    def _run_channel(self, states: list[_Array], steps: _Array, scores: _Array) -> None:
        for old, state in zip(self._old, states, strict=True):
            old[...] = state
        last = len(steps) - 1
        for index, step in enumerate(steps):
            self._input[...] = step
            self._interpreter.invoke()
            scores[index] = self._scores
            for target, new in zip(states if index == last else self._old, self._new, strict=True):
                target[...] = new

    def _silence(self) -> list[_Array]:
        return [np.full(info.shape, info.zero_point, NUMPY_TYPES[info.dtype]) for info in self._state_infos]

    def _try_one_step(self) -> None:
        # A runtime that refuses an operation, or weights that are no numbers, fail here and not in the middle of a
        # stream; so does one that would move its tensors while it runs.
        try_one_step(self, self._where)
        self._channels = []


def _runtime() -> Any:
    """Return the module of the first runtime that is installed."""
    try:
        return import_package(_RUNTIMES[0], "ai-edge-litert", "tflite", "run TFLite models")
    except MissingPackageError:
        return import_package(_RUNTIMES[1], "ai-edge-litert (or tflite-runtime)", "tflite", "run TFLite models")


def _open_interpreter(runtime: Any, data: bytes, where: str) -> Any:
    try:
        interpreter = runtime.Interpreter(model_content=data, num_threads=1)
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise ModelFileError(f"{where}: the runtime cannot load it ({one_line(error)})") from None
    return interpreter


def _views(interpreter: Any, details: list[dict[str, Any]], infos: dict[str, TensorInfo]) -> dict[str, _Array]:
    """Return the runtime's own memory of inputs or outputs as arrays: all copies of a step are two or three.

    The memory stays where it is until tensors are allocated again, and nothing does so. The arrays are made from
    addresses, because a runtime refuses to run while an array that it gave out itself is alive.
    """
    views = {}
    for (name, info), detail in zip(infos.items(), details, strict=True):
        array = interpreter.tensor(detail["index"])()
        assert array.shape == info.shape and array.dtype == NUMPY_TYPES[info.dtype]
        memory = (ctypes.c_byte * array.nbytes).from_address(array.ctypes.data)
        views[name] = np.frombuffer(memory, array.dtype).reshape(array.shape)
        del array
    return views


def from_float(values: FloatArray, info: TensorInfo) -> _Array:
    """Return numbers as a tensor stores them."""
    if info.dtype is DType.FLOAT32:
        return values
    limits = np.iinfo(NUMPY_TYPES[info.dtype])
    stored = np.rint(values / np.float32(info.scale[0])) + info.zero_point
    return np.clip(stored, limits.min, limits.max).astype(NUMPY_TYPES[info.dtype])


def to_float(stored: _Array, info: TensorInfo) -> FloatArray:
    """Return the numbers that a tensor stores."""
    if info.dtype is DType.FLOAT32:
        return stored.copy()
    return (stored.astype(np.float32) - np.float32(info.zero_point)) * np.float32(info.scale[0])
