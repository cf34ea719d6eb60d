"""Open an exported ONNX file in onnxruntime, for the parity gate."""

from __future__ import annotations

import os
from collections.abc import Sequence

from kws.audio import FloatArray
from kws.errors import MissingPackageError
from kws.spec import METADATA_KEY, ModelSpec

try:
    import onnxruntime
except ImportError:
    raise MissingPackageError("onnxruntime", "onnx", "check exported models") from None


class OnnxArtefact:
    """An ONNX model in onnxruntime on one thread; it knows nothing but what the file says.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(os.fspath(path), options, providers=["CPUExecutionProvider"])
        metadata = self._session.get_modelmeta().custom_metadata_map
        self.spec = ModelSpec.from_json(metadata[METADATA_KEY], os.fspath(path))

    def step(self, inputs: FloatArray, states: Sequence[FloatArray]) -> tuple[FloatArray, list[FloatArray]]:
        """Run one block; see :class:`export.parity.Artefact`."""
        feed = {self.spec.input: inputs}
        feed.update((state.name, value) for state, value in zip(self.spec.states, states, strict=True))
        scores, *new_states = self._session.run(None, feed)
        return scores, new_states
