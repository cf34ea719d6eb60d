"""The audio files below the folders that a recipe names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from kws.audio import AUDIO_SUFFIXES, FOREIGN_SUFFIXES
from kws.errors import DataError

ALL_OTHERS = "*"
"""End of a folder's name that stands for every subfolder which is named nowhere else: ``*`` or ``words/*``."""


def expand(root: Path, folders: Iterable[str], named: Iterable[str]) -> list[str]:
    """Replace names that end in ``*`` by the subfolders that they stand for.

    Parameters
    ----------
    root : Path
    folders : iterable of str
    named : iterable of str
        Folders that are something else already. Those whose name begins with ``_`` or ``.``, such as
        ``_background_noise_``, are left out as well.

    Raises
    ------
    DataError
        If the folder is missing, or nothing is left in it.
    """
    taken = {Path(folder) for folder in named}
    found: list[str] = []
    for folder in folders:
        if not folder.endswith(ALL_OTHERS):
            found.append(folder)
            continue
        parent = Path(folder.removesuffix(ALL_OTHERS))
        if not (root / parent).is_dir():
            raise DataError(f"{root / parent}: no such folder")
        below = sorted(path.name for path in (root / parent).iterdir() if path.is_dir())
        others = [parent / name for name in below if name[0] not in "_." and parent / name not in taken]
        if not others:
            raise DataError(f"{root / parent}: holds no folder besides those that the recipe names already")
        found += [other.as_posix() for other in others]
    return found


def find_audio(root: Path, folders: Sequence[str]) -> list[Path]:
    """Return the audio files of some folders and all their subfolders, in the order of their paths.

    Raises
    ------
    DataError
        If a folder is missing, holds no audio, or holds recordings that cannot be read.
    """
    found: list[Path] = []
    for folder in folders:
        place = root / folder
        if not place.is_dir():
            raise DataError(f"{place}: no such folder")
        files = sorted(path for path in place.rglob("*") if path.is_file())
        clips = [path for path in files if path.suffix.lower() in AUDIO_SUFFIXES]
        foreign = [path for path in files if path.suffix.lower() in FOREIGN_SUFFIXES]
        if foreign:
            raise DataError(
                f"{place}: holds {len(foreign)} recordings that cannot be read, such as {foreign[0].name}; "
                "convert them: ffmpeg -i IN.m4a OUT.wav"
            )
        if not clips:
            raise DataError(f"{place}: holds no audio; accepted are {', '.join(sorted(AUDIO_SUFFIXES))}")
        found += clips
    return found
