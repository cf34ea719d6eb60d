"""The folder of a run: one process at a time in it, room for its files, and nothing in it ever overwritten unasked."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kws.errors import CheckpointError, DataError

LAST, PREVIOUS, BEST = "last.pt", "previous.pt", "best.pt"
HISTORY, CURVES = "history.json", "curves.png"
_LOCK, _PROBE, _OLD, _MOVING = ".lock", ".room-test", "old", ".old.tmp"
# The model that is exported at the end, the history and its picture.
_SIDE_BYTES = 2 << 20
_BLOCK_BYTES = 1 << 20


class RunFolder:
    """Where a run keeps its files.

    Parameters
    ----------
    path : Path
    model_name : str
        Name of the model that is exported into the folder.
    """

    def __init__(self, path: Path, model_name: str) -> None:
        self.path = path
        self._names = (LAST, PREVIOUS, BEST, HISTORY, CURVES, f"{model_name}.onnx")

    @property
    def found(self) -> list[str]:
        """Names of the files of a run that are there, whether it is whole or not."""
        return [name for name in self._names if (self.path / name).exists()]

    def require_free(self) -> None:
        """Raise unless a new run may begin here.

        Raises
        ------
        DataError
            If there is a run in it already, or a part of one.
        """
        if self.found:
            raise DataError(
                f"{self.path}: holds a run already ({', '.join(self.found)}); go on with it by --resume, begin anew by "
                f"--overwrite, or choose another --out"
            )

    def require_run(self) -> None:
        """Raise unless there is a run to go on with.

        Raises
        ------
        CheckpointError
            If nothing was saved here.
        """
        if not {LAST, PREVIOUS} & set(self.found):
            hint = f"only {', '.join(self.found)}" if self.found else "no run was saved there"
            raise CheckpointError(f"{self.path / LAST}: no such checkpoint to go on from ({hint}); leave out --resume")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Make the folder, and keep every other process out of it as long as the block runs.

        A folder that was made for a run of which nothing was saved is gone again afterwards.

        Raises
        ------
        DataError
            If another process trains in it, or it cannot be written.
        """
        is_new = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / _LOCK).open("a+", encoding="utf8")
        except OSError as error:
            raise DataError(f"{self.path}: cannot be written ({error.strerror})") from None
        with lock:
            if not _lock(lock):
                lock.seek(0)
                owner = lock.read().strip() or "unknown"
                raise DataError(f"{self.path}: another process trains there ({owner}); wait, or choose another --out")
            with contextlib.suppress(OSError):
                # What a full disk leaves out here is only the name of the owner.
                lock.truncate(0)
                lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
                lock.flush()
            try:
                yield
            finally:
                if is_new:
                    self._leave_nothing_empty()

    def _leave_nothing_empty(self) -> None:
        with contextlib.suppress(OSError):
            if [item.name for item in self.path.iterdir()] == [_LOCK]:
                (self.path / _LOCK).unlink()
                self.path.rmdir()

    def require_room(self, checkpoint_bytes: int) -> None:
        """Find out whether the files of the run will fit, by writing as much.

        Parameters
        ----------
        checkpoint_bytes : int
            Size of one checkpoint.

        Raises
        ------
        DataError
            If they do not fit or the folder cannot be written.
        """
        # Three checkpoints to go on from and two of the best: what is kept, and the one that is being written.
        there = sum((self.path / name).stat().st_size for name in (LAST, PREVIOUS, BEST) if (self.path / name).exists())
        needed = max(5 * checkpoint_bytes - there, 2 * checkpoint_bytes) + _SIDE_BYTES
        probe = self.path / _PROBE
        try:
            free = shutil.disk_usage(self.path).free
            if free < needed:
                raise DataError(f"{self.path}: {_mib(free)} are free on that disk; the run needs {_mib(needed)}")
            _fill(probe, needed)
        except OSError as error:
            raise DataError(
                f"{self.path}: cannot be written ({error.strerror}); the run needs {_mib(needed)} there"
            ) from None
        finally:
            with contextlib.suppress(OSError):
                probe.unlink()

    def move_aside(self) -> Path | None:
        """Move a run that is here into the subfolder ``old``, in place of one that was moved there before.

        Returns
        -------
        Path or None
            Where it is; None if there was none.

        Raises
        ------
        DataError
            If it cannot be moved.
        """
        moving, old = self.path / _MOVING, self.path / _OLD
        if not self.found and not moving.exists():
            return None
        try:
            # A folder that a killed process left half filled is filled up: nothing that it saved is lost.
            moving.mkdir(exist_ok=True)
            for name in self.found:
                os.replace(self.path / name, moving / name)
            if old.exists():
                shutil.rmtree(old)
            os.replace(moving, old)
        except OSError as error:
            raise DataError(f"{self.path}: the old run cannot be moved to {_OLD} ({error.strerror})") from None
        return old


def _fill(path: Path, n_bytes: int) -> None:
    # Real, incompressible bytes on the disk itself: quotas and full file systems show late otherwise.
    block = os.urandom(_BLOCK_BYTES)
    with path.open("wb") as file:
        for start in range(0, n_bytes, _BLOCK_BYTES):
            file.write(block[: min(_BLOCK_BYTES, n_bytes - start)])
        file.flush()
        os.fsync(file.fileno())


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.1f} MiB"


if sys.platform == "win32":

    def _lock(file: IO[str]) -> bool:
        import msvcrt

        try:
            # Far behind the text, which others want to read.
            file.seek(1 << 20)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _lock(file: IO[str]) -> bool:
        import fcntl

        try:
            # Not flock: the processes that make batches would inherit it, and keep it for a while after a kill.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            # A file system without locks: what cannot be checked must not keep anybody from training.
            return True
        return True
