"""The microphone: a device that may be unplugged, suspended, frozen or moved, and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import numpy as np

from kws.errors import KwsError, SourceError
from kws.runtime.clock import now_s
from kws.runtime.devices import Backend, open_backend
from kws.runtime.devices.choose import find_input
from kws.runtime.sources.base import AudioBlock, Source, SourceOptions
from kws.runtime.sources.capture import PIECE_S, Capture, Piece
from kws.runtime.sources.timeline import Timeline

_BEAT_S = 0.25
# Callbacks come every 40 ms, under load up to 140 ms later.
_STALL_S = 1.0
_FIRST_DELAY_S, _MAX_DELAY_S = 1.0, 10.0
# Microphones have noise: digital silence for so long means a switched-off one, or a stream that was moved.
_FIRST_SILENCE_S, _MAX_SILENCE_S = 3.0, 60.0
_CLOSE_S = 0.3
# Waking up costs more than the model itself. A word is longer than this, so its onset is noticed before its end.
_RELAXED_S = 0.32
# Longer than that by more than callbacks are late, so that no wait ends in vain.
_WAIT_S = 0.5


class MicrophoneSource(Source):
    """An input device, by callbacks.

    While it runs, audio is kept in order in a ring of 3 s; what is older is dropped and counted, and so is
    what the device itself loses. Where the device stops delivering it is opened again, after 1 s and then
    less and less often, every 10 s in the end.

    Parameters
    ----------
    address : str
        As ``options.device``; that is used where this is empty.
    options : SourceOptions
        ``n_channels``: by default all of the device, 2 where a driver that converts claims more than 16.
    backend : Backend, optional
        By default a new one, as `options` name it.

    Raises
    ------
    MissingPackageError
        If the package that reaches devices is not installed.
    SourceError
        If the device is not there (unless ``options.waits``) or cannot be opened so.
    """

    def __init__(self, address: str = "", options: SourceOptions | None = None, backend: Backend | None = None) -> None:
        options = options or SourceOptions()
        self._wanted = address or options.device
        self._n_channels = options.n_channels
        self.backend = backend or open_backend(options.backend)
        """For others that use sound devices in this process."""
        self._capture: Capture | None = None
        self._is_closed = False
        self.name = "microphone"
        try:
            self._open()
        except SourceError:
            if not options.waits:
                self.backend.close()
                raise
        self._timeline = Timeline(self.n_channels)

    @property
    def n_channels(self) -> int:
        """Channels of the blocks; 1 until the device was there."""
        return self._n_channels or 1

    def _open(self) -> None:
        device = find_input(self.backend, self._wanted)
        n_channels = self._n_channels
        if self._capture is not None and n_channels is not None:
            # What comes back may be another device, with fewer channels.
            n_channels = min(n_channels, device.max_input_channels)
        self._capture = Capture(self.backend, device, n_channels)
        self._n_channels = self._n_channels or self._capture.n_channels
        self.name = f"microphone {device.name}"

    def __iter__(self) -> Iterator[AudioBlock]:
        if self._capture is None:
            yield from self._reconnect("not there yet")
            self._timeline = Timeline(self.n_channels)
        watch = _Watch()
        self._timeline.open(self._rate_hz)
        while not self._is_closed and self._capture is not None:
            pieces = self._capture.read(_WAIT_S)
            watch.update(pieces)
            for piece in pieces:
                yield from self._timeline.blocks(piece)
            if not pieces:
                yield self._timeline.beat()
            problem = watch.problem(self._capture.is_alive)
            if problem:
                yield from self._reconnect(problem, watch.is_silent_again)
                watch.reopened()
                self._timeline.open(self._rate_hz)

    def relax(self, is_relaxed: bool) -> None:
        """Collect audio for 0.32 s at a time, or give it as it comes."""
        if self._capture is not None:
            self._capture.collect(_RELAXED_S if is_relaxed else PIECE_S)

    @property
    def _rate_hz(self) -> int:
        assert self._capture is not None
        return self._capture.rate_hz

    def _reconnect(self, problem: str, is_known: bool = False) -> Iterator[AudioBlock]:
        self.stalls += not is_known
        since_s = now_s()
        yield self._timeline.beat("" if is_known else f"{self.name}: {problem}; trying again until it is there")
        delay_s = _FIRST_DELAY_S
        while not self._is_closed:
            # Any call may hang for as long as the driver does, so all of them are made in a thread.
            attempt = _Attempt(self._reopen)
            while not attempt.wait(_BEAT_S):
                yield self._timeline.beat()
            until_s = now_s() + delay_s
            while now_s() < until_s:
                if attempt.is_successful and self._capture is not None and self._capture.has_frames(_BEAT_S):
                    yield self._timeline.beat("" if is_known else f"{self.name}: back after {now_s() - since_s:.1f} s")
                    return
                if not attempt.is_successful:
                    time.sleep(_BEAT_S)
                yield self._timeline.beat()
            delay_s = min(2 * delay_s, _MAX_DELAY_S)

    def _reopen(self) -> None:
        if self._capture is not None:
            self._capture.close()
        self.backend.rescan()
        self._open()

    def close(self) -> None:
        """Release the device; a second call does nothing."""
        if not self._is_closed:
            self._is_closed = True
            # A driver that hangs must not keep the program from ending.
            _Attempt(self.backend.close).wait(_CLOSE_S)


class _Watch:
    """What the pieces tell about the health of the device."""

    def __init__(self) -> None:
        self._silence_s = _FIRST_SILENCE_S
        self._has_sounded = False
        self.is_silent_again = False
        """Whether the problem is digital silence that was told already."""
        self.reopened()

    def reopened(self) -> None:
        """Start again with a device that delivers."""
        self._heard_s = self._checked_s = self._sounded_s = now_s()

    def update(self, pieces: list[Piece]) -> None:
        """Take what one wait brought."""
        now = now_s()
        if now - self._checked_s > _WAIT_S + _STALL_S / 2:
            # The process itself stood still; the device had no chance.
            self._heard_s += now - self._checked_s
        self._checked_s = now
        if not pieces:
            return
        self._heard_s = now
        if any(np.any(piece.frames) for piece in pieces):
            self._sounded_s = now
            self._has_sounded = True
            self.is_silent_again = False
            self._silence_s = _FIRST_SILENCE_S

    def problem(self, is_alive: bool) -> str:
        """Return why the device is to be opened again; empty if all is well."""
        if not is_alive:
            return "the device is gone"
        if self._checked_s - self._heard_s > _STALL_S:
            return "the device delivers nothing"
        if self._has_sounded and self._checked_s - self._sounded_s > self._silence_s:
            # A switched-off microphone is looked after now and then, without another word about it.
            self.is_silent_again = self._silence_s > _FIRST_SILENCE_S
            self._silence_s = min(2 * self._silence_s, _MAX_SILENCE_S)
            return "digital silence, the device may have been switched off or replaced"
        return ""


class _Attempt:
    """A call that may hang or fail, made in a thread."""

    def __init__(self, call: Callable[[], None]) -> None:
        self.is_successful = False
        self._call = call
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._call()
            self.is_successful = True
        except (KwsError, OSError):
            # Not there yet.
            pass
        finally:
            self._done.set()

    def wait(self, timeout_s: float) -> bool:
        """Return whether the call came to its end in time."""
        return self._done.wait(timeout_s)
