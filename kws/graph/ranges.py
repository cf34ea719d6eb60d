"""Ranges of every value of a graph on real audio: what quantisation is made from.

Ranges are plain minima and maxima, never moving averages: a recurrent state that was clipped once stays wrong for long.
They are observed through the stateful step, over whole tracks with the states carried on, because a state that has run
for minutes leaves the range that short windows show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kws.errors import ConfigError
from kws.graph.numpy_executor import Observer, run_graph, zero_states
from kws.graph.operations import Array, Graph

_BLOCK_STEPS = 256
"""Steps computed at once, so that the memory does not depend on the length of a track."""


@dataclass(frozen=True)
class Ranges:
    """Least and greatest value of everything that a graph computes.

    Parameters
    ----------
    values : dict of str to (float, float)
        By the names that :func:`kws.graph.run_graph` tells its observer: the graph's source, each operation's
        target, each state by its name, and of a GRU with target ``g``: ``g.input_gates`` (W_i x + b_i) and
        ``g.hidden_gates`` (W_h h + b_h), 3H values each; ``g.reset_sum``, ``g.update_sum`` and ``g.candidate_sum``
        before their activation, ``g.reset``, ``g.update`` and ``g.candidate`` after it; ``g.gated``, the reset gate
        times the last third of the hidden gates.
    """

    values: dict[str, tuple[float, float]]

    def __getitem__(self, name: str) -> tuple[float, float]:
        """Return the range of one value.

        Raises
        ------
        ConfigError
            If the value was not observed: the ranges are another graph's.
        """
        if name not in self.values:
            raise ConfigError(f"no range of {name!r} is known; calibrate with this very graph")
        return self.values[name]


def calibrate(graph: Graph, tracks: Sequence[Array]) -> Ranges:
    """Observe a graph on feature tracks, each from silence, with the states carried from step to step.

    Parameters
    ----------
    graph : Graph
    tracks : sequence of array, each (T, F)
        Features of real recordings; frames behind the last whole step are left out.

    Raises
    ------
    ConfigError
        If there is no whole step to observe, a track is no feature track of this graph, or holds NaN or infinity.
    """
    found = _Extremes()
    observe_tracks(graph, tracks, found.observe)
    if not found.values:
        raise ConfigError("nothing to calibrate on; accepted are tracks of at least one step")
    return Ranges(found.values)


def observe_tracks(graph: Graph, tracks: Sequence[Array], observe: Observer) -> None:
    """Run a graph over whole tracks as :func:`calibrate` does, and tell what it computes."""
    block_frames = _BLOCK_STEPS * graph.step_frames
    for index, track in enumerate(tracks):
        _check(track, graph.n_features, index)
        states = zero_states(graph)
        usable = len(track) // graph.step_frames * graph.step_frames
        for start in range(0, usable, block_frames):
            block = np.asarray(track[start : min(start + block_frames, usable)], np.float32)
            _, states = run_graph(graph, block[None], states, observe)


@dataclass
class _Extremes:
    values: dict[str, tuple[float, float]] = field(default_factory=dict)

    def observe(self, name: str, value: Array) -> None:
        low, high = float(value.min()), float(value.max())
        if name in self.values:
            low, high = min(low, self.values[name][0]), max(high, self.values[name][1])
        self.values[name] = low, high


def _check(track: Array, n_features: int, index: int) -> None:
    if track.ndim != 2 or track.shape[1] != n_features:
        raise ConfigError(f"track {index} has shape {track.shape}; accepted are (T, {n_features})")
    if not np.isfinite(track).all():
        raise ConfigError(f"track {index} holds NaN or infinity")
