"""Read, write, resample and validate audio.

Audio is float32 in [-1, 1), mono ``(N,)`` or ``(C, N)``, at 16 kHz. There is one scale between int16 and
float32: 32768.
"""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError
from kws.files import replacing
from kws.packages import import_package, one_line

FloatArray = npt.NDArray[np.float32]

PCM16_SCALE = 32768.0
MAX_CHANNELS = 64
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000
"""Accepted sample rates of files. A file that claims 1 Hz would ask for 16 000 times its size."""

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
"""What files of recordings are called, in lower case."""
FOREIGN_SUFFIXES = frozenset({".m4a", ".mp4", ".aac", ".amr", ".3gp", ".wma", ".webm", ".caf"})
"""What phones record and libsndfile does not read: left out in silence it would be missed for hours."""

# Float audio beyond this is int16 audio that somebody cast without scaling.
_MAX_FLOAT_PEAK = 64.0
UNKNOWN_WAV_BYTES = 0x7FFF0000
"""A writer of WAV that does not know the length yet states 0, or a number near 2 or 4 GiB: this or more."""


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
    with np.errstate(over="ignore"):
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


def require_channels(samples: FloatArray, n_channels: int) -> None:
    """Raise :class:`AudioError` unless samples have the shape ``(n_channels, N)``."""
    if samples.ndim != 2 or samples.shape[0] != n_channels:
        raise AudioError(f"samples have shape {samples.shape}; accepted is ({n_channels}, N)")


def to_pcm16(samples: npt.ArrayLike) -> npt.NDArray[np.int16]:
    """Return float samples as int16: scaled by 32768, rounded, held inside the int16 range."""
    scaled = np.rint(to_float32(samples) * np.float32(PCM16_SCALE))
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def pcm16_sha1(samples: npt.ArrayLike) -> str:
    """Return the SHA-1 of samples as 16-bit integers, channels interleaved: WAV and FLAC of the same audio agree.

    Parameters
    ----------
    samples : array of int16 or float32, shape (N,) or (C, N)
    """
    array = np.asarray(samples)
    pcm = array if array.dtype == np.int16 else to_pcm16(array)
    return hashlib.sha1(np.ascontiguousarray(pcm.T).tobytes(), usedforsecurity=False).hexdigest()


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
    soxr = import_package("soxr", "soxr", "onnx", "resample audio")
    # soxr wants time on the first axis.
    result: FloatArray = soxr.resample(samples.T, from_hz, to_hz).T
    return np.ascontiguousarray(result, dtype=np.float32)


@dataclass(frozen=True)
class NativeAudio:
    """A file's audio as it is stored: not mixed, not resampled, its scale not judged.

    Parameters
    ----------
    samples : array of float32, shape (C, N)
        Full scale 1.0; what a file of floats holds may be anything.
    rate_hz : int
    encoding : str
        libsndfile's name of it, such as ``PCM_16``.
    """

    samples: FloatArray
    rate_hz: int
    encoding: str


def read_native(path: str | os.PathLike[str], stretch_s: tuple[float, float] | None = None) -> NativeAudio:
    """Read an audio file as it is stored.

    Parameters
    ----------
    path : path
    stretch_s : tuple of float, optional
        Start and end in seconds, to read only a part.

    Raises
    ------
    AudioError
        If the file is missing, empty, truncated or no audio.
    """
    soundfile = import_package("soundfile", "soundfile", "onnx", "read audio files")
    check_is_whole_file(path)
    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            n_frames = -1
            if stretch_s is not None:
                start, end = (min(max(0, round(time_s * file.samplerate)), file.frames) for time_s in stretch_s)
                file.seek(start)
                n_frames = max(0, end - start)
            data = file.read(n_frames, dtype="float32", always_2d=True)
            rate_hz, encoding = int(file.samplerate), str(file.subtype)
    # soundfile's own errors are RuntimeErrors; TypeError is its word for a suffix that says "no header".
    except (OSError, RuntimeError, TypeError, MemoryError) as error:
        raise AudioError(f"{path}: not readable as audio ({one_line(error)})") from None
    return NativeAudio(data.T, rate_hz, encoding)


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
    return _as_audio(path, read_native(path), mono)


def read_stretch(path: str | os.PathLike[str], start_s: float, end_s: float) -> FloatArray:
    """Read a part of an audio file as 16 kHz mono float32; the rest of it is not held in memory.

    Parameters
    ----------
    path : path
    start_s, end_s : float
        In seconds; what lies outside the file is left out.

    Returns
    -------
    array of float32, shape (N,)

    Raises
    ------
    AudioError
        As :func:`read_audio`, or if nothing of the file lies between the two.
    """
    return _as_audio(path, read_native(path, (start_s, end_s)), mono=True)


