"""Where a TFLite model has its streaming states: in its inputs and outputs, in variables of its own, or nowhere."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from export.tflite.builder import Form, Tensor, TfliteBuilder, form_of
from kws.runtime.tflite_schema import NUMPY_TYPES, DType, Op

NEW_STATE_PREFIX = "new_"


class States(Protocol):
    """What a network asks for the past, and whom it tells what to keep."""

    def context(self, name: str, x: Tensor, n_frames: int) -> Tensor:
        """Return `x`, time on axis 1, behind the `n_frames` frames that the state holds, and keep its last ones."""
        ...

    def read(self, name: str, shape: tuple[int, ...], form: Form) -> Tensor:
        """Return the state."""
        ...

    def write(self, name: str, tensor: Tensor) -> None:
        """Keep a tensor as the new state."""
        ...

    def finish(self) -> None:
        """Declare outputs, or store what is kept; nothing is read after that."""
        ...


class ExplicitStates:
    """Each state is an input, its new value the output ``new_<state>``."""

    def __init__(self, builder: TfliteBuilder) -> None:
        self._builder = builder
        self._new: dict[str, Tensor] = {}

    def context(self, name: str, x: Tensor, n_frames: int) -> Tensor:
        """Join state and `x`; see :class:`States`."""
        return _joined(self, self._builder, name, x, n_frames)

    def read(self, name: str, shape: tuple[int, ...], form: Form) -> Tensor:
        """Return the input of the state."""
        return self._builder.input(name, shape, form)

    def write(self, name: str, tensor: Tensor) -> None:
        """Remember the output."""
        self._new[name] = tensor

    def finish(self) -> None:
        """Declare the outputs, in the order in which the states were written."""
        for name, tensor in self._new.items():
            self._builder.output(tensor, NEW_STATE_PREFIX + name)


class InternalStates:
    """Each state is a variable of the model; the first call starts from silence."""

    def __init__(self, builder: TfliteBuilder) -> None:
        self._builder = builder
        self._initial: dict[str, tuple[np.ndarray, Form]] = {}
        self._handles: dict[str, Tensor] = {}
        self._new: dict[str, Tensor] = {}

    def context(self, name: str, x: Tensor, n_frames: int) -> Tensor:
        """Join state and `x`; see :class:`States`."""
        return _joined(self, self._builder, name, x, n_frames)

    def read(self, name: str, shape: tuple[int, ...], form: Form) -> Tensor:
        """Return the value of the variable."""
        self._handles[name] = self._builder.variable(name)
        self._initial[name] = silence(shape, form), form
        return self._builder.op(Op.READ_VARIABLE, [self._handles[name]], shape, form)

    def write(self, name: str, tensor: Tensor) -> None:
        """Remember what is stored at the end of the call."""
        self._new[name] = tensor

    def finish(self) -> None:
        """Store the new values, after all have been read."""
        for name, tensor in self._new.items():
            self._builder.command(Op.ASSIGN_VARIABLE, [self._handles[name], tensor], [])
        if self._initial:
            self._builder.call_once(self._initial)


class NoStates:
    """Every call starts from silence and keeps nothing: for a sequence of fixed length."""

    def __init__(self, builder: TfliteBuilder) -> None:
        self._builder = builder

    def context(self, name: str, x: Tensor, n_frames: int) -> Tensor:
        """Put frames of zeros before `x`."""
        return self._builder.pad(x, 1, n_frames, 0)

    def read(self, name: str, shape: tuple[int, ...], form: Form) -> Tensor:
        """Return silence."""
        return self._builder.constant(f"silence_{name}", silence(shape, form), form)

    def write(self, name: str, tensor: Tensor) -> None:
        """Nothing is kept."""

    def finish(self) -> None:
        """Nothing is kept."""


def silence(shape: tuple[int, ...], form: Form) -> np.ndarray:
    """Return a state of zeros as it is stored: filled with the zero point."""
    zero = form.quantisation.zero_point if form.quantisation else 0
    return np.full(shape, zero, NUMPY_TYPES[DType(form.dtype)])


def _joined(
    states: ExplicitStates | InternalStates, builder: TfliteBuilder, name: str, x: Tensor, n_frames: int
) -> Tensor:
    state = states.read(name, (1, n_frames, *x.shape[2:]), form_of(x))
    joined = builder.concat([state, x], 1)
    states.write(name, builder.slice(joined, 1, joined.shape[1] - n_frames, joined.shape[1]))
    return joined
