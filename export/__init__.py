"""From a trained network to a file for a device: one graph, many writers, one gate.

A new target is one file with a writer and an artefact class, and one line in ``EXPORTERS``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from export.load import load_trained
from export.onnx_artefact import OnnxArtefact
from export.onnx_writer import write_onnx
from export.parity import Artefact, ParityReport, check_parity
from kws.audio import FloatArray
from kws.config import require_one_of
from kws.errors import ModelFileError, ParityError
from kws.graph import Graph
from kws.models import StreamingModel
from kws.spec import ModelSpec

DEFAULT_INPUT = "samples"
"""The front-end inside the graph is the cheaper form, as ``benchmarks/front_end_in_graph.py`` measures."""

__all__ = ["DEFAULT_INPUT", "EXPORTERS", "Exporter", "ParityReport", "export_model", "load_trained"]


@dataclass(frozen=True)
class Exporter:
    """One target: how a file is written, and how it is opened in its runtime for the gate."""

    write: Callable[[ModelSpec, Graph, Path], None]
    open: Callable[[Path], Artefact]


EXPORTERS: dict[str, Exporter] = {
    "onnx": Exporter(write_onnx, OnnxArtefact),
}
"""Targets by name."""


def export_model(
    spec: ModelSpec,
    model: StreamingModel,
    path: str | os.PathLike[str],
    target: str = "onnx",
    audio: Sequence[FloatArray] = (),
    model_input: str = DEFAULT_INPUT,
) -> ParityReport:
    """Write a trained network as a self-describing file that has passed the parity gate.

    Parameters
    ----------
    spec : ModelSpec
        Goes into the file, with the input and states that the file has.
    model : StreamingModel
        Left as it is, but put into evaluation mode.
    path : path
        File to write; it appears only after the gate was passed.
    target : str
        Name in :data:`EXPORTERS`.
    audio : sequence of array, each (N,)
        Real recordings at 16 kHz for the gate.
    model_input : {"samples", "features"}
        Whether the front-end is inside the file.

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
    exporter, model = EXPORTERS[target], model.eval()
    spec = dataclasses.replace(spec, input=model_input)
    place = Path(path)
    # The suffix stays, as it chooses the runtime.
    temporary = place.parent / f".{place.stem}.{os.getpid()}.tmp{place.suffix}"
    try:
        exporter.write(spec, model.to_graph(), temporary)
        report = check_parity(exporter.open(temporary), model, audio)
        report = dataclasses.replace(report, size_bytes=temporary.stat().st_size)
        os.replace(temporary, place)
    except (ParityError, ModelFileError) as error:
        raise ParityError(f"{place.name} was not written: {error}") from None
    except OSError as error:
        raise ModelFileError(f"{place}: cannot be written ({error.strerror or error})") from None
    finally:
        # Where the folder is none, there is nothing to remove either.
        with contextlib.suppress(OSError):
            temporary.unlink()
    return report
