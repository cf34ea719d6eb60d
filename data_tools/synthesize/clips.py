"""Folders of clips and recordings, read into memory as int16."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray, read_audio, resample, to_float32, to_pcm16
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, DataError, MissingPackageError

NATIVE_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".aiff", ".aif"})
"""What libsndfile reads."""

FFMPEG_SUFFIXES = frozenset({".m4a", ".mp3", ".aac", ".mp4", ".wma", ".webm", ".amr", ".3gp"})
"""What people's phones write; pydub reads these through the ffmpeg program."""


def load_folders(folders: Iterable[str | os.PathLike[str]]) -> list[npt.NDArray[np.int16]]:
    """Read every clip below some folders, in the order of their paths.

    Parameters
    ----------
    folders : iterable of path

    Returns
    -------
    list of array of int16, shape (N,)
        Mono, 16 kHz: half the memory of float32.

    Raises
    ------
    DataError
        If a folder is missing or holds no audio.
    AudioError
        If a file cannot be read.
    MissingPackageError
        If a compressed file needs pydub and it is not installed.
    """
    return [to_pcm16(read_clip(path)) for folder in folders for path in find_clips(folder)]


def find_clips(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the audio files below a folder, sorted by path; at least one, else :class:`DataError`."""
    place = Path(folder)
    if not place.is_dir():
        raise DataError(f"{folder}: no such folder")
    accepted = NATIVE_SUFFIXES | FFMPEG_SUFFIXES
    paths = sorted(path for path in place.rglob("*") if path.suffix.lower() in accepted and path.is_file())
    if not paths:
        raise DataError(f"{folder}: holds no audio; accepted are {', '.join(sorted(accepted))}")
    return paths


def read_clip(path: str | os.PathLike[str]) -> FloatArray:
    """Read one audio file as mono float32 at 16 kHz, shape (N,), by its suffix."""
    if Path(path).suffix.lower() in FFMPEG_SUFFIXES:
        return _read_with_ffmpeg(path)
    return read_audio(path)


def to_pydub(samples: npt.ArrayLike) -> Any:
    """Return mono samples, shape (N,), as a ``pydub.AudioSegment``, for example to play with ``pydub.playback``."""
    pcm = to_pcm16(to_float32(samples))
    return _pydub("play audio").AudioSegment(pcm.tobytes(), sample_width=2, frame_rate=SAMPLE_RATE_HZ, channels=1)


def _read_with_ffmpeg(path: str | os.PathLike[str]) -> FloatArray:
    pydub = _pydub(f"read {Path(path).suffix} files")
    if shutil.which("ffmpeg") is None:
        raise AudioError(f"{path}: the ffmpeg program is needed to read {Path(path).suffix} files and is not installed")
    try:
        segment = pydub.AudioSegment.from_file(os.fspath(path))
    except (OSError, ValueError, IndexError, KeyError, pydub.exceptions.PydubException) as error:
        # pydub's message holds the whole output of ffmpeg; its first line says what was wrong.
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise AudioError(f"{path}: not readable as audio ({reason})") from None
    full_scale = float(1 << (8 * segment.sample_width - 1))
    channels = np.array(segment.get_array_of_samples(), dtype=np.float32).reshape(-1, segment.channels)
    if len(channels) == 0:
        raise AudioError(f"{path}: holds no samples")
    # pydub's own change of rate has no filter: resample ours instead.
    return resample(to_float32(channels.mean(axis=1) / full_scale), segment.frame_rate, SAMPLE_RATE_HZ)


def _pydub(purpose: str) -> Any:
    try:
        importlib.import_module("pydub.exceptions")
        return importlib.import_module("pydub")
    except ImportError:
        raise MissingPackageError("pydub", "data", purpose) from None
