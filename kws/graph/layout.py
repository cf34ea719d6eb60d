"""How the one graph lies in a ``.kws`` file: numbers, names and limits that its reader and its writer share.

``docs/model-format.md`` is the specification; the Java engine follows the same page.
"""

from __future__ import annotations

from dataclasses import dataclass

from kws.graph.operations import (
    Activation,
    Add,
    AddToBands,
    Affine,
    Conv1d,
    Conv2d,
    Dense,
    Gru,
    MeanOverBands,
    Operation,
)

# As in PNG: a byte above 127, and both kinds of line end, so that a transfer as text is noticed at once.
MAGIC = b"\x89KWS\r\n\x1a\n"
VERSION = 1

HEADER = "<8s6I"
"""Magic, version, bytes of the file, bytes of the spec, operations, number of the output value, zero."""

FLOAT32, INT8 = 0, 1
"""Types of a tensor."""

ACTIVATIONS = ("", "relu", "sigmoid")
"""Kinds of activation by their number."""

MAX_FILE_BYTES = 16 * 1024 * 1024
MAX_OPERATIONS = 10_000
MAX_AXIS = 65_536
MAX_VALUES = 2_000_000
"""Values of one step and values of states, all together: what an engine allocates besides the weights."""
MAX_MACS_PER_STEP = 30_000_000


@dataclass(frozen=True)
class Layout:
    """One kind of operation: its number, the values that it reads, its settings and its tensors, in their order."""

    number: int
    sources: tuple[str, ...] = ("source",)
    settings: tuple[str, ...] = ()
    tensors: tuple[str, ...] = ()


LAYOUTS: dict[type[Operation], Layout] = {
    Conv1d: Layout(1, settings=("stride", "dilation", "groups"), tensors=("weight", "bias")),
    Conv2d: Layout(
        2,
        settings=("n_bands", "band_stride", "band_padding", "stride", "groups"),
        tensors=("weight", "bias"),
    ),
    Affine: Layout(3, tensors=("weight", "bias")),
    MeanOverBands: Layout(4, settings=("n_bands",)),
    Dense: Layout(5, tensors=("weight", "bias")),
    Gru: Layout(6, tensors=("weight_input", "weight_hidden", "bias_input", "bias_hidden")),
    Activation: Layout(7, settings=("kind",)),
    Add: Layout(8, sources=("left", "right")),
    AddToBands: Layout(9, sources=("left", "right"), settings=("n_bands",)),
}
KINDS = {layout.number: kind for kind, layout in LAYOUTS.items()}
