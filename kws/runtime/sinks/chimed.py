"""The audio with a chime laid over each detection, as a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from kws.audio import FloatArray, to_pcm16
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError
from kws.packages import import_package, one_line
from kws.runtime.detector import Event
from kws.runtime.sinks.base import Sink, Summary

_FORMATS = {".wav": "WAV", ".flac": "FLAC"}
# An event is known up to one detector block after it fires; what is younger than this is never written yet.
_HELD_SAMPLES = 2 * SAMPLE_RATE_HZ
_SAME_WORD_SAMPLES = SAMPLE_RATE_HZ // 5
_PEAK = 0.4


def chime(duration_s: float = 0.5) -> FloatArray:
    """Return a short bell: two sines a fifth apart that die away.

    Returns
    -------
    array of float32, shape (N,)
        16 kHz, peak 0.4, starting and ending near zero.
    """
    time_s = np.arange(round(duration_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * time_s) for hz in (880.0, 1320.0))
    # 5 ms of rise, so that the bell does not click.
    bell = tones * np.exp(-8.0 * time_s) * np.minimum(1.0, time_s / 0.005)
    return np.asarray(_PEAK * bell / np.max(np.abs(bell)), dtype=np.float32)


class ChimedSink(Sink):
    """Write the audio block by block; only the last seconds are held in memory.

    The file appears under its name when the audio is over, and never if something fails.

    Parameters
    ----------
    path : path
        A .wav or .flac file to write.

    Raises
    ------
    AudioError
        At once, if the suffix is another or the place cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._target = Path(path)
        if self._target.suffix.lower() not in _FORMATS:
            raise AudioError(f"{path}: accepted suffixes for writing are {', '.join(_FORMATS)}")
        if self._target.is_dir():
            raise AudioError(f"{path}: is a directory; accepted is a file to write")
        self._temporary = self._target.with_name(f".{self._target.name}.{os.getpid()}.tmp")
        self._soundfile = import_package("soundfile", "soundfile", "onnx", "write audio files")
        try:
            self._temporary.touch()
        except OSError as error:
            raise AudioError(f"{path}: cannot be written ({error.strerror})") from None
        self._bell = chime()
        # Opened with the first samples, when the number of channels is known.
        self._file: Any = None
        self._held: FloatArray | None = None
        self._held_from = 0
        # Where the bells of events begin, in samples; those whose audio is not all written yet.
        self._starts: list[int] = []

    def audio(self, samples: FloatArray) -> None:
        """Take the next samples."""
        # Before the new block is added: its own events are still to come. In pieces of at least a second, so
        # that the cost of a write does not depend on the source's blocks.
        if self._held is not None and self._held.shape[1] >= _HELD_SAMPLES + SAMPLE_RATE_HZ:
            self._write(self._held.shape[1] - _HELD_SAMPLES)
        self._held = samples if self._held is None else np.concatenate([self._held, samples], axis=1)

    def event(self, event: Event, model: str) -> None:
        """Lay a bell over the audio from the event on; one for all channels that hear the same word."""
        start = max(round(event.time_s * SAMPLE_RATE_HZ), self._held_from)
        if all(abs(start - other) >= _SAME_WORD_SAMPLES for other in self._starts):
            self._starts.append(start)

    def end(self, summary: Summary) -> None:
        """Write the rest and put the file in its place."""
        self._write(0 if self._held is None else self._held.shape[1])
        try:
            if self._file is None:
                self._file = self._open(1)
            self._file.close()
            os.replace(self._temporary, self._target)
        except (OSError, RuntimeError) as error:
            raise AudioError(f"{self._target}: cannot be written ({one_line(error)})") from None

    def abort(self) -> None:
        """Remove what was written."""
        if self._file is not None:
            self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _open(self, n_channels: int) -> Any:
        return self._soundfile.SoundFile(
            self._temporary,
            "w",
            SAMPLE_RATE_HZ,
            n_channels,
            subtype="PCM_16",
            format=_FORMATS[self._target.suffix.lower()],
        )

    def _write(self, n_samples: int) -> None:
        if self._held is None or n_samples <= 0:
            return
        piece, self._held = self._held[:, :n_samples], self._held[:, n_samples:]
        try:
            if self._file is None:
                self._file = self._open(piece.shape[0])
            self._file.write(to_pcm16(self._with_bells(piece)).T)
        except (OSError, RuntimeError) as error:
            raise AudioError(f"{self._target}: cannot be written ({one_line(error)})") from None
        self._held_from += n_samples

    def _with_bells(self, piece: FloatArray) -> FloatArray:
        bells = np.zeros(piece.shape[1], np.float32)
        for start in self._starts:
            first = start - self._held_from
            low, high = max(first, 0), min(first + len(self._bell), len(bells))
            if low < high:
                bells[low:high] += self._bell[low - first : high - first]
        end = self._held_from + len(bells)
        self._starts = [start for start in self._starts if start + len(self._bell) > end]
        # The audio makes room, so that the sum never leaves full scale and nothing is clipped.
        np.clip(bells, -1.0, 1.0, out=bells)
        return np.asarray(piece * (1.0 - np.abs(bells)) + bells, dtype=np.float32)
