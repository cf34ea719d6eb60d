"""Does a model file that is there already compute what another one, or a checkpoint, does?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.load import open_trained
from export.parity import ParityReport, Tolerance, compare
from export.targets import RUNTIMES
from export.trained import Run, synthetic_signals
from kws.audio import FloatArray
from kws.config import require_one_of
from kws.errors import ConfigError
from kws.features import clip_features
from kws.runtime.runner import open_runner
from kws.runtime.scorer import Scorer
from kws.spec import ModelSpec


def verify(path: Path, against: Path, audio: Sequence[FloatArray], tolerance: Tolerance) -> dict[str, ParityReport]:
    """Compare a model file with a reference, in every runtime that is made for it.

    Parameters
    ----------
    path : Path
        Model file; untrusted.
    against : Path
        Checkpoint, or model file of any format.
    audio : sequence of array, each (N,)
        Recordings at 16 kHz; the synthetic signals of the gate are added.
    tolerance : Tolerance
        Decides which events count as different; see :class:`export.parity.Tolerance`.

    Returns
    -------
    dict of str to ParityReport
        By runtime; none of them is judged. State errors are NaN where the reference is no network.

    Raises
    ------
    ConfigError
        If the two have other keywords, steps or front-ends: they cannot be compared.
    ModelFileError, CheckpointError
        If a file cannot be read.
    """
    require_one_of("suffix of the model", path.suffix.lower(), RUNTIMES)
    openers = RUNTIMES[path.suffix.lower()]
    artefacts = {name: open_artefact(path) for name, open_artefact in openers.items()}
    spec = next(iter(artefacts.values())).spec
    signals = [*audio, *synthetic_signals().values()]
    reference, runs = _runs(against, signals)
    _require_alike(spec, reference, path, against)
    reports = {name: compare(artefact, runs, tolerance) for name, artefact in artefacts.items()}
    return {name: dataclasses.replace(r, size_bytes=path.stat().st_size) for name, r in reports.items()}


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
