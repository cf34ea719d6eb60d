"""Run a TFLite step in one runtime, as a program of its own: some runtimes live in another environment than ours.

    python tflite_worker.py RUNTIME MODEL INPUTS < requests > answers

INPUTS is the number of the model's inputs. It needs numpy and the runtime, nothing of this toolkit. A request is the
steps ``(n, *input shape)`` as the model stores them, an answer the ``(n, *scores shape)`` scores, then each state; no
step at all goes back to silence. Every array is a length (8 bytes, little-endian) and a file of numpy's ``npy`` format.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

_LENGTH = struct.Struct("<Q")


def read_array(stream: BinaryIO) -> np.ndarray | None:
    """Return the next array, None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return np.load(io.BytesIO(stream.read(_LENGTH.unpack(head)[0])), allow_pickle=False)


def write_array(stream: BinaryIO, array: np.ndarray) -> None:
    """Write an array."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    stream.write(_LENGTH.pack(buffer.tell()) + buffer.getvalue())


class LiteModel:
    """A model in LiteRT or tflite-runtime."""

    def __init__(self, data: bytes, runtime: str) -> None:
        if runtime == "tflite-runtime":
            from tflite_runtime.interpreter import Interpreter
        else:
            from ai_edge_litert.interpreter import Interpreter
        self._interpreter = Interpreter(model_content=data, num_threads=1)
        self._interpreter.allocate_tensors()
        self.inputs = self._interpreter.get_input_details()
        self._outputs = self._interpreter.get_output_details()

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Return all outputs for all inputs."""
        for detail, array in zip(self.inputs, arrays, strict=True):
            self._interpreter.set_tensor(detail["index"], array)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(detail["index"]) for detail in self._outputs]


class MicroModel:
    """A model in TensorFlow Lite for microcontrollers."""

    def __init__(self, data: bytes, n_inputs: int) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self._interpreter = runtime.Interpreter.from_bytes(data)
        self.inputs = [self._interpreter.get_input_details(index) for index in range(n_inputs)]

    def run(self, arrays: list[np.ndarray]) -> list[np.ndarray]:
        """Return as many outputs as there are inputs: scores, and a new value for each state."""
        for index, array in enumerate(arrays):
            self._interpreter.set_input(array, index)
        self._interpreter.invoke()
        return [np.array(self._interpreter.get_output(index)) for index in range(len(arrays))]


def silence(inputs: list[dict[str, Any]]) -> list[np.ndarray]:
    """Return the states of silence: each filled with its zero point."""
    states = []
    for detail in inputs[1:]:
        zeros = detail["quantization_parameters"]["zero_points"]
        states.append(np.full(detail["shape"], zeros[0] if len(zeros) else 0, detail["dtype"]))
    return states


def serve(open_model: Callable[[], LiteModel | MicroModel], requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    model = open_model()
    states = silence(model.inputs)
    while (steps := read_array(requests)) is not None:
        if not len(steps):
            # Opened anew: some models keep their states to themselves.
            model = open_model()
            states = silence(model.inputs)
        scores = []
        for step in steps:
            outputs = model.run([step, *states])
            scores.append(outputs[0])
            states = outputs[1:]
        for array in (np.array(scores), *states):
            write_array(answers, array)
        answers.flush()


def main() -> None:
    """Serve the model that the command line names."""
    runtime, path, n_inputs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    with open(path, "rb") as file:
        data = file.read()

    def open_model() -> LiteModel | MicroModel:
        return MicroModel(data, n_inputs) if runtime == "tflite-micro" else LiteModel(data, runtime)

    serve(open_model, sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
