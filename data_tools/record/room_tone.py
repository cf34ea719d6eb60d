"""The sound of the room without words: backgrounds to train and test with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from data_tools.record.store import Store
from data_tools.record.vad import Vad
from data_tools.record.work import Block, Event, Origin, Work
from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ

LABEL, NAME = "noise", "background"
_PIECE_S = 60
_LEAST_S = 1.0
_SPEECH_PROBABILITY = 0.5
_MUCH_SPEECH_S = 1.0
# Less than the last bit of 16.
_SILENCE_DB = -100.0


class RoomTone(Work):
    """Record the room for a while, in files of a minute, so that little is lost if it is stopped.

    Parameters
    ----------
    store : Store
    vad : Vad
    duration_s : float
    origin : Origin
    on_event : callable
    """

    def __init__(
        self, store: Store, vad: Vad, duration_s: float, origin: Origin, on_event: Callable[[Event], None]
    ) -> None:
        super().__init__(on_event)
        self._store, self._vad, self._origin = store, vad, origin
        self._n_wanted = round(duration_s * SAMPLE_RATE_HZ)
        self._n_heard = 0
        self._pieces: list[FloatArray] = []
        self._n_pending = 0

    @property
    def counter(self) -> str:
        """How much there is."""
        return f"{self._n_heard / SAMPLE_RATE_HZ:.0f} of {self._n_wanted / SAMPLE_RATE_HZ:g} s"

    @property
    def prompt(self) -> str:
        """What to do now."""
        return "paused: space goes on" if self.is_paused else "recording the room: do not speak"

    def hear(self, block: Block) -> None:
        """Take a block."""
        if block.notice:
            self._tell(Event("told", block.notice))
        if block.lost or self.is_paused:
            self._write()
        if self.is_paused or not block.samples.shape[1]:
            return
        samples = block.samples[:, : self._n_wanted - self._n_heard]
        self._pieces.append(samples)
        self._n_heard += samples.shape[1]
        self._n_pending += samples.shape[1]
        self.is_done = self.is_done or self._n_heard >= self._n_wanted
        if self._n_pending >= _PIECE_S * SAMPLE_RATE_HZ:
            self._write()

    def finish(self) -> None:
        """Write what was heard last."""
        self._write()
        self._store.flush()

    def _write(self) -> None:
        # A moment is of no use.
        if self._n_pending >= min(_LEAST_S * SAMPLE_RATE_HZ, self._n_wanted):
            channels = np.concatenate(self._pieces, axis=1)
            mono = channels.mean(axis=0)
            path = self._store.add(mono, channels, self._origin.fields())
            level_db = 10.0 * float(np.log10(np.mean(np.square(mono, dtype=np.float64)) + 1e-12))
            figures = f"{len(mono) / SAMPLE_RATE_HZ:.1f} s, {level_db:.0f} dBFS"
            self._tell(Event("take", f"{path.name}: {figures}", self._advice(mono, level_db)))
        self._pieces, self._n_pending = [], 0

    def _advice(self, mono: FloatArray, level_db: float) -> str:
        if level_db < _SILENCE_DB:
            return "no sound at all: is the microphone on?"
        speech_s = self._speech_s(mono)
        return f"{speech_s:.1f} s of it sound like speech" if speech_s >= _MUCH_SPEECH_S else ""

    def _speech_s(self, mono: FloatArray) -> float:
        size = self._vad.chunk_samples
        self._vad.reset()
        chunks = mono[: len(mono) // size * size].reshape(-1, size)
        return sum(self._vad.speech_probability(c) >= _SPEECH_PROBABILITY for c in chunks) * size / SAMPLE_RATE_HZ
