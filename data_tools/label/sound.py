"""The audio behind the page: any stretch as a WAV, and one pass for the overview and the checksum."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.audio import MAX_RATE_HZ, MIN_RATE_HZ, FloatArray, check_is_whole_file, to_pcm16
from kws.errors import AudioError
from kws.packages import import_package, one_line

OnProgress = Callable[[float], None]

N_PEAKS = 4000
"""Columns of the overview."""
_HEADER_BYTES = 44
_BLOCK_FRAMES = 1 << 18
_MAX_WAV_BYTES = 0xFFFFFFFF


@dataclass(frozen=True)
class SoundInfo:
    """What the header of a recording says."""

    rate_hz: int
    n_channels: int
    n_frames: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.n_frames / self.rate_hz


@dataclass(frozen=True, eq=False)
class Scan:
    """What one pass over a recording found.

    Parameters
    ----------
    sha1 : str
        Of the samples as interleaved 16-bit integers.
    peaks : array of uint8, shape (P,)
        The highest amplitude of each of P stretches of equal length, 255 for full scale.
    """

    sha1: str
    peaks: npt.NDArray[np.uint8]


def sound_info(path: Path) -> SoundInfo:
    """Read a header.

    Raises
    ------
    AudioError
        If the file is missing, empty, truncated, no audio or holds no samples.
    """
    check_is_whole_file(path)
    with _opened(path) as file:
        info = SoundInfo(int(file.samplerate), int(file.channels), int(file.frames))
    if info.n_frames <= 0:
        raise AudioError(f"{path}: holds no samples")
    if not MIN_RATE_HZ <= info.rate_hz <= MAX_RATE_HZ:
        raise AudioError(f"{path}: has {info.rate_hz} samples a second; accepted are {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    return info


def read_stretch(path: Path, start_s: float, end_s: float) -> tuple[FloatArray, int]:
    """Return a stretch as mono float32, shape (N,), and its sample rate in Hz; times beyond the file are cut off.

    Raises
    ------
    AudioError
        If the file has vanished or is damaged there.
    """
    with _opened(path) as file:
        rate_hz = int(file.samplerate)
        start, end = (min(max(0, round(t * rate_hz)), file.frames) for t in (start_s, end_s))
        return _read(file, path, start, end - start).mean(axis=1), rate_hz


def scan(path: Path, on_progress: OnProgress | None = None) -> Scan:
    """Read a recording once, block by block: hours take little memory.

    Parameters
    ----------
    path : Path
    on_progress : callable, optional
        Called with the share that was read, 0 to 1; an exception that it raises ends the pass.

    Raises
    ------
    AudioError
        If it is damaged or shorter than its header says.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    with _opened(path) as file:
        column = max(1, -(-file.frames // N_PEAKS))
        block = column * max(1, _BLOCK_FRAMES // column)
        peaks = []
        for start in range(0, file.frames, block):
            samples = _read(file, path, start, min(block, file.frames - start))
            digest.update(np.ascontiguousarray(to_pcm16(samples.T).T).tobytes())
            loudest = np.abs(samples).max(axis=1)
            loudest = np.concatenate([loudest, np.zeros(-len(loudest) % column, np.float32)])
            peaks.append(loudest.reshape(-1, column).max(axis=1))
            if on_progress is not None:
                on_progress(min(1.0, (start + block) / file.frames))
    scaled = np.rint(np.minimum(np.concatenate(peaks), 1.0) * 255)
    return Scan(digest.hexdigest(), scaled.astype(np.uint8))


class WavView:
    """A stretch of a recording as a 16-bit mono WAV that is never made as a whole: bytes are decoded as asked for.

    Parameters
    ----------
    path : Path
    start_s, end_s : float, optional
        By default all of it.

    Raises
    ------
    AudioError
        If the recording cannot be opened, or no sample lies between the times.
    """

    def __init__(self, path: Path, start_s: float = 0.0, end_s: float | None = None) -> None:
        info = sound_info(path)
        self._path = path
        self._rate_hz = info.rate_hz
        end = info.n_frames if end_s is None else min(round(end_s * info.rate_hz), info.n_frames)
        self._start = max(0, round(start_s * info.rate_hz))
        if self._start >= end:
            raise AudioError(
                f"{path}: has {info.duration_s:.3f} s; accepted are stretches inside, not {start_s:g} s on"
            )
        self._n_frames = end - self._start

    @property
    def n_bytes(self) -> int:
        """Size of the WAV."""
        return _HEADER_BYTES + 2 * self._n_frames

    def read(self, start: int, end: int) -> bytes:
        """Return bytes `start` to `end` (half-open).

        Raises
        ------
        AudioError
            If the recording has vanished or is damaged there.
        """
        header = self._header()[start:end]
        first, last = (max(0, at - _HEADER_BYTES) for at in (start, min(end, self.n_bytes)))
        if last <= first:
            return header
        first_frame, last_frame = first // 2, -(-last // 2)
        with _opened(self._path) as file:
            samples = _read(file, self._path, self._start + first_frame, last_frame - first_frame)
        pcm = to_pcm16(samples.mean(axis=1)).astype("<i2").tobytes()
        return header + pcm[first - 2 * first_frame : last - 2 * first_frame]

    def _header(self) -> bytes:
        n_data = min(2 * self._n_frames, _MAX_WAV_BYTES - _HEADER_BYTES)
        form = struct.pack("<IHHIIHH", 16, 1, 1, self._rate_hz, 2 * self._rate_hz, 2, 16)
        return b"RIFF" + struct.pack("<I", n_data + 36) + b"WAVEfmt " + form + b"data" + struct.pack("<I", n_data)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    soundfile = import_package("soundfile", "soundfile", "onnx", "read audio files")
    if not path.is_file():
        raise AudioError(f"{path}: no such file")
    try:
        file = soundfile.SoundFile(os.fspath(path))
    # TypeError is soundfile's word for a suffix that says "no header".
    except (OSError, RuntimeError, TypeError) as error:
        raise AudioError(f"{path}: not readable as audio ({one_line(error)})") from None
    with file:
        yield file


def _read(file: Any, path: Path, start: int, n_frames: int) -> FloatArray:
    """Return frames as float32, shape (N, C)."""
    try:
        if file.tell() != start:
            file.seek(start)
        samples: FloatArray = file.read(n_frames, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        raise AudioError(f"{path}: is damaged ({one_line(error)})") from None
    if len(samples) < n_frames:
        at_s, of_s = ((start + len(samples)) / file.samplerate, file.frames / file.samplerate)
        raise AudioError(f"{path}: is truncated, it ends after {at_s:.2f} s of {of_s:.2f} s")
    return samples
