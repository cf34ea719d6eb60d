"""Label files on disk: read, checked, and replaced only when the new one is whole."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

from kws.errors import DataError
from kws.files import replacing
from kws.labels import Labels


class ConflictError(DataError):
    """The label file was saved by somebody else since it was read."""


class SaveError(DataError):
    """The label file cannot be written now, such as on a full disk; it is as it was before."""


def read_labels(path: Path, file: str, duration_s: float) -> Labels:
    """Read a label file; labels without a region where there is none.

    Parameters
    ----------
    path : Path
    file : str
        Name of the recording.
    duration_s : float
        Its length.

    Raises
    ------
    DataError
        If the file cannot be read or is malformed; it names the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Labels(file, duration_s)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or 'is no UTF-8 text'})") from None
    try:
        return replace(Labels.parse(text, duration_s), file=file)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def save_labels(path: Path, labels: Labels) -> Labels:
    """Replace a label file by the next revision.

    Parameters
    ----------
    path : Path
        Its folder is made if it is not there.
    labels : Labels
        With the revision that they are made from.

    Returns
    -------
    Labels
        With the revision that is on disk now.

    Raises
    ------
    ConflictError
        If the file on disk is of another revision.
    SaveError
        If it cannot be written.
    DataError
        If the file on disk is malformed: it is not overwritten.
    """
    # A file that was deleted is made anew; one that somebody else saved is not overwritten.
    if path.exists():
        found = read_labels(path, labels.file, labels.duration_s).revision
        if found != labels.revision:
            raise ConflictError(f"{path}: was saved elsewhere since it was opened here")
    saved = replace(labels, revision=labels.revision + 1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(saved.to_text(), encoding="utf-8")
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise SaveError(f"{path}: cannot be written ({reason})") from None
    return saved
