"""Training checkpoints: one file that holds all a run needs to go on, written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch

from kws.errors import CheckpointError

FORMAT = 1


def save_checkpoint(path: Path, values: dict[str, Any]) -> None:
    """Write a checkpoint.

    Parameters
    ----------
    path : Path
        Target; it is replaced only once the new file is complete on disk.
    values : dict
        Tensors, numbers, text and containers of them; nothing that needs pickle to load.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            torch.save({"format": FORMAT, **values}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CheckpointError(f"{path}: cannot be written ({error.strerror})") from None


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint; tensors and plain values only, no code is ever run.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, not ours or of a newer format.
    """
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        # torch raises whatever its zip and pickle readers meet; all of it means the same to a user.
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{path}: is no checkpoint of this toolkit ({line[:120]})") from None
    number = values.get("format") if isinstance(values, dict) else None
    if not isinstance(number, int):
        raise CheckpointError(f"{path}: is no checkpoint of this toolkit (no format number)")
    if number > FORMAT:
        raise CheckpointError(f"{path}: has format {number}; this version reads up to {FORMAT}: update the toolkit")
    result: dict[str, Any] = values
    return result
