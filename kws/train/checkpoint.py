"""Training checkpoints: one file that holds all a run needs to go on, written whole or not at all; two are kept."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from kws.errors import CheckpointError

FORMAT = 2
"""Raised when older code could not go on from a file; older files still load, to be exported."""


def encode_checkpoint(values: dict[str, Any]) -> bytes:
    """Return the content of a checkpoint file.

    Parameters
    ----------
    values : dict
        Tensors, numbers, text and containers of them; nothing that needs pickle to load.
    """
    # Into memory first: PyTorch's own writer ends the whole process where a disk is full.
    content = io.BytesIO()
    torch.save({"format": FORMAT, **values}, content)
    return content.getvalue()


def write_whole(path: Path, content: bytes, former: Path | None = None) -> None:
    """Replace a file by one that is complete on disk; whenever the process is killed, one of them is there.

    Parameters
    ----------
    path : Path
    content : bytes
    former : Path, optional
        Where the file that is replaced goes. A kill between the two renames leaves it there alone.

    Raises
    ------
    CheckpointError
        If it cannot be written; what was there is untouched.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if former is not None and path.exists():
            os.replace(path, former)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        # A part of a file takes room that the next attempt needs.
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise CheckpointError(f"{path}: cannot be written ({error.strerror or error})") from None


def save_checkpoint(path: Path, values: dict[str, Any], former: Path | None = None) -> None:
    """Write a checkpoint as :func:`encode_checkpoint` and :func:`write_whole` do."""
    write_whole(path, encode_checkpoint(values), former)


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
        raise CheckpointError(f"{path}: is no checkpoint of this toolkit ({_one_line(error)})") from None
    number = values.get("format") if isinstance(values, dict) else None
    if not isinstance(number, int):
        raise CheckpointError(f"{path}: is no checkpoint of this toolkit (no format number)")
    if number > FORMAT:
        raise CheckpointError(f"{path}: has format {number}; this version reads up to {FORMAT}: update the toolkit")
    result: dict[str, Any] = values
    return result


def load_newest(path: Path, former: Path, on_notice: Callable[[str], None]) -> dict[str, Any]:
    """Read the state to go on from: the newest file, or the one before it where that is damaged or missing.

    Parameters
    ----------
    path, former : Path
        The newest checkpoint and the one before.
    on_notice : callable
        Told in one line why the newest was not used.

    Raises
    ------
    CheckpointError
        If neither can be read, or it was made by a version whose state cannot be gone on with.
    """
    if not path.is_file() and not former.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; there is no run to go on with")
    problems: list[str] = []
    for place in (path, former):
        try:
            _require_whole(place)
            values = load_checkpoint(place)
        except CheckpointError as error:
            problems.append(str(error))
            continue
        if values["format"] < FORMAT:
            raise CheckpointError(
                f"{place}: was made by an older version and cannot be gone on with; finish it there, or start anew"
            )
        if problems:
            on_notice(f"{problems[0]}; going on from {former.name}, step {values['step']}")
        return values
    raise CheckpointError(f"{'; '.join(problems)}: start anew with --overwrite or another --out")


def _require_whole(path: Path) -> None:
    # PyTorch does not compare the checksums in its files: a flipped bit would be a slightly different network.
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except Exception as error:
        raise CheckpointError(f"{path}: is damaged ({error})") from None
    if damaged is not None:
        raise CheckpointError(f"{path}: is damaged (checksum of {damaged})")


def _sync_folder(folder: Path) -> None:
    """Bring the new names to disk as well, where the system can."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _one_line(error: Exception) -> str:
    line = str(error).splitlines()[0] if str(error) else type(error).__name__
    # What torch goes on to say is advice to load pickles.
    return line[:120] if not line.startswith("Weights only") else "no file of torch with plain values"
