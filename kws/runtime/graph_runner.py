"""`GraphRunner`: a ``.kws`` file on the numpy executor of the graph, without any other package.

It is the reference, and a way to run a model where neither ONNX Runtime nor LiteRT is to be had; it is slower than
both.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from kws.audio import FloatArray
from kws.graph import run_graph, zero_states
from kws.runtime.graph_file import read_graph_file
from kws.runtime.runner import count_steps, try_one_step
from kws.spec import ModelSpec


class GraphRunner:
    """Run one model in numpy; see :class:`kws.runtime.runner.Runner`.

    Parameters
    ----------
    path : path

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, hostile, of a newer format, or no ``.kws`` model.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.spec: ModelSpec
        self.spec, self._graph = read_graph_file(path)
        self._states = zero_states(self._graph)
        self._try_one_step(os.fspath(path))

    @property
    def states(self) -> list[FloatArray]:
        """The present states, each ``(C, *shape)``, in the order of the spec."""
        return [state.copy() for state in self._states]

    def reset(self) -> None:
        """Forget all inputs: what comes next follows silence."""
        self._states = zero_states(self._graph)

    def select(self, channels: Sequence[int]) -> None:
        """Rearrange the states; see :class:`kws.runtime.runner.Runner`."""
        self._states = [np.take(state, channels, axis=0) for state in self._states]

    def run(self, inputs: FloatArray) -> FloatArray:
        """Take the next features and return their scores; see :class:`kws.runtime.runner.Runner`.

        Raises
        ------
        AudioError
            If the shape of `inputs` does not fit the model.
        """
        count_steps(self.spec, inputs.shape)
        if any(len(state) != len(inputs) for state in self._states):
            self._states = zero_states(self._graph, len(inputs))
        scores, self._states = run_graph(self._graph, inputs, self._states)
        return scores

    def _try_one_step(self, where: str) -> None:
        with np.errstate(all="ignore"):
            try_one_step(self, where)
        self.reset()
