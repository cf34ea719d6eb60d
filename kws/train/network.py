"""The network as it is trained: a streaming model, and before it the trainable part of the front-end."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from kws.audio import FloatArray
from kws.config import FrontEndConfig
from kws.errors import ConfigError
from kws.features.torch_front_end import TorchFrontEnd
from kws.models import build_model
from kws.models.streaming import StreamingModel
from kws.spec import ModelSpec
from kws.train.checkpoint import load_checkpoint

Arithmetic = Callable[[StreamingModel, Tensor, list[Tensor]], tuple[Tensor, list[Tensor]]]


class Network(nn.Module):
    """Front-end compression where it has parameters (PCEN), then the streaming model.

    Its input is what :func:`network_inputs` returns: features, or band energies for PCEN.

    Parameters
    ----------
    spec : ModelSpec
    arithmetic : callable, optional
        Runs the model on inputs and states, where not by the model's own ``forward``.
    """

    def __init__(self, spec: ModelSpec, arithmetic: Arithmetic | None = None) -> None:
        super().__init__()
        self.arithmetic = arithmetic
        is_trained = spec.front_end.compression == "pcen"
        self.front_end = TorchFrontEnd(spec.front_end) if is_trained else None
        self.model: StreamingModel = build_model(spec.model, spec.front_end.n_bands, len(spec.keywords))

    def forward(self, inputs: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """Map inputs ``(B, T, F)`` to logits ``(B, T // step_frames, K)`` and the new states.

        Without a state it starts from silence, whatever the padding of the network: as it runs live.
        """
        smoother: list[Tensor] = []
        n_own = 0 if self.front_end is None else 1
        if self.front_end is not None:
            inputs, smoother = self.front_end.compress(inputs, None if state is None else state[:n_own])
        before = self.model.initial_state(inputs.shape[0]) if state is None else state[n_own:]
        run = self.model if self.arithmetic is None else functools.partial(self.arithmetic, self.model)
        logits, new_state = run(inputs, before)
        return logits, [*smoother, *new_state]

    def trained_spec(self, spec: ModelSpec) -> ModelSpec:
        """Return a spec that carries the trained parameters of the front-end."""
        if self.front_end is None:
            return spec
        return dataclasses.replace(spec, front_end=self.front_end.to_config())


def load_network(path: Path, spec: ModelSpec, role: str) -> tuple[Network, ModelSpec]:
    """Read a trained network that hears and tells the same as another.

    Parameters
    ----------
    path : Path
        Checkpoint; its averaged weights are used.
    spec : ModelSpec
        Of the other network.
    role : str
        What the file is, for messages.

    Raises
    ------
    CheckpointError
        If the file is missing or no checkpoint.
    ConfigError
        If it has other keywords, another step or another front-end.
    """
    values = load_checkpoint(path)
    theirs = ModelSpec.from_dict(values["spec"])
    for name, mine in (("keywords", spec.keywords), ("step_samples", spec.step_samples)):
        if getattr(theirs, name) != mine:
            raise ConfigError(f"{role} {path} has {name} {getattr(theirs, name)!r}; accepted is {mine!r}")
    # Trained values of PCEN are part of the network; all else of the front-end is what it hears.
    if _heard(theirs) != _heard(spec):
        raise ConfigError(f"{role} {path} has another front-end; accepted is that of the recipe")
    network = Network(theirs)
    network.model.load_state_dict(values["ema"])
    return network, theirs


def _heard(spec: ModelSpec) -> dict[str, object]:
    values = dict(vars(spec.front_end))
    values.pop("pcen")
    return values


def network_inputs(samples: FloatArray, config: FrontEndConfig) -> FloatArray:
    """Return what a :class:`Network` takes for samples ``(B, N)``: ``(B, T, F)``.

    The executor is the one of torch, which takes whole batches: three times as fast as the streaming one, and the
    same to 1e-5.
    """
    front_end = _executor(config)
    with torch.no_grad():
        energies = front_end.band_energies(torch.from_numpy(np.ascontiguousarray(samples)))
        inputs = energies if config.compression == "pcen" else front_end.compress(energies)[0]
    result: FloatArray = inputs.numpy()
    return result


@functools.lru_cache(maxsize=4)
def _executor(config: FrontEndConfig) -> TorchFrontEnd:
    return TorchFrontEnd(config)
