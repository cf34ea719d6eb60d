"""What quantised files cost where it matters: words missed at the same number of false accepts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from export.onnx.writer import write_onnx
from export.quantize_report import QuantisationReport, quantisation_report
from export.targets import EXPORTERS
from export.trained import Trained
from kws.audio import FloatArray
from kws.evaluate.trials import Trial
from kws.graph import calibrate


def judge_quantised(
    trained: Trained, files: Mapping[str, Path], trials: Sequence[Trial], audio: Sequence[FloatArray]
) -> Iterator[tuple[Path, QuantisationReport]]:
    """Play the same trials to the network in float and to each quantised file that a detector opens.

    Parameters
    ----------
    trained : Trained
    files : mapping of str to Path
        Exported files by target.
    trials : sequence of Trial
        With words, and hours without them.
    audio : sequence of array, each (N,)
        Recordings on which ranges and the errors of tensors are measured.

    Yields
    ------
    path : Path
    report : QuantisationReport

    Raises
    ------
    ConfigError
        As :func:`export.quantize_report.quantisation_report`.
    """
    tracks = [run.features[0] for run in trained.runs(audio)]
    ranges = calibrate(trained.graph, tracks)
    with tempfile.TemporaryDirectory(prefix="kws-export-") as folder:
        reference = Path(folder) / "float.onnx"
        write_onnx(trained.spec, trained.graph, reference)
        for target, path in files.items():
            exporter = EXPORTERS[target]
            if exporter.is_quantised and exporter.is_for_detectors:
                per_output = path.suffix != ".tflite"
                yield path, quantisation_report(reference, path, trials, trained.graph, ranges, tracks, per_output)
