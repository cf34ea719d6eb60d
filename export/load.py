"""Open a training checkpoint as a network that is ready to export. No pickle is ever loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from export.trained import Trained
from kws.errors import CheckpointError, KwsError
from kws.models import StreamingModel, build_model
from kws.runtime.graph_file import read_graph_file
from kws.spec import ModelSpec
from kws.train.checkpoint import load_checkpoint

MAX_CHECKPOINT_BYTES = 2_000_000_000
MAX_WEIGHTS = 100_000_000


def load_trained(path: str | os.PathLike[str]) -> tuple[ModelSpec, StreamingModel]:
    """Read the spec and the trained network of a checkpoint.

    Parameters
    ----------
    path : path
        As ``kws.train`` writes it: a torch file of plain values with the keys ``spec``, ``model`` and ``ema``.

    Returns
    -------
    spec : ModelSpec
    model : StreamingModel
        In evaluation mode, with the averaged weights (EMA) where there are some.

    Raises
    ------
    CheckpointError
        If the file is missing, truncated, not ours, of a newer format, or its weights do not fit its spec.
    """
    checkpoint = _read(path)
    try:
        spec = ModelSpec.from_dict(checkpoint["spec"], os.fspath(path))
        # Without memory behind the weights: a hostile spec may ask for any size.
        with torch.device("meta"):
            model = build_model(spec.model, spec.front_end.n_bands, len(spec.keywords))
    except KwsError as error:
        raise CheckpointError(_with_name(path, error)) from None
    weights = _weights(checkpoint, path)
    try:
        model.load_state_dict(weights, assign=True)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: the weights do not fit the network ({_one_line(error)})") from None
    return spec, model.eval()


def open_trained(path: str | os.PathLike[str]) -> Trained:
    """Open a checkpoint, or a graph file (``.kws``), for the writers.

    Raises
    ------
    CheckpointError, ModelFileError
        As :func:`load_trained` and :func:`kws.runtime.graph_file.read_graph_file`.
    """
    if Path(path).suffix.lower() == ".kws":
        return Trained.of_graph(*read_graph_file(path))
    return Trained.of_model(*load_trained(path))


def _weights(checkpoint: dict[str, Any], path: str | os.PathLike[str]) -> dict[str, Tensor]:
    found = checkpoint["model"] if checkpoint.get("ema") is None else checkpoint["ema"]
    if not isinstance(found, dict) or not all(isinstance(value, Tensor) for value in found.values()):
        raise CheckpointError(f"{path}: the weights are no table of tensors")
    # A tensor may repeat one stored value endlessly, so the file's size says nothing.
    n_values = sum(value.numel() for value in found.values())
    if n_values > MAX_WEIGHTS:
        raise CheckpointError(f"{path}: holds {n_values} weights; accepted are {MAX_WEIGHTS}")
    if not all(bool(torch.isfinite(value).all()) for value in found.values()):
        raise CheckpointError(f"{path}: the weights hold NaN or infinity")
    return {name: value.float() if value.is_floating_point() else value for name, value in found.items()}


def _read(path: str | os.PathLike[str]) -> dict[str, Any]:
    place = Path(path)
    if place.is_file() and place.stat().st_size > MAX_CHECKPOINT_BYTES:
        raise CheckpointError(f"{path}: has {place.stat().st_size} bytes; accepted are {MAX_CHECKPOINT_BYTES}")
    checkpoint = load_checkpoint(place)
    if not {"spec", "model"} <= checkpoint.keys():
        raise CheckpointError(f"{path}: holds no spec and model; this is no checkpoint of this toolkit")
    return checkpoint


def _with_name(path: str | os.PathLike[str], error: Exception) -> str:
    message = str(error)
    return message if message.startswith(os.fspath(path)) else f"{path}: {message}"


def _one_line(error: BaseException) -> str:
    message = " ".join(str(error).split()) or type(error).__name__
    return message if len(message) <= 200 else f"{message[:200]} …"
