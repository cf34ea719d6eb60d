"""From a trained network to files for devices: one graph, many writers, one gate."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from export.load import load_trained, open_trained
from export.parity import ParityReport, Tolerance, judge
from export.runtimes import MissingRuntimeError
from export.targets import EXPORTERS, FLOAT, Exporter, Job
from export.trained import Run, Trained, synthetic_signals
from export.verify import measure
from kws.audio import FloatArray
from kws.config import require_one_of
from kws.errors import ModelFileError, ParityError
from kws.files import replacing

__all__ = [
    "EXPORTERS",
    "Exporter",
    "Job",
    "ParityReport",
    "Trained",
    "export_each",
    "export_model",
    "load_trained",
    "open_trained",
]


def export_model(
    trained: Trained,
    path: str | os.PathLike[str],
    target: str = "onnx",
    audio: Sequence[FloatArray] = (),
    model_input: str | None = None,
) -> dict[str, ParityReport]:
    """Write a trained network as a self-describing file that has passed the parity gate.

    Parameters
    ----------
    trained : Trained
    path : path
        File to write; it appears only after the gate was passed.
    target : str
        Name in :data:`EXPORTERS`.
    audio : sequence of array, each (N,)
        Real recordings at 16 kHz, for the gate and for writers that must know the range of every value.
    model_input : {"samples", "features"}, optional
        Whether the front-end is inside the file; by default as the target does best.

    Returns
    -------
    dict of str to ParityReport
        What the gate measured, by runtime.

    Raises
    ------
    ConfigError
        If the target or the input is unknown, or the spec does not describe the network.
    ParityError
        If the file does not compute what the network does, or the runtime refuses it. Nothing is left behind,
        and a file that stood there is untouched.
    ModelFileError
        If the file cannot be written.
    """
    require_one_of("target", target, EXPORTERS)
    return _export(trained, EXPORTERS[target], Path(path), _runs(trained, audio), model_input)


def export_each(
    trained: Trained,
    folder: Path,
    targets: Sequence[str],
    audio: Sequence[FloatArray] = (),
    model_input: str | None = None,
) -> Iterator[tuple[str, Path, dict[str, ParityReport] | ParityError]]:
    """Write one network as several files, named after it, and say of each how it went.

    Parameters
    ----------
    trained, audio, model_input
        As for :func:`export_model`. A target that cannot take the input keeps its own.
    folder : Path
        Is made if need be.
    targets : sequence of str
        Names in :data:`EXPORTERS`.

    Yields
    ------
    target : str
    path : Path
    reports : dict of str to ParityReport, or ParityError
        What the gate measured by runtime, or why there is no file.

    Raises
    ------
    ConfigError, ModelFileError
        As :func:`export_model`.
    """
    for target in targets:
        require_one_of("target", target, EXPORTERS)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelFileError(f"{folder}: cannot be written ({error.strerror or error})") from None
    runs = _runs(trained, audio)
    for target in dict.fromkeys(targets):
        exporter = EXPORTERS[target]
        path = folder / f"{trained.spec.name}{exporter.suffix}"
        takes = model_input if model_input in exporter.inputs else None
        try:
            yield target, path, _export(trained, exporter, path, runs, takes)
        except ParityError as error:
            yield target, path, error


def _runs(trained: Trained, audio: Sequence[FloatArray]) -> tuple[list[Run], list[Run]]:
    """Return what the network makes of the recordings, and of the synthetic signals."""
    return trained.runs(audio), trained.runs(list(synthetic_signals().values()))


def _export(
    trained: Trained, exporter: Exporter, place: Path, runs: tuple[list[Run], list[Run]], model_input: str | None
) -> dict[str, ParityReport]:
    model_input = model_input or exporter.inputs[0]
    require_one_of("input", model_input, exporter.inputs)
    recorded, synthetic = runs
    spec = dataclasses.replace(trained.spec, input=model_input)
    try:
        # The suffix chooses the runtime.
        with replacing(place, keeps_suffix=True) as temporary:
            exporter.write(Job(spec, trained.graph, temporary, [run.features[0] for run in recorded]))
            if exporter.rounding is not None:
                rounded = Trained.of_graph(trained.spec, exporter.rounding(trained.graph))
                exact = rounded.runs([run.samples for run in [*recorded, *synthetic]])
                _pass_gate(exporter, temporary, exact, FLOAT[model_input])
            return _pass_gate(exporter, temporary, [*recorded, *synthetic], exporter.tolerances[model_input])
    except (ParityError, ModelFileError) as error:
        raise ParityError(f"{place.name} was not written: {error}") from None
    except OSError as error:
        raise ModelFileError(f"{place}: cannot be written ({error.strerror or error})") from None


def _pass_gate(exporter: Exporter, path: Path, runs: Sequence[Run], tolerance: Tolerance) -> dict[str, ParityReport]:
    reports = {}
    for runtime, open_artefact in {**exporter.runtimes, **exporter.further}.items():
        try:
            reports[runtime] = measure(open_artefact(path), path, runs, tolerance)
            judge(reports[runtime], tolerance)
        except MissingRuntimeError:
            if runtime not in exporter.further:
                raise
        except ParityError as error:
            raise ParityError(f"{runtime}: {error}") from None
    return reports
