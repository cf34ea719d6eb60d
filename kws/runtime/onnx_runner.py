"""`OnnxRunner`: a self-describing ONNX model in ONNX Runtime, on one thread."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from kws.audio import FloatArray
from kws.errors import ModelFileError
from kws.packages import import_package, one_line
from kws.runtime.onnx_file import read_bytes, read_spec
from kws.runtime.runner import count_steps, try_one_step
from kws.spec import ModelSpec

NEW_STATE_PREFIX = "new_"
# A stream has one input shape, and another at its end; evaluation of whole recordings has many.
_MAX_BINDINGS = 4
_LOG_FATAL_ONLY = 4


class OnnxRunner:
    """Run one model; the states stay inside ONNX Runtime from call to call.

    For an input shape that comes again, inputs, outputs and states are bound once: the model reads the states
    from one set of arrays and writes them to the other, and the sets change places. Against a plain call that
    saves a fifth of the cost of an 80 ms block.

    Parameters
    ----------
    path : path
        File with the inputs ``features`` (B, T, F) or ``samples`` (B, N) and each state of its spec, and the
        outputs ``scores`` (B, T', K) and ``new_<state>``.

    Raises
    ------
    ModelFileError
        If the file is missing, truncated, not ONNX, not of this toolkit, of a newer format, above 64 MiB, keeps
        weights elsewhere, or if its graph is not what its spec says.
    MissingPackageError
        If onnxruntime is not installed.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._where = os.fspath(path)
        data = read_bytes(path)
        self.spec: ModelSpec = read_spec(data, self._where)
        self._ort = import_package("onnxruntime", "onnxruntime", "onnx", "run ONNX models")
        self._session = _open_session(self._ort, data, self._where)
        _check_signature(self._session, self.spec, self._where)
        self._states: tuple[list[FloatArray], list[FloatArray]] = ([], [])
        self._bindings: dict[tuple[int, ...], _Binding] = {}
        self._n_channels = 0
        self._turn = 0
        self._try_one_step()

    @property
    def states(self) -> list[FloatArray]:
        """The present states, each ``(C, *shape)``, in the order of the spec."""
        return [state.copy() for state in self._states[self._turn]]

    def reset(self) -> None:
        """Forget all inputs: what comes next follows silence."""
        for state in self._states[self._turn]:
            state[...] = 0.0

    def select(self, channels: Sequence[int]) -> None:
        """Rearrange the states; see :class:`kws.runtime.runner.Runner`."""
        states = [np.take(state, channels, axis=0) for state in self._states[self._turn]]
        self._allocate_states(len(channels))
        for state, selected in zip(self._states[self._turn], states, strict=True):
            state[...] = selected

    def run(self, inputs: FloatArray) -> FloatArray:
        """Take the next inputs and return their scores; see :class:`kws.runtime.runner.Runner`.

        Raises
        ------
        AudioError
            If the shape of `inputs` does not fit the model.
        """
        binding = self._bindings.get(inputs.shape)
        if binding is None:
            binding = self._bind(inputs.shape)
        binding.inputs[...] = inputs
        try:
            self._session.run_with_iobinding(binding.turns[self._turn])
        except Exception as error:  # ONNX Runtime's own errors share no base class.
            raise ModelFileError(f"{self._where}: cannot be run ({one_line(error)})") from None
        self._turn = 1 - self._turn
        return binding.scores.copy()

    def _bind(self, shape: tuple[int, ...]) -> _Binding:
        n_steps = count_steps(self.spec, shape)
        if shape[0] != self._n_channels:
            self._allocate_states(shape[0])
        if len(self._bindings) >= _MAX_BINDINGS:
            del self._bindings[next(iter(self._bindings))]
        inputs = np.zeros(shape, np.float32)
        scores = np.zeros((shape[0], n_steps, len(self.spec.keywords)), np.float32)
        binding = _Binding(self._ort, self._session, self.spec, inputs, scores, self._states)
        self._bindings[shape] = binding
        return binding

    def _allocate_states(self, n_channels: int) -> None:
        shapes = [(n_channels, *state.shape) for state in self.spec.states]
        self._states = ([np.zeros(s, np.float32) for s in shapes], [np.zeros(s, np.float32) for s in shapes])
        self._bindings.clear()
        self._n_channels = n_channels
        self._turn = 0

    def _try_one_step(self) -> None:
        # A graph whose outputs are of other sizes than its spec says fails here, not in the middle of a stream.
        try_one_step(self, self._where)
        self.reset()


class _Binding:
    """Arrays of one input shape, bound for both directions of the states."""

    def __init__(
        self,
        ort: Any,
        session: Any,
        spec: ModelSpec,
        inputs: FloatArray,
        scores: FloatArray,
        states: tuple[list[FloatArray], list[FloatArray]],
    ) -> None:
        self.inputs = inputs
        self.scores = scores
        # On the CPU an OrtValue shares the memory of its array, which must outlive it.
        share = ort.OrtValue.ortvalue_from_numpy
        shared_inputs, shared_scores = share(inputs), share(scores)
        shared_states = [[share(state) for state in side] for side in states]
        self.turns = []
        for before, after in ((0, 1), (1, 0)):
            binding = session.io_binding()
            binding.bind_ortvalue_input(spec.input, shared_inputs)
            binding.bind_ortvalue_output("scores", shared_scores)
            for state, old, new in zip(spec.states, shared_states[before], shared_states[after], strict=True):
                binding.bind_ortvalue_input(state.name, old)
                binding.bind_ortvalue_output(NEW_STATE_PREFIX + state.name, new)
            self.turns.append(binding)


def _open_session(ort: Any, data: bytes, where: str) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    # A detector waits most of the time: it must not spin while it does.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # What goes wrong is raised; ONNX Runtime would write it to stderr as well.
    options.log_severity_level = _LOG_FATAL_ONLY
    try:
        return ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's own errors share no base class.
        raise ModelFileError(f"{where}: ONNX Runtime cannot load it ({one_line(error)})") from None


def _check_signature(session: Any, spec: ModelSpec, where: str) -> None:
    states = [(state.name, state.shape) for state in spec.states]
    fixed = () if spec.input == "samples" else (spec.front_end.n_bands,)
    inputs = [(spec.input, (None, *fixed))] + states
    outputs = [("scores", (None, len(spec.keywords)))] + [(NEW_STATE_PREFIX + name, shape) for name, shape in states]
    for kind, found, stated in (("inputs", session.get_inputs(), inputs), ("outputs", session.get_outputs(), outputs)):
        if [item.name for item in found] != [name for name, _ in stated]:
            names = ", ".join(item.name for item in found)
            raise ModelFileError(f"{where}: has the {kind} {names[:120]}; its spec says {', '.join(dict(stated))}")
        for item, (name, shape) in zip(found, stated, strict=True):
            _check_value(item, name, shape, where)


def _check_value(item: Any, name: str, shape: tuple[int | None, ...], where: str) -> None:
    # The first axis is the batch, written as a name or left open; None stands for another open axis.
    found = tuple(axis if isinstance(axis, int) else None for axis in item.shape or ())
    fits = len(found) == len(shape) + 1 and found[0] is None
    fits = fits and all(have is None or have == want for have, want in zip(found[1:], shape, strict=True))
    if item.type != "tensor(float)" or not fits:
        raise ModelFileError(f"{where}: {name} is {item.type} {list(found)}; its spec says float32 (B, {shape})")
