"""Open an exported TFLite file for the parity gate, with the very runner that detectors use."""

from __future__ import annotations

from kws.runtime.tflite_runner import TfliteRunner


class TfliteArtefact(TfliteRunner):
    """A TFLite model in its runtime whose states can be looked at; see :class:`export.parity.Artefact`."""
