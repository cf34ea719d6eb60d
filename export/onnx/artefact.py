"""Open an exported ONNX file for the parity gate, with the very runner that detectors use."""

from __future__ import annotations

from kws.audio import FloatArray
from kws.runtime.onnx_runner import OnnxRunner


class OnnxArtefact(OnnxRunner):
    """An ONNX model in ONNX Runtime whose states can be looked at; see :class:`export.parity.Artefact`."""

    @property
    def states(self) -> list[FloatArray]:
        """The present states, each ``(C, *shape)``, in the order of the spec."""
        return [state.copy() for state in self._states[self._turn]]
