"""The one graph: what a trained network computes, as a short list of operations with numpy weights.

A model hands this over with BatchNorm folded; every writer (ONNX now, others later) reads it, and the
numpy executor here is the reference that they are held against.
"""

from kws.graph.numpy_executor import Observer, run_graph, zero_states
from kws.graph.operations import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Array,
    Conv1d,
    Conv2d,
    Dense,
    Graph,
    Gru,
    MeanOverBands,
    Operation,
)
from kws.graph.ranges import Ranges, calibrate, observe_tracks

__all__ = [
    "Activation",
    "Add",
    "AddToBands",
    "Affine",
    "Array",
    "Conv1d",
    "Conv2d",
    "Dense",
    "Graph",
    "Gru",
    "MeanOverBands",
    "Observer",
    "Operation",
    "Ranges",
    "calibrate",
    "observe_tracks",
    "run_graph",
    "zero_states",
]
