"""A chime from the loudspeaker at each detection."""

from __future__ import annotations

import logging
import os
import threading

from kws.audio import FloatArray, read_audio, resample, to_pcm16
from kws.config import SAMPLE_RATE_HZ
from kws.errors import AudioError, KwsError, SourceError
from kws.packages import one_line
from kws.runtime.clock import now_s
from kws.runtime.detector import Event
from kws.runtime.devices.base import Backend, Stream
from kws.runtime.sinks.base import Sink, Summary
from kws.runtime.sinks.chimed import chime
from kws.runtime.sinks.worker import call_within

_log = logging.getLogger(__name__)
_RATES_HZ = (SAMPLE_RATE_HZ, 48_000)
_BLOCK_S = 0.04
_MAX_SOUND_S = 10.0
# Through loudspeaker and room, a microphone hears the end of a sound up to so much later.
_ECHO_S = 0.5
# A driver that has not asked for samples for so long plays nothing.
_STALL_S = 1.0
_RETRY_S = 3.0
_END_S, _CLOSE_S = 0.4, 0.3


class ChimeSink(Sink):
    """Play a sound at each detection, from a stream that is kept open, so that it starts at once and nothing waits.

    The microphone hears it too: :attr:`mute_s` is its duration and half a second more, or 0 while there is no
    loudspeaker. One that goes away, or is closed because a microphone came back, is opened again within seconds.

    Parameters
    ----------
    backend : Backend
        It stays open.
    wav : path, optional
        Recording of up to 10 s to play; by default a bell.
    waits : bool
        Wait for a loudspeaker that is not there yet.

    Raises
    ------
    AudioError
        If the recording cannot be read or is too long.
    SourceError
        If there is no loudspeaker, unless it is waited for.
    """

    def __init__(self, backend: Backend, wav: str | os.PathLike[str] | None = None, waits: bool = False) -> None:
        self._sound = chime() if wav is None else _read(wav)
        self._backend = backend
        self._sound_mute_s = len(self._sound) / SAMPLE_RATE_HZ + _ECHO_S
        self._is_closed = self._is_absence_told = False
        self._attempt: threading.Thread | None = None
        try:
            self._player, self._stream = self._open()
        except SourceError:
            if not waits:
                raise
            self._player, self._stream = Player(self._sound, 0), _NoStream()
        self._tried_s = now_s()

    def audio(self, samples: FloatArray) -> None:
        """Look after the loudspeaker: only while audio flows, for then the microphone is not being opened again."""
        if now_s() - self._tried_s < _RETRY_S:
            return
        self._tried_s = now_s()
        if self._is_heard or (self._attempt is not None and self._attempt.is_alive()):
            return
        # Opening takes its time, and may hang for as long as the driver does.
        self._attempt = threading.Thread(target=self._reopen, daemon=True)
        self._attempt.start()

    def event(self, event: Event, model: str) -> None:
        """Play the sound from its start."""
        is_heard = self._is_heard
        self.mute_s = self._sound_mute_s if is_heard else 0.0
        if is_heard:
            self._player.start()

    def end(self, summary: Summary) -> None:
        """Let a short sound end, and close the loudspeaker."""
        if self._is_heard:
            self._player.is_silent.wait(_END_S)
        self.abort()

    def abort(self) -> None:
        """Close the loudspeaker."""
        self._is_closed = True
        call_within(self._stream.close, _CLOSE_S)

    @property
    def _is_heard(self) -> bool:
        return self._stream.is_alive and now_s() - self._player.asked_s < _STALL_S

    def _open(self) -> tuple[Player, Stream]:
        problem = SourceError("no loudspeaker")
        for rate_hz in _RATES_HZ:
            block_frames = round(_BLOCK_S * rate_hz)
            player = Player(resample(self._sound, SAMPLE_RATE_HZ, rate_hz), block_frames)
            try:
                return player, self._backend.open_output(None, rate_hz, 1, block_frames, player.give)
            except SourceError as error:
                problem = error
        raise problem

    def _reopen(self) -> None:
        self._stream.close()
        try:
            self._player, self._stream = self._open()
        except (KwsError, OSError) as error:
            if not self._is_absence_told:
                self._is_absence_told = True
                _log.warning("no chime is heard: %s; trying again until the loudspeaker is back", one_line(error))
            return
        if self._is_closed:
            self._stream.close()
        elif self._is_absence_told:
            self._is_absence_told = False
            _log.warning("the loudspeaker is back")


class _NoStream:
    """The loudspeaker before there is one."""

    is_alive = False

    def close(self) -> None:
        """Do nothing."""


class Player:
    """What the driver's thread plays: the sound from its start when told to, else silence.

    Parameters
    ----------
    samples : array of float32, shape (N,)
        At the rate of the stream.
    block_frames : int
        Frames that the driver asks for at a time.
    """

    def __init__(self, samples: FloatArray, block_frames: int) -> None:
        # Made before, so that the driver's thread only hands out pieces.
        self._sound = to_pcm16(samples).astype("<i2").tobytes()
        self._silence = bytes(2 * block_frames)
        self._at = len(self._sound)
        self._n_starts = self._n_started = 0
        self.is_silent = threading.Event()
        self.is_silent.set()
        self.asked_s = now_s()

    def start(self) -> None:
        """Play the sound from its start."""
        # A count, not a position: the driver's thread may be in the middle of moving that one.
        self._n_starts += 1
        self.is_silent.clear()

    def give(self, n_frames: int) -> bytes:
        """Return the next frames, int16 mono."""
        self.asked_s = now_s()
        n_bytes = 2 * n_frames
        if self._n_started != self._n_starts:
            self._n_started = self._n_starts
            self._at = 0
        elif self._at >= len(self._sound):
            self.is_silent.set()
            return self._silence if n_bytes == len(self._silence) else bytes(n_bytes)
        piece = self._sound[self._at : self._at + n_bytes]
        self._at += n_bytes
        return piece if len(piece) == n_bytes else piece.ljust(n_bytes, b"\0")


def _read(path: str | os.PathLike[str]) -> FloatArray:
    samples = read_audio(path)
    if len(samples) > _MAX_SOUND_S * SAMPLE_RATE_HZ:
        duration_s = len(samples) / SAMPLE_RATE_HZ
        raise AudioError(f"{path}: is {duration_s:.1f} s long; accepted for a chime are up to {_MAX_SOUND_S:g} s")
    return samples
