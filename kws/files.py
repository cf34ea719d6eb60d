"""Files that appear under their name only when they are whole."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], is_durable: bool = True) -> Iterator[Path]:
    """Yield a temporary path beside the target; it takes the target's place when the block ends without an error.

    Parameters
    ----------
    path : path
        The file to make or to replace. It is untouched until the new one is complete on disk.
    is_durable : bool
        Wait until the disk has it, up to half a second; without, a power cut may leave the file empty.

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
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if is_durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
