"""Does a model file that is there already compute what another one, or a checkpoint, does?"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from export.load import open_trained
from export.parity import Artefact, ParityReport, Tolerance, compare
from export.runtimes import MissingRuntimeError, TfliteProcess
from export.targets import ALONE, FLOAT, FURTHER, OLD, RUNTIMES, Opener
from export.trained import Run, synthetic_signals
from kws.audio import FloatArray
from kws.errors import ConfigError, ModelFileError
from kws.features import clip_features
from kws.runtime.onnx_file import read_bytes
from kws.runtime.runner import open_runner
from kws.runtime.scorer import Scorer
from kws.runtime.tflite_check import read_signature
from kws.runtime.tflite_file import parse_tflite
from kws.runtime.tflite_schema import DType
from kws.spec import ModelSpec


def verify(
    path: Path, against: Path, audio: Sequence[FloatArray], max_error: float | None = None
) -> tuple[dict[str, ParityReport], Tolerance]:
    """Compare a model file with a reference, in every runtime that is made for it.

    Parameters
    ----------
    path : Path
        Model file; untrusted.
    against : Path
        Checkpoint, or model file of any format.
    audio : sequence of array, each (N,)
        Recordings at 16 kHz; the synthetic signals of the gate are added.
    max_error : float, optional
        Largest accepted error of a score; by default that of float32. With it, states may differ by anything.

    Returns
    -------
    reports : dict of str to ParityReport
        By runtime; none of them is judged. State errors are NaN where the reference is no network.
    tolerance : Tolerance
        What they are to be judged by.

    Raises
    ------
    ConfigError
        If the two have other keywords, steps or front-ends: they cannot be compared.
    ModelFileError, CheckpointError
        If a file cannot be read.
    """
    artefacts = _open_everywhere(path)
    spec = next(iter(artefacts.values())).spec
    tolerance = FLOAT[spec.input]
    if max_error is not None:
        tolerance = dataclasses.replace(tolerance, score=max_error, state=math.inf)
    signals = [*audio, *synthetic_signals().values()]
    reference, runs = _runs(against, signals)
    _require_alike(spec, reference, path, against)
    reports = {name: measure(artefact, path, runs, tolerance) for name, artefact in artefacts.items()}
    return reports, tolerance


def measure(artefact: Artefact, path: Path, runs: Sequence[Run], tolerance: Tolerance) -> ParityReport:
    """Compare an opened file with a reference, and end its process if it has one of its own."""
    report = dataclasses.replace(compare(artefact, runs, tolerance), size_bytes=path.stat().st_size)
    if isinstance(artefact, TfliteProcess):
        artefact.close()
        # What it took to talk to the process is no time of a step.
        report = dataclasses.replace(report, step_us=math.nan)
    return report


def _open_everywhere(path: Path) -> dict[str, Artefact]:
    needed, further = _openers(path)
    artefacts = {name: open_artefact(path) for name, open_artefact in needed.items()}
    for name, open_artefact in further.items():
        with contextlib.suppress(MissingRuntimeError):
            artefacts[name] = open_artefact(path)
    return artefacts


def _openers(path: Path) -> tuple[Mapping[str, Opener], Mapping[str, Opener]]:
    """Return what must open a file, and the runtimes of devices in which it is compared where they are installed."""
    suffix = path.suffix.lower()
    if suffix not in RUNTIMES:
        raise ModelFileError(f"{path}: accepted suffixes of model files are {', '.join(sorted(RUNTIMES))}")
    if suffix != ".tflite":
        return RUNTIMES[suffix], {}
    file = parse_tflite(read_bytes(path, "a TFLite model"), path)
    inputs = read_signature(file, str(path)).inputs
    keeps_states, is_float = len(inputs) == 1, inputs[file.spec.input].dtype == DType.FLOAT32
    return ALONE if keeps_states else RUNTIMES[suffix], OLD if is_float else FURTHER


def _runs(against: Path, signals: Sequence[FloatArray]) -> tuple[ModelSpec, list[Run]]:
    if against.suffix.lower() not in RUNTIMES:
        trained = open_trained(against)
        return trained.spec, trained.runs(signals)
    scorer = Scorer(open_runner(against))
    return scorer.spec, [run for signal in signals for run in _run(scorer, signal)]


def _run(scorer: Scorer, signal: FloatArray) -> list[Run]:
    usable = signal[: len(signal) // scorer.spec.step_samples * scorer.spec.step_samples]
    if not len(usable):
        return []
    scorer.reset()
    blocks = [*scorer.process(usable), scorer.flush()]
    return [Run(usable, clip_features(usable[None], scorer.spec.front_end), np.concatenate(blocks, axis=1)[0], [])]


def _require_alike(spec: ModelSpec, reference: ModelSpec, path: Path, against: Path) -> None:
    for name in ("keywords", "front_end", "step_frames"):
        have, want = getattr(spec, name), getattr(reference, name)
        if have != want:
            raise ConfigError(f"{path} has {name} {have}, {against} has {want}: they are not one model")
