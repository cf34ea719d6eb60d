"""The interface of Porcupine 3: ``create(...).process(pcm) -> index``, -1 where nothing was heard.

References
----------
https://picovoice.ai/docs/api/porcupine-python/
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE_HZ, require, require_one_of, shown
from kws.errors import AudioError, ConfigError
from kws.runtime import Detector, open_runner
from kws.spec import ModelSpec

FRAME_LENGTH = 512
INTERFACE_VERSION = "3.0.0"

KEYWORD_PATHS = {"computer": str(Path(__file__).parents[1] / "assets" / "computer.onnx")}
"""Files of the bundled models, by keyword."""

KEYWORDS = set(KEYWORD_PATHS)

_INT16 = np.iinfo(np.int16)


def create(
    access_key: str | None = None,
    library_path: None = None,
    model_path: None = None,
    device: str | None = None,
    keyword_paths: Sequence[str | os.PathLike[str]] | None = None,
    keywords: Sequence[str] | None = None,
    sensitivities: Sequence[float] | None = None,
) -> Porcupine:
    """Return a detector.

    Parameters
    ----------
    access_key, device : optional
        No effect: no key is needed, and everything runs on the CPU.
    library_path, model_path : None
        There are none here: a model file holds all that it needs.
    keyword_paths : sequence of path, optional
        Model files of this toolkit. They come before `keywords`.
    keywords : sequence of str, optional
        Bundled keywords: :data:`KEYWORDS`.
    sensitivities : sequence of float, optional
        One a model, 0 to 1, by default 0.5; see :class:`Porcupine`.

    Raises
    ------
    ConfigError
        If neither keywords nor files are given, one is unknown, or the numbers do not match.
    ModelFileError, MissingPackageError
        If a model cannot be opened.
    """
    for name, value in (("library_path", library_path), ("model_path", model_path)):
        if value is not None:
            raise ConfigError(f"{name} is {shown(value)}; this toolkit has no such file, accepted is to leave it out")
    if keyword_paths is None:
        if keywords is None:
            raise ConfigError("neither keywords nor keyword_paths is given; accepted is one of them")
        for keyword in keywords:
            require_one_of("keywords", keyword, KEYWORDS)
        keyword_paths = [KEYWORD_PATHS[keyword] for keyword in keywords]
    if sensitivities is None:
        sensitivities = [0.5] * len(keyword_paths)
    return Porcupine(keyword_paths, sensitivities)


class Porcupine:
    """Porcupine's detector on models of this toolkit; made by :func:`create`.

    Parameters
    ----------
    keyword_paths : sequence of path
        One model an index. Whatever keyword of a model is heard, its index is that of the file.
    sensitivities : sequence of float
        One a model, 0 to 1. A keyword fires at ``threshold ** (2 * sensitivity)``: 0.5 is the model's own
        threshold, 1 its square, and at 0 the score must reach 1, which it hardly ever does.

    Raises
    ------
    ConfigError
        If there is no model, or a sensitivity is missing or out of range.
    """

    def __init__(self, keyword_paths: Sequence[str | os.PathLike[str]], sensitivities: Sequence[float]) -> None:
        if not keyword_paths or len(keyword_paths) != len(sensitivities):
            n_models, n_given = len(keyword_paths), len(sensitivities)
            raise ConfigError(f"{n_models} keywords have {n_given} sensitivities; accepted are one or more, one each")
        for sensitivity in sensitivities:
            require("sensitivities", sensitivity, 0.0, 1.0)
        self._detectors = [_open(path, value) for path, value in zip(keyword_paths, sensitivities, strict=True)]
        # Two keywords in one frame are returned one after the other.
        self._waiting: deque[int] = deque()

    @property
    def frame_length(self) -> int:
        """Samples that :meth:`process` takes."""
        return FRAME_LENGTH

    @property
    def sample_rate(self) -> int:
        """Samples a second."""
        return SAMPLE_RATE_HZ

    @property
    def version(self) -> str:
        """Version of Porcupine whose interface this is."""
        return INTERFACE_VERSION

    def process(self, pcm: Sequence[int] | npt.NDArray[np.int16]) -> int:
        """Take the next frame and return the index of the keyword that was heard, -1 for none.

        Parameters
        ----------
        pcm : sequence of int, :attr:`frame_length` of them
            16-bit samples, mono, 16 kHz.

        Returns
        -------
        int
            An index is returned once for each detection, with the frame that completes the 80 ms in which it lies.

        Raises
        ------
        AudioError
            If that is no frame.
        ConfigError
            After :meth:`delete`.
        """
        if not self._detectors:
            raise ConfigError("process was called after delete; accepted is before")
        samples = _frame(pcm)
        found = [
            (event.time_s, index)
            for index, detector in enumerate(self._detectors)
            for event in detector.process(samples)
        ]
        self._waiting.extend(index for _, index in sorted(found))
        return self._waiting.popleft() if self._waiting else -1

    def delete(self) -> None:
        """Release the models; a second call does nothing."""
        self._detectors = []


def _open(path: str | os.PathLike[str], sensitivity: float) -> Detector:
    runner = open_runner(path)
    return Detector(runner, spec=_with_sensitivity(runner.spec, sensitivity))


def _with_sensitivity(spec: ModelSpec, sensitivity: float) -> ModelSpec:
    for keyword in spec.keywords:
        spec = spec.with_rule(keyword, threshold=spec.decision_of(keyword).threshold ** (2.0 * sensitivity))
    return spec


def _frame(pcm: Sequence[int] | npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    samples = np.asarray(pcm)
    if samples.shape != (FRAME_LENGTH,):
        raise AudioError(f"a frame has shape {samples.shape}; accepted are {FRAME_LENGTH} samples")
    is_whole = samples.dtype.kind in "iu"
    if not is_whole or samples.min() < _INT16.min or samples.max() > _INT16.max:
        raise AudioError(f"a frame is {samples.dtype}; accepted are whole numbers from {_INT16.min} to {_INT16.max}")
    return samples.astype(np.int16, copy=False)
