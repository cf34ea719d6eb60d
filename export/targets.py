"""The export targets: how each file is written, in which runtimes it is proven, and what it may differ by.

A new target is one file with a writer, and one line in ``EXPORTERS``; a new format has a runner that shows its
``states`` to the gate.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from export.graph_writer import write_graph, write_graph_int8
from export.onnx.int8_writer import write_onnx_int8
from export.onnx.writer import write_onnx
from export.parity import EXACT, FRONT_END_INSIDE, Artefact, Tolerance
from export.quantize import with_int8_weights
from export.runtimes import LITERT, TFLITE_MICRO, TFLITE_RUNTIME, TfliteProcess
from export.tflite.writer import write_tflite, write_tflite_dynamic, write_tflite_int8
from kws.audio import FloatArray
from kws.graph import Graph, calibrate
from kws.runtime.graph_runner import GraphRunner
from kws.runtime.onnx_runner import OnnxRunner
from kws.runtime.tflite_runner import TfliteRunner
from kws.spec import ModelSpec

Opener = Callable[[Path], Artefact]

FLOAT = {"features": EXACT, "samples": FRONT_END_INSIDE}
"""What a file of float32 may differ by."""

INT8 = {takes: Tolerance(score=0.3, state=math.inf, threshold=0.1) for takes in ("features", "samples")}
"""What a quantised file may differ by: a bound on blunders. What it misses and accepts is what counts, and a state that
saturates under a full-scale chirp misses nothing."""


@dataclass(frozen=True)
class Job:
    """What a writer is given.

    Parameters
    ----------
    spec : ModelSpec
        Goes into the file; its ``input`` says whether the front-end does too.
    graph : Graph
    path : Path
        File to write.
    tracks : sequence of array, each (T, F)
        Features of real recordings, for writers that must know the range of every value.
    """

    spec: ModelSpec
    graph: Graph
    path: Path
    tracks: Sequence[FloatArray] = ()


@dataclass(frozen=True)
class Exporter:
    """One target.

    Parameters
    ----------
    title : str
        What it is, in the words of a user.
    suffix : str
        End of the file's name; its last part chooses the runner.
    write : callable
    runtimes : mapping of str to callable
        What opens the file for the gate, by the name of the runtime; the file must pass in each.
    further : mapping of str to callable
        Runtimes of devices in which it is proven as well, where they are installed.
    inputs : tuple of str
        What its files can take, the default first.
    tolerances : mapping of str to Tolerance
        What the file may differ by from the trained network, by its input.
    rounding : callable, optional
        What rounding makes of the graph, where the file computes the rounded graph in float: it is held to that one as
        a file of float32 is.
    """

    title: str
    suffix: str
    write: Callable[[Job], None]
    runtimes: Mapping[str, Opener]
    further: Mapping[str, Opener] = field(default_factory=dict)
    inputs: tuple[str, ...] = ("samples", "features")
    tolerances: Mapping[str, Tolerance] = field(default_factory=lambda: FLOAT)
    rounding: Callable[[Graph], Graph] | None = None

    @property
    def is_quantised(self) -> bool:
        """Whether its files are other networks than the trained one, by rounding."""
        return self.tolerances is INT8

    @property
    def is_for_detectors(self) -> bool:
        """Whether ``Detector`` opens its files: not those that keep their states to themselves."""
        return self.runtimes == RUNTIMES["." + self.suffix.rpartition(".")[2]]


RUNTIMES: dict[str, dict[str, Opener]] = {
    ".kws": {"numpy": GraphRunner},
    ".onnx": {"ONNX Runtime": OnnxRunner},
    ".tflite": {"LiteRT": TfliteRunner},
}
"""What opens a file for the gate, by its suffix and the name of the runtime."""

FURTHER: dict[str, Opener] = {
    name: functools.partial(TfliteProcess, runtime=name) for name in (TFLITE_RUNTIME, TFLITE_MICRO)
}
"""Runtimes of devices: each is a process of its own, and may be missing."""

OLD = {TFLITE_RUNTIME: FURTHER[TFLITE_RUNTIME]}
"""Those of them that compute in float32 as well."""

ALONE: dict[str, Opener] = {"LiteRT": functools.partial(TfliteProcess, runtime=LITERT)}
"""What opens a file that keeps its states to itself: for a detector it is none."""


def _write_int8(job: Job, state_type: str, keeps_states: bool = False) -> None:
    ranges = calibrate(job.graph, job.tracks)
    write_tflite_int8(job.spec, job.graph, ranges, job.path, state_type, keeps_states)


EXPORTERS: dict[str, Exporter] = {
    "onnx": Exporter(
        "ONNX",
        ".onnx",
        lambda job: write_onnx(job.spec, job.graph, job.path),
        RUNTIMES[".onnx"],
    ),
    "onnx-int8": Exporter(
        "ONNX, int8 weights",
        "-int8.onnx",
        lambda job: write_onnx_int8(job.spec, job.graph, job.path),
        RUNTIMES[".onnx"],
        tolerances=INT8,
        rounding=with_int8_weights,
    ),
    "tflite": Exporter(
        "TFLite",
        ".tflite",
        lambda job: write_tflite(job.spec, job.graph, job.path),
        RUNTIMES[".tflite"],
        OLD,
        ("features", "samples"),
    ),
    "tflite-dynamic": Exporter(
        "TFLite, int8 weights",
        "-dynamic.tflite",
        lambda job: write_tflite_dynamic(job.spec, job.graph, job.path),
        RUNTIMES[".tflite"],
        OLD,
        ("features", "samples"),
        INT8,
    ),
    "tflite-int8": Exporter(
        "TFLite in whole numbers of 8 bits",
        "-int8.tflite",
        lambda job: _write_int8(job, "int8"),
        RUNTIMES[".tflite"],
        FURTHER,
        ("features",),
        INT8,
    ),
    "tflite-int16": Exporter(
        "TFLite in whole numbers, weights of 8 bits, values of 16",
        "-int16.tflite",
        lambda job: _write_int8(job, "int16"),
        RUNTIMES[".tflite"],
        FURTHER,
        ("features",),
        INT8,
    ),
    "tflite-micro": Exporter(
        "TFLite of 8 bits that keeps its states, for microcontrollers",
        "-micro.tflite",
        lambda job: _write_int8(job, "int8", keeps_states=True),
        ALONE,
        FURTHER,
        ("features",),
        INT8,
    ),
    "kws": Exporter(
        "graph file, for Java and Android",
        ".kws",
        lambda job: write_graph(job.spec, job.graph, job.path),
        RUNTIMES[".kws"],
        inputs=("features",),
    ),
    "kws-int8": Exporter(
        "graph file, int8 weights",
        "-int8.kws",
        lambda job: write_graph_int8(job.spec, job.graph, job.path),
        RUNTIMES[".kws"],
        inputs=("features",),
        tolerances=INT8,
        rounding=with_int8_weights,
    ),
}
"""Targets by name."""
