"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kws.errors import DataError


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], is_durable: bool = True, keeps_suffix: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside the target; it takes the target's place when the block ends without an error.

    Parameters
    ----------
    path : path
        The file to make or to replace. It is untouched until the new one is complete on disk.
    is_durable : bool
        Wait until the disk has it, up to half a second; without, a power cut may leave the file empty.
    keeps_suffix : bool
        Let the temporary name end as the target's does, for a block that opens the file by its kind. Otherwise it ends
        so that nobody who looks for such files takes it for one.

    Yields
    ------
    Path
        To be written by the block; removed if the block raises.

    Raises
    ------
    OSError
        If the place cannot be written.
    """
    target = Path(path)
    # Unique to the process, so that parallel writers never share a temporary file.
    name = f".{target.name}.{os.getpid()}.tmp"
    temporary = target.with_name(f"{name}{target.suffix}" if keeps_suffix else name)
    try:
        yield temporary
        if is_durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: str | os.PathLike[str], text: str, is_durable: bool = True) -> None:
    """Write a text file as UTF-8; one that is there is replaced when the new one is whole.

    Parameters
    ----------
    path : path
    text : str
    is_durable : bool
        As of :func:`replacing`.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    try:
        with replacing(path, is_durable) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None


def write_json(path: str | os.PathLike[str], value: Any, is_durable: bool = True) -> None:
    """Write a value as JSON for people to read too, as :func:`write_text` does."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n", is_durable)


def require_place(path: str | os.PathLike[str]) -> None:
    """Find that a file cannot be made there, before minutes of work for it.

    Raises
    ------
    DataError
        If it is a folder, or the folder that it would be in is none.
    """
    target = Path(path)
    if target.is_dir():
        raise DataError(f"{target}: is a folder; accepted is the name of a file")
    if not target.parent.is_dir():
        raise DataError(f"{target}: there is no folder {target.parent}; accepted is a file in a folder that is")
