"""Sounds as the synthesizer keeps them: stored as given, measured once.

A clip or recording stays int16 if it came as int16, which halves the memory of a corpus; it is brought to
float32 by the very multiplication that applies its gain.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from data_tools.synthesize.mixing import peak_of
from kws.activity import active_region
from kws.audio import PCM16_SCALE, FloatArray, to_float32
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, DataError

StoredArray = npt.NDArray[Any]
"""int16 or float32 samples, shape (N,), as they were given."""

BLOCK_SAMPLES = SAMPLE_RATE_HZ // 100
_FADE_SAMPLES = SAMPLE_RATE_HZ // 200
# The range in which frames of running speech count as speech, as in kws.activity.
_SPEECH_RANGE_DB = 22.0


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip and what is known of it, at full scale 1.0 whatever it is stored in.

    Parameters
    ----------
    samples : array, shape (N,)
        int16 or float32.
    unit : float
        Factor from stored samples to full scale 1.0.
    active_start, active_end : int
        Half-open range of the active part.
    active_rms : float
        Root mean square of that part.
    peak : float
        Largest absolute sample.
    energy : float
        Sum of squares of all samples.
    """

    samples: StoredArray
    unit: float
    active_start: int
    active_end: int
    active_rms: float
    peak: float
    energy: float


def measure_clip(samples: StoredArray) -> Clip:
    """Find the active part, level and peak of a clip's samples, shape (N,), int16 or float."""
    audio = to_float32(samples)
    if audio.ndim != 1 or len(audio) == 0:
        raise AudioError(f"a clip has shape {audio.shape}; accepted is mono audio of at least one sample, (N,)")
    start, end = active_region(audio)
    active = audio[start:end]
    active_rms = math.sqrt(float(np.dot(active, active)) / max(1, end - start))
    stored = samples if samples.dtype == np.int16 else audio
    return Clip(stored, _unit(stored), start, end, active_rms, peak_of(audio), float(np.dot(audio, audio)))


