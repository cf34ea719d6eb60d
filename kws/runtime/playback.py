"""One recording after the other through the loudspeaker, while somebody else listens."""

from __future__ import annotations

import contextlib
import threading

from kws.audio import FloatArray, resample
from kws.config import SAMPLE_RATE_HZ
from kws.errors import KwsError
from kws.runtime.devices.base import Backend, Stream
from kws.runtime.sinks.player import Player
from kws.runtime.sinks.worker import call_within

_RATES_HZ = (SAMPLE_RATE_HZ, 48_000)
_BLOCK_S = 0.04
# Opening, the way through loudspeaker and room, and the echo there.
_LATE_S = 0.7
# Drivers hang; nobody waits longer.
_OPEN_S, _CLOSE_S = 2.0, 0.3


class Playback:
    """Play recordings on the system's loudspeaker.

    Parameters
    ----------
    backend : Backend
        It stays open.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stream: Stream | None = None
        self._lock = threading.Lock()

    def play(self, samples: FloatArray) -> float:
        """Begin to play, instead of what is played yet.

        Parameters
        ----------
        samples : array of float32, shape (N,)
            16 kHz.

        Returns
        -------
        float
            Seconds for which a microphone may hear it; 0 if there is no loudspeaker.
        """
        self.close()
        call_within(lambda: self._open(samples), _OPEN_S)
        return len(samples) / SAMPLE_RATE_HZ + _LATE_S if self._stream is not None else 0.0

    def close(self) -> None:
        """Be silent; a second call does nothing."""
        with self._lock:
            stream, self._stream = self._stream, None
        if stream is not None:
            call_within(stream.close, _CLOSE_S)

    def _open(self, samples: FloatArray) -> None:
        for rate_hz in _RATES_HZ:
            block_frames = round(_BLOCK_S * rate_hz)
            player = Player(resample(samples, SAMPLE_RATE_HZ, rate_hz), block_frames)
            player.start()
            with contextlib.suppress(KwsError, OSError):
                stream = self._backend.open_output(None, rate_hz, 1, block_frames, player.give)
                with self._lock:
                    self._stream = stream
                return
