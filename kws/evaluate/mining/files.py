"""Many recordings, by several processes, and again from where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Event as ProcessEvent
from pathlib import Path

from kws.audio import AUDIO_SUFFIXES
from kws.config import require
from kws.errors import AudioError, DataError, KwsError
from kws.evaluate.mining.folder import MinedFolder, Result
from kws.evaluate.mining.one_file import FileMiner
from kws.evaluate.mining.settings import MiningSettings
from kws.processes import as_they_come, end_pool, leave_interrupts

OnProgress = Callable[[int, int], None]
Outcome = tuple[Path, Result | None, str]
"""A recording, its result, and why there is none."""

# A process takes a second to start; so much is heard in less.
_FEW_BYTES = 50_000_000


@dataclass(frozen=True)
class Mined:
    """What mining came to.

    Parameters
    ----------
    results : list of Result
        Of the recordings that were asked for.
    n_known : int
        How many of them were heard before.
    failures : list of (Path, str)
        Recordings that could not be read, and why.
    """

    results: list[Result]
    n_known: int
    failures: list[tuple[Path, str]]


def find_audio(places: Sequence[Path], out: Path) -> list[Path]:
    """List the recordings that some files and folders stand for; those below `out` were mined and are left out.

    Raises
    ------
    DataError
        If a place is missing, or nothing is found in it.
    """
    found: dict[Path, Path] = {}
    for place in places:
        if not place.exists():
            raise DataError(f"{place}: no such file or folder")
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file())
        if place.is_file():
            files = [place]
        if not files:
            raise DataError(f"{place}: holds no audio; accepted are {', '.join(sorted(AUDIO_SUFFIXES))}")
        for path in files:
            if not path.resolve().is_relative_to(out.resolve()):
                found.setdefault(path.resolve(), path)
    if not found:
        raise DataError(f"{out}: holds all that is to be mined; accepted is other audio")
    return list(found.values())


def mine_files(
    paths: Sequence[Path], out: Path, settings: MiningSettings, jobs: int = 1, on_progress: OnProgress | None = None
) -> Mined:
    """Hear recordings and keep clips of what the model takes for its word, or of the words that it misses.

    Each recording's result is kept as soon as it is there, and not made again. However it ends, the manifest is
    written over all that is done.

    Parameters
    ----------
    paths : sequence of Path
    out : Path
        Folder of the clips.
    settings : MiningSettings
    jobs : int
        Processes. A script that asks for several must guard its own work by ``if __name__ == "__main__":``.
    on_progress : callable, optional
        Called with the bytes of the recordings that are done and their total.

    Raises
    ------
    DataError
        If not one recording can be read, or the folder was mined with other settings.
    KwsError
        If a process was ended from outside.
    KeyboardInterrupt
        After what is done was written.
    """
    require("jobs", jobs, 1, 1000)
    folder = MinedFolder(out, settings)
    folder.claim()
    known = {path: result for path in paths if (result := _known(folder, path)) is not None}
    sizes = {path: path.stat().st_size for path in paths}
    total, done = sum(sizes.values()), sum(sizes[path] for path in known)
    # The longest first: none is left to one process in the end.
    waiting = sorted((path for path in paths if path not in known), key=lambda path: -sizes[path])
    results, failures = list(known.values()), []
    try:
        for path, result, reason in _outcomes(waiting, out, settings, jobs, total - done):
            if result is not None:
                folder.keep_result(str(path.resolve()), result)
                results.append(result)
            else:
                failures.append((path, reason))
            done += sizes[path]
            if on_progress is not None:
                on_progress(done, total)
    finally:
        folder.write_manifest()
    if not results:
        raise DataError(f"none of {len(paths)} recordings can be read; the first: {failures[0][1]}")
    return Mined(results, len(known), failures)


def _known(folder: MinedFolder, path: Path) -> Result | None:
    try:
        return folder.find_result(path)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})") from None


def _outcomes(paths: Sequence[Path], out: Path, settings: MiningSettings, jobs: int, n_bytes: int) -> Iterator[Outcome]:
    if min(jobs, len(paths)) <= 1 or n_bytes < _FEW_BYTES:
        miner = FileMiner(settings, out)
        yield from (_mine(miner, path) for path in paths)
        return
    # Fresh processes, as on every platform: a fork of a process with threads may hang.
    context = get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(min(jobs, len(paths)), context, _start, (settings, out, stop))
    try:
        yield from as_they_come(pool, _mine_here, paths, 2 * jobs)
    except BrokenProcessPool:
        raise KwsError("a process that listens was ended, perhaps for want of memory; --jobs 1 needs least") from None
    finally:
        # After Ctrl-C what is at work ends within ten seconds of audio, and no other begins.
        stop.set()
        end_pool(pool)


def _mine(miner: FileMiner, path: Path) -> Outcome:
    try:
        return path, miner.mine(path), ""
    except AudioError as error:
        return path, None, str(error)


_miners: list[FileMiner] = []
"""The one of a process of the pool: opening the model takes as long as hearing a minute."""


def _start(settings: MiningSettings, out: Path, stop: ProcessEvent) -> None:
    leave_interrupts()
    _miners.append(FileMiner(settings, out, stop.is_set))


def _mine_here(path: Path) -> Outcome:
    return _mine(_miners[0], path)
