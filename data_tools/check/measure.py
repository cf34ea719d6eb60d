"""All that is measured of one file, so that each file is read once; and many files in parallel."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.check.fingerprint import Fingerprint, fingerprint
from data_tools.check.spectrum import flatness, loud_spectrum, source_rate_hz
from data_tools.check.speech_level import active_speech_level
from kws.activity import active_region
from kws.audio import MAX_RATE_HZ, MIN_RATE_HZ, PCM16_SCALE, FloatArray, pcm16_sha1, read_native, resample
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, DataError
from kws.processes import end_pool, leave_interrupts

LEVEL_HOP_S = 0.01
"""Distance of two values of a level curve."""

_FEW_FILES = 48
_CHUNK_FILES = 16
_FLAT_TOP = 3
_LOUD_TOP, _FULL_TOP = 0.25, 0.985
_EDGE_S, _LOUD_EDGE = 0.01, 0.1


@dataclass(frozen=True)
class Measures:
    """What was measured of one file.

    Parameters
    ----------
    rate_hz, n_channels, n_samples : int
        As the file is stored; samples of one channel.
    encoding : str
        Such as ``PCM_16``.
    sha1 : str
        Of the samples as int16, so that WAV and FLAC of the same audio agree.
    peak : float
        Largest absolute sample; infinite if a sample is no finite number.
    dc : float
        Mean of the samples, all channels mixed.
    rms_dbfs : float
    channel_rms : tuple of float
    channel_correlation : float
        Of the first two channels; 0 for one channel.
    clipped_samples, clipped_runs : int
        Flat tops of three samples and more, and their number.
    dropout_s : float
        Longest run of exact zeros that cuts into a sound: loud right before and right after it.
    n_values : int
        Different sample values as int16.
    source_rate_hz : int
        See :func:`data_tools.check.spectrum.source_rate_hz`; of the audio at 16 kHz.
    flatness : float
    level_dbfs : float
        Active speech level.
    active_s : tuple of float
        Start and end of the sound, as training would find them.
    levels_db : array of float32, shape (T,)
        RMS of each 10 ms.
    print : Fingerprint
    """

    rate_hz: int
    n_channels: int
    n_samples: int
    encoding: str
    sha1: str
    peak: float
    dc: float
    rms_dbfs: float
    channel_rms: tuple[float, ...]
    channel_correlation: float
    clipped_samples: int
    clipped_runs: int
    dropout_s: float
    n_values: int
    source_rate_hz: int
    flatness: float
    level_dbfs: float
    active_s: tuple[float, float]
    levels_db: FloatArray
    print: Fingerprint

    @property
    def duration_s(self) -> float:
        """Length of the file."""
        return self.n_samples / self.rate_hz

    @property
    def word_s(self) -> float:
        """Length of its sound."""
        return self.active_s[1] - self.active_s[0]

    @property
    def floor_dbfs(self) -> float:
        """Noise floor: the 10th percentile of the level curve."""
        return float(np.percentile(self.levels_db, 10)) if len(self.levels_db) else -120.0

    @property
    def is_silent(self) -> bool:
        """Whether every sample is zero."""
        return self.peak == 0.0


def measure_file(path: Path) -> Measures:
    """Read a file and measure it.

    Raises
    ------
    AudioError
        If it cannot be read as audio or holds no samples.
    """
    native = read_native(path)
    if not MIN_RATE_HZ <= native.rate_hz <= MAX_RATE_HZ:
        raise AudioError(f"{path}: has {native.rate_hz} samples a second; accepted are {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    n_channels, n_samples = native.samples.shape
    if n_samples == 0:
        raise AudioError(f"{path}: holds no samples")
    is_finite = bool(np.isfinite(native.samples).all())
    stored = native.samples if is_finite else np.nan_to_num(native.samples, posinf=0.0, neginf=0.0)
    peak = float(np.abs(stored).max()) if is_finite else float("inf")
    # Audio of a wrong scale is measured as if it had the right one: the scale is a finding of its own.
    scaled = stored / np.float32(PCM16_SCALE) if 64.0 < peak < float("inf") else stored
    pcm = np.clip(np.rint(scaled * np.float32(PCM16_SCALE)), -32768, 32767).astype(np.int16)
    clipped_samples, clipped_runs = flat_tops(scaled)
    mono = np.ascontiguousarray(scaled.mean(axis=0))
    audio = resample(mono, native.rate_hz, SAMPLE_RATE_HZ)
    start, end = active_region(audio)
    # A constant offset is a finding of its own and no sound.
    audio = audio - audio.mean(dtype=np.float64).astype(np.float32)
    spectrum = loud_spectrum(audio)
    return Measures(
        rate_hz=native.rate_hz,
        n_channels=n_channels,
        n_samples=n_samples,
        encoding=native.encoding,
        sha1=pcm16_sha1(pcm),
        peak=peak,
        dc=float(mono.mean(dtype=np.float64)),
        rms_dbfs=_db(float(np.mean(np.square(mono, dtype=np.float64)))),
        channel_rms=tuple(float(r) for r in np.sqrt(np.mean(np.square(scaled, dtype=np.float64), axis=1))),
        channel_correlation=_correlation(scaled),
        clipped_samples=clipped_samples,
        clipped_runs=clipped_runs,
        dropout_s=_longest_dropout(mono, native.rate_hz),
        n_values=int(np.count_nonzero(np.bincount(pcm.astype(np.int32).ravel() + 32768))),
        source_rate_hz=source_rate_hz(spectrum),
        flatness=flatness(spectrum),
        level_dbfs=active_speech_level(audio),
        active_s=(start / SAMPLE_RATE_HZ, end / SAMPLE_RATE_HZ),
        levels_db=_levels(audio),
        print=fingerprint(mono, native.rate_hz),
    )


def measure_files(
    paths: Mapping[str, Path], jobs: int = 1, on_progress: Callable[[int, int], None] | None = None
) -> tuple[dict[str, Measures], dict[str, str]]:
    """Measure many files.

    Parameters
    ----------
    paths : mapping of str to Path
    jobs : int
        Processes.
    on_progress : callable, optional
        Called with the number of files that are done and their total.

    Returns
    -------
    measures : dict of str to Measures
    failures : dict of str to str
        Why the others could not be read.
    """
    measures: dict[str, Measures] = {}
    failures: dict[str, str] = {}
    for done, (name, outcome) in enumerate(zip(paths, _outcomes(list(paths.values()), jobs), strict=True), 1):
        if isinstance(outcome, Measures):
            measures[name] = outcome
        else:
            failures[name] = outcome
        if on_progress is not None:
            on_progress(done, len(paths))
    return measures, failures


def _outcomes(paths: Sequence[Path], jobs: int) -> Iterator[Measures | str]:
    if jobs == 1 or len(paths) < _FEW_FILES:
        yield from map(_measure_or_reason, paths)
        return
    # Fresh processes: forked ones may hang on a lock that a thread of ours held.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, leave_interrupts)
    try:
        yield from pool.map(_measure_or_reason, paths, chunksize=_CHUNK_FILES)
    except BrokenProcessPool:
        raise DataError("a process that reads files has died; accepted is --jobs 1, which names the file") from None
    finally:
        end_pool(pool)


def _measure_or_reason(path: Path) -> Measures | str:
    try:
        return measure_file(path)
    except AudioError as error:
        return str(error).removeprefix(f"{path}: ")


def flat_tops(samples: FloatArray) -> tuple[int, int]:
    """Return the samples in flat tops, and the number of those tops, over all channels ``(C, N)``.

    A flat top is three samples and more at the highest level, near full scale or wherever the sound was cut off.
    """
    total, runs = 0, 0
    for channel in samples:
        for top in (channel, -channel):
            highest = float(top.max())
            if highest < _LOUD_TOP:
                continue
            lengths = _run_lengths(top >= min(highest - 1e-7, max(_FULL_TOP, highest - 1e-3)))
            flat = lengths[lengths >= _FLAT_TOP]
            total, runs = total + int(flat.sum()), runs + len(flat)
    return total, runs


def _run_lengths(mask: np.ndarray) -> np.ndarray:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return edges[1::2] - edges[::2]


def _longest_dropout(mono: FloatArray, rate_hz: int) -> float:
    edge = max(1, round(_EDGE_S * rate_hz))
    loud = _LOUD_EDGE * float(np.abs(mono).max())
    sounding = np.flatnonzero(mono)
    gaps = np.flatnonzero(np.diff(sounding) > edge)
    longest = 0
    for before, after in zip(sounding[gaps].tolist(), sounding[gaps + 1].tolist(), strict=True):
        # A pause that a noise gate or a codec makes silent fades out first.
        if min(_rms(mono[max(0, before - edge) : before + 1]), _rms(mono[after : after + edge])) >= loud:
            longest = max(longest, after - before - 1)
    return longest / rate_hz


def _rms(samples: FloatArray) -> float:
    return float(np.sqrt(np.mean(np.square(samples))))


def _correlation(samples: FloatArray) -> float:
    if len(samples) < 2:
        return 0.0
    first, second = samples[0].astype(np.float64), samples[1].astype(np.float64)
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt(np.dot(first, first) * np.dot(second, second)))
    return float(np.dot(first, second)) / scale if scale > 0.0 else 0.0


def _levels(audio: FloatArray) -> FloatArray:
    hop = round(LEVEL_HOP_S * SAMPLE_RATE_HZ)
    n_frames = len(audio) // hop
    power = np.mean(np.square(audio[: n_frames * hop]).reshape(n_frames, hop), axis=1, dtype=np.float64)
    return (10.0 * np.log10(power + 1e-12)).astype(np.float32)


def _db(power: float) -> float:
    return float(10.0 * np.log10(power + 1e-12))