def _as_audio(path: str | os.PathLike[str], native: NativeAudio, mono: bool) -> FloatArray:
    if not MIN_RATE_HZ <= native.rate_hz <= MAX_RATE_HZ:
        raise AudioError(f"{path}: has {native.rate_hz} samples a second; accepted are {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    try:
        # Infinities of two channels may cancel; the sum is then NaN, and refused all the same.
        with np.errstate(invalid="ignore"):
            samples = to_float32(native.samples.T.mean(axis=1) if mono else native.samples)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None
    result = resample(np.ascontiguousarray(samples), native.rate_hz, SAMPLE_RATE_HZ)
    if result.shape[-1] == 0:
        raise AudioError(f"{path}: holds no samples at {SAMPLE_RATE_HZ} Hz")
    return result


def write_audio(path: str | os.PathLike[str], samples: npt.ArrayLike, sample_rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """Write 16-bit audio; the suffix (.wav, .flac) chooses the format.

    The file appears under its name only when it is whole.

    Raises
    ------
    AudioError
        If the suffix is none of those, or the place cannot be written.
    """
    soundfile = import_package("soundfile", "soundfile", "onnx", "write audio files")
    target = Path(path)
    formats = {".wav": "WAV", ".flac": "FLAC"}
    if target.suffix.lower() not in formats:
        raise AudioError(f"{path}: accepted suffixes for writing are {', '.join(formats)}")
    try:
        pcm = to_pcm16(samples)
        with replacing(target, is_durable=False) as temporary:
            soundfile.write(temporary, pcm.T, sample_rate_hz, format=formats[target.suffix.lower()], subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioError(f"{path}: cannot be written ({one_line(error)})") from None


def encode_for_browser(samples: npt.ArrayLike) -> tuple[str, bytes]:
    """Return 16 kHz mono audio as a small file in memory that every browser plays.

    Parameters
    ----------
    samples : array of int16 or float32, shape (N,)

    Returns
    -------
    str
        Media type: ``audio/mpeg``, or ``audio/wav`` where libsndfile is too old to write MP3 (before 1.1).
    bytes
        The file; about 3 kB a second as MP3, 32 kB as WAV.
    """
    soundfile = import_package("soundfile", "soundfile", "onnx", "write audio files")
    has_mp3 = "MP3" in soundfile.available_formats()
    name, subtype = ("MP3", "MPEG_LAYER_III") if has_mp3 else ("WAV", "PCM_16")
    file = io.BytesIO()
    soundfile.write(file, to_pcm16(samples), SAMPLE_RATE_HZ, format=name, subtype=subtype)
    return ("audio/mpeg" if has_mp3 else "audio/wav"), file.getvalue()


def check_is_whole_file(path: str | os.PathLike[str]) -> None:
    """Raise :class:`AudioError` unless `path` is a non-empty file that is not a WAV cut off in its audio."""
    place = Path(path)
    if not place.exists():
        raise AudioError(f"{path}: no such file")
    if place.is_dir():
        raise AudioError(f"{path}: is a directory; accepted is an audio file")
    # A pipe cannot be looked at first.
    if not place.is_file():
        return
    if place.stat().st_size == 0:
        raise AudioError(f"{path}: is an empty file; accepted is an audio file")
    try:
        stated_bytes, found_bytes = _wav_bytes(place)
    except OSError as error:
        raise AudioError(f"{path}: cannot be read ({error.strerror})") from None
    if found_bytes < stated_bytes < UNKNOWN_WAV_BYTES:
        raise AudioError(f"{path}: is truncated, it holds {found_bytes} of {stated_bytes} bytes of audio")


def _wav_bytes(path: Path) -> tuple[int, int]:
    """Return the bytes of audio that a WAV header states, and those that follow it; zeros for other formats."""
    # libsndfile reads a WAV that was cut off as a shorter one and says nothing.
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return 0, 0
        file.seek(12)
        while len(head := file.read(8)) == 8 and head[:4] != b"data":
            # Chunks are padded to an even length.
            file.seek(-(-int.from_bytes(head[4:], "little") // 2) * 2, os.SEEK_CUR)
        found_bytes = path.stat().st_size - file.tell()
    return (int.from_bytes(head[4:], "little"), found_bytes) if head[:4] == b"data" else (0, 0)
