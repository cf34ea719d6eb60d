"""Read, write, resample and validate audio.

Audio is float32 in [-1, 1), mono ``(N,)`` or ``(C, N)``, at 16 kHz. There is one scale between int16 and
float32: 32768.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, MissingPackageError

FloatArray = npt.NDArray[np.float32]

PCM16_SCALE = 32768.0
MAX_CHANNELS = 64
# Float audio beyond this is int16 audio that somebody cast without scaling.
_MAX_FLOAT_PEAK = 64.0


def to_float32(samples: npt.ArrayLike) -> FloatArray:
    """Return int16 or float samples as validated float32.

    Parameters
    ----------
    samples : array, shape (N,) or (C, N)
        int16, or floating point with full scale 1.0.

    Returns
    -------
    array of float32, same shape

    Raises
    ------
    AudioError
        On another dtype or shape, on NaN or infinity, or on floats of int16 scale.
    """
    array = np.asarray(samples)
    if array.ndim not in (1, 2):
        raise AudioError(f"samples have shape {array.shape}; accepted are (N,) and (C, N)")
    if array.ndim == 2 and not 1 <= array.shape[0] <= MAX_CHANNELS:
        raise AudioError(f"samples have shape {array.shape}; accepted are (C, N) with C from 1 to {MAX_CHANNELS}")
    if array.dtype == np.int16:
        return array.astype(np.float32) / np.float32(PCM16_SCALE)
    if array.dtype.kind != "f":
        raise AudioError(f"samples are {array.dtype}; accepted are int16 and float32")
    result = np.asarray(array, dtype=np.float32)
    if result.size:
        # One reduction finds NaN, infinity and a wrong scale alike: NaN compares false.
        peak = float(np.max(np.abs(result)))
        if not np.isfinite(peak):
            raise AudioError("samples hold NaN or infinity; accepted are finite numbers with full scale 1.0")
        if peak > _MAX_FLOAT_PEAK:
            raise AudioError(
                f"float samples reach {peak:g}; accepted is full scale 1.0 (divide int16 values by {PCM16_SCALE:g})"
            )
    return result


def to_pcm16(samples: npt.ArrayLike) -> npt.NDArray[np.int16]:
    """Return float samples as int16: scaled by 32768, rounded, held inside the int16 range."""
    scaled = np.rint(to_float32(samples) * np.float32(PCM16_SCALE))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def resample(samples: FloatArray, from_hz: int, to_hz: int) -> FloatArray:
    """Change the sample rate with a band-limited filter (soxr, high quality).

    Parameters
    ----------
    samples : array of float32, shape (N,) or (C, N)
    from_hz, to_hz : int
        Sample rates.

    Returns
    -------
    array of float32, shape (M,) or (C, M)
    """
    if from_hz == to_hz or samples.shape[-1] == 0:
        return samples
    soxr = _import("soxr", "resample audio")
    # soxr wants time on the first axis.
    result: FloatArray = soxr.resample(samples.T, from_hz, to_hz).T
    return np.ascontiguousarray(result, dtype=np.float32)


def read_audio(path: str | os.PathLike[str], *, mono: bool = True) -> FloatArray:
    """Read an audio file as 16 kHz float32.

    Parameters
    ----------
    path : path
        WAV, FLAC, OGG or whatever libsndfile reads: 8 to 32 bits, any rate, up to 64 channels.
    mono : bool
        Mix the channels to one; otherwise all are kept.

    Returns
    -------
    array of float32, shape (N,) if mono, else (C, N)

    Raises
    ------
    AudioError
        If the file is missing, empty, truncated, no audio, or holds impossible samples.
    """
    soundfile = _import("soundfile", "read audio files")
    check_is_file(path)
    try:
        data, rate_hz = soundfile.read(os.fspath(path), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, MemoryError) as error:
        raise AudioError(f"{path}: not readable as audio ({_one_line(error)})") from None
    if data.shape[0] == 0:
        raise AudioError(f"{path}: holds no samples")
    try:
        samples = to_float32(data.mean(axis=1) if mono else data.T)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None
    return resample(np.ascontiguousarray(samples), int(rate_hz), SAMPLE_RATE_HZ)


def write_audio(path: str | os.PathLike[str], samples: npt.ArrayLike, sample_rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """Write 16-bit audio; the suffix (.wav, .flac) chooses the format.

    The file appears under its name only when it is whole.

    Raises
    ------
    AudioError
        If the suffix is none of those, or the place cannot be written.
    """
    soundfile = _import("soundfile", "write audio files")
    target = Path(path)
    formats = {".wav": "WAV", ".flac": "FLAC"}
    if target.suffix.lower() not in formats:
        raise AudioError(f"{path}: accepted suffixes for writing are {', '.join(formats)}")
    # Unique to the process, so that parallel writers never share a temporary file.
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        pcm = to_pcm16(samples)
        soundfile.write(temporary, pcm.T, sample_rate_hz, format=formats[target.suffix.lower()], subtype="PCM_16")
        os.replace(temporary, target)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{path}: cannot be written ({_one_line(error)})") from None
    finally:
        temporary.unlink(missing_ok=True)


def check_is_file(path: str | os.PathLike[str]) -> None:
    """Raise :class:`AudioError` unless `path` is an existing, non-empty file."""
    place = Path(path)
    if not place.exists():
        raise AudioError(f"{path}: no such file")
    if place.is_dir():
        raise AudioError(f"{path}: is a directory; accepted is an audio file")
    if place.is_file() and place.stat().st_size == 0:
        raise AudioError(f"{path}: is an empty file; accepted is an audio file")


def _import(package: str, purpose: str) -> Any:
    # Imported here, not at the top, so that `import kws` needs numpy only.
    import importlib

    try:
        module: ModuleType = importlib.import_module(package)
    except ImportError:
        raise MissingPackageError(package, "onnx", purpose) from None
    return module


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