class ClipBank:
    """The clips of one label; each is measured when it is first drawn.

    Parameters
    ----------
    name : str
        What the clips are, for messages.
    clips : sequence of array, shape (N,)
        int16 or float32.

    Raises
    ------
    DataError
        If there is none, or one is digital silence.
    AudioError
        If one is no mono audio or is empty.

    Attributes
    ----------
    stored : list of array, shape (N,)
        The clips as they were given.
    """

    def __init__(self, name: str, clips: Sequence[npt.ArrayLike]) -> None:
        if len(clips) == 0:
            raise DataError(f"{name}: no clips; accepted is at least one")
        self.name = name
        self.stored = [_stored(f"{name}[{i}]", clip) for i, clip in enumerate(clips)]
        self._measured: list[Clip | None] = [None] * len(self.stored)
        for index, clip in enumerate(self.stored):
            if not clip.any():
                raise DataError(f"{name}[{index}] is digital silence; accepted are clips that hold a sound")

    def __len__(self) -> int:
        return len(self.stored)

    @property
    def shortest_samples(self) -> int:
        """Length of the shortest clip."""
        return min(len(clip) for clip in self.stored)

    def n_samples(self, index: int) -> int:
        """Return the length of a clip."""
        return len(self.stored[index])

    def audio(self, index: int) -> FloatArray:
        """Return a clip as float32 that the caller may change."""
        return to_float32(self.stored[index]).copy()

    def clip(self, index: int) -> Clip:
        """Return a clip with its measures."""
        known = self._measured[index]
        if known is None:
            known = self._measured[index] = measure_clip(self.stored[index])
        return known

    def crop(self, index: int, start: int, n_samples: int) -> FloatArray:
        """Cut a piece out of a clip, with faded edges where it was cut."""
        piece = to_float32(self.stored[index][start : start + n_samples]).copy()
        fade = np.linspace(0.0, 1.0, min(_FADE_SAMPLES, n_samples // 2), dtype=np.float32)
        if len(fade):
            piece[: len(fade)] *= fade
            piece[-len(fade) :] *= fade[::-1]
        return piece


class Recording:
    """A long recording of noise or speech, from which streams take their background.

    One that is shorter than a stream is looped, with a short cross-fade at the seam.

    Parameters
    ----------
    name : str
        What it is, for messages.
    samples : array, shape (N,)
        int16 or float32.
    stream_samples : int
        Length of the pieces that are going to be taken.
    """

    def __init__(self, name: str, samples: npt.ArrayLike, stream_samples: int) -> None:
        stored = _stored(name, samples)
        self.samples = stored if len(stored) >= stream_samples else _loop(to_float32(stored), stream_samples)
        self.unit = _unit(self.samples)
        self.n_starts = len(self.samples) - stream_samples + 1
        self._stream_samples = stream_samples
        self._energy_before, self._block_peaks = _block_measures(self.samples, self.unit)

    def piece(self, start: int) -> StoredArray:
        """Return the stored samples of a stream that begins at `start`."""
        return self.samples[start : start + self._stream_samples]

    def energy(self, start: int, end: int) -> float:
        """Return the sum of squares of a range; inside a 10 ms block energy counts as spread evenly."""
        return max(0.0, self._energy_at(end) - self._energy_at(start))

    def peak(self, start: int) -> float:
        """Return a bound on the largest absolute sample of a stream that begins at `start`."""
        last = (start + self._stream_samples - 1) // BLOCK_SAMPLES
        return float(self._block_peaks[start // BLOCK_SAMPLES : last + 1].max())

    def speech_rms(self, start: int) -> float:
        """Return the level of a talker: the root mean square without the pauses.

        A 10 ms block counts as speech when it is within 22 dB of the loudest of the piece.
        """
        first, last = start // BLOCK_SAMPLES, (start + self._stream_samples) // BLOCK_SAMPLES
        energy = np.diff(self._energy_before[first : last + 1])
        if energy.size == 0 or energy.max() <= 0.0:
            return 0.0
        spoken = energy[energy >= energy.max() * 10.0 ** (-_SPEECH_RANGE_DB / 10.0)]
        return math.sqrt(float(spoken.mean()) / BLOCK_SAMPLES)

    def _energy_at(self, sample: int) -> float:
        block, rest = divmod(sample, BLOCK_SAMPLES)
        before = self._energy_before.item(block)
        if rest == 0:
            return before
        return before + (self._energy_before.item(block + 1) - before) * (rest / BLOCK_SAMPLES)


def _block_measures(samples: StoredArray, unit: float) -> tuple[np.ndarray, FloatArray]:
    n_blocks = -(-len(samples) // BLOCK_SAMPLES)
    energy = np.zeros(n_blocks + 1)
    peaks = np.zeros(n_blocks, dtype=np.float32)
    # A second at a time: a squared copy of an hour would take half a gigabyte.
    for first in range(0, n_blocks, 100):
        piece = samples[first * BLOCK_SAMPLES : (first + 100) * BLOCK_SAMPLES].astype(np.float64) * unit
        blocks = np.pad(piece, (0, -len(piece) % BLOCK_SAMPLES)).reshape(-1, BLOCK_SAMPLES)
        here = slice(first, first + len(blocks))
        energy[1:][here] = np.einsum("ij,ij->i", blocks, blocks)
        peaks[here] = np.maximum(blocks.max(axis=1), -blocks.min(axis=1))
    # The last block may be short; as if it went on evenly, so that the edge of the samples is exact.
    energy[-1] *= BLOCK_SAMPLES / (len(samples) - (n_blocks - 1) * BLOCK_SAMPLES)
    return np.cumsum(energy), peaks


def _loop(audio: FloatArray, stream_samples: int) -> FloatArray:
    # The tail fades out while the head fades in, then the rest follows: a seam without a click.
    fade = np.linspace(0.0, 1.0, min(_FADE_SAMPLES, len(audio) // 2), dtype=np.float32)
    period = audio[: len(audio) - len(fade)].copy()
    if len(fade):
        period[: len(fade)] = period[: len(fade)] * fade + audio[-len(fade) :] * (1.0 - fade)
    return np.resize(period, stream_samples + len(period) - 1)


def _stored(name: str, samples: npt.ArrayLike) -> StoredArray:
    array = np.asarray(samples)
    try:
        stored = array if array.dtype == np.int16 else to_float32(array)
    except AudioError as error:
        raise AudioError(f"{name}: {error}") from None
    if stored.ndim != 1 or len(stored) == 0:
        raise AudioError(f"{name} has shape {stored.shape}; accepted is mono audio of at least one sample, (N,)")
    return stored


def _unit(samples: StoredArray) -> float:
    return 1.0 / PCM16_SCALE if samples.dtype == np.int16 else 1.0
