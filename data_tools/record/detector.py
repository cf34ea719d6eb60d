"""From audio to stretches of speech, each with the audio around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_tools.record.settings import TakeConfig
from data_tools.record.vad import Vad
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ


@dataclass(frozen=True, eq=False)
class Stretch:
    """Speech between two pauses.

    Parameters
    ----------
    samples : array of float32, shape (C, N)
        Speech and the audio around it; empty where it is too long.
    start : int
        Sample of the session at which `samples` begin.
    speech : tuple of int
        First and last sample (half-open) of the speech within `samples`, as the voice activity detector tells it.
    speech_s : float
        How much of that is speech.
    is_open_before, is_open_after : bool
        Whether the audio begins or ends here, so that a word at that edge is cut.
    is_too_long : bool
        Whether it went on for longer than a word; told as soon as that is known.
    """

    samples: FloatArray
    start: int
    speech: tuple[int, int]
    speech_s: float
    is_open_before: bool = False
    is_open_after: bool = False
    is_too_long: bool = False


class TakeDetector:
    """Cut a stream of audio into stretches; it keeps no more than one of them.

    Parameters
    ----------
    vad : Vad
        Hears the mean of all channels.
    config : TakeConfig
    """

    def __init__(self, vad: Vad, config: TakeConfig | None = None) -> None:
        self._vad = vad
        self._config = config or TakeConfig()
        self._search = round(self._config.search_s * SAMPLE_RATE_HZ)
        self._pause = round(self._config.pause_s * SAMPLE_RATE_HZ)
        self._longest = round((self._config.max_word_s + self._config.pause_s) * SAMPLE_RATE_HZ)
        self._end = 0
        self._begin()

    def _begin(self) -> None:
        """Begin anew with the next sample."""
        self._vad.reset()
        # Samples not yet given away, the first of them, and the first since audio was lost.
        self._kept = np.zeros((1, 0), np.float32)
        self._kept_from = self._first = self._heard = self._end
        self._speech_start: int | None = None
        self._speech_end = 0
        self._n_speech = 0
        self._is_over_long = False

    @property
    def is_hearing(self) -> bool:
        """Whether there is speech that has not ended."""
        return self._speech_start is not None

    def process(self, samples: FloatArray) -> list[Stretch]:
        """Take audio that follows what came before.

        Parameters
        ----------
        samples : array of float32, shape (C, N)
            16 kHz; C is the same each time until :meth:`finish`.

        Returns
        -------
        list of Stretch
            Those that ended.
        """
        self._kept = np.concatenate([self._kept, samples], axis=1) if self._kept.size else samples
        self._end += samples.shape[1]
        size = self._vad.chunk_samples
        found: list[Stretch] = []
        while self._heard + size <= self._end:
            at = self._heard - self._kept_from
            chunk = self._kept[:, at : at + size].mean(axis=0)
            self._heard += size
            found += self._hear(self._vad.speech_probability(chunk), size)
        self._forget()
        return found

    def finish(self, lost_samples: int = 0) -> list[Stretch]:
        """End here, with the speech that has not ended; the next audio comes after a loss."""
        found = [] if self._speech_start is None or self._is_over_long else [self._stretch(is_open_after=True)]
        self._end += lost_samples
        self._begin()
        return found

    def _hear(self, probability: float, size: int) -> list[Stretch]:
        speaking = self._speech_start is not None
        limit = self._config.stop_probability if speaking else self._config.start_probability
        if probability >= limit:
            if self._speech_start is None:
                self._speech_start, self._n_speech = self._heard - size, 0
            self._speech_end = self._heard
            self._n_speech += size
        if self._speech_start is None:
            return []
        if self._heard - self._speech_end >= self._pause:
            found = [] if self._is_over_long else [self._stretch()]
            self._speech_start, self._is_over_long = None, False
            return found
        if not self._is_over_long and self._speech_end - self._speech_start > self._longest:
            self._is_over_long = True
            return [self._over_long()]
        return []

    def _stretch(self, is_open_after: bool = False) -> Stretch:
        assert self._speech_start is not None
        start = max(self._first, self._speech_start - self._search)
        end = min(self._end, self._speech_end + self._search)
        return Stretch(
            self._kept[:, start - self._kept_from : end - self._kept_from].copy(),
            start,
            (self._speech_start - start, self._speech_end - start),
            self._n_speech / SAMPLE_RATE_HZ,
            start == self._first,
            is_open_after and end == self._end,
        )

    def _over_long(self) -> Stretch:
        assert self._speech_start is not None
        nothing = np.zeros((len(self._kept), 0), np.float32)
        return Stretch(nothing, self._speech_start, (0, 0), self._n_speech / SAMPLE_RATE_HZ, is_too_long=True)

    def _forget(self) -> None:
        """Drop the audio that no stretch can hold any more."""
        needed = self._heard if self._speech_start is None or self._is_over_long else self._speech_start
        start = max(self._kept_from, needed - self._search)
        self._kept = self._kept[:, start - self._kept_from :]
        self._kept_from = start
