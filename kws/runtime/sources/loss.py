"""Frames that a device lost, found by counting them against the clock.

Overflow flags of drivers cannot be trusted: a stall of eight seconds was seen to lose audio with every flag at
zero. What cannot lie is the count of frames: if later callbacks all come late by the same time, so much audio is
missing.
"""

from __future__ import annotations

import math
from collections import deque

# Callbacks come unevenly, by up to 100 ms; the earliest of half this long tells where the clock is.
_WINDOW_S = 0.8
_LEAST_LOSS_S = 0.07
# While a backlog is worked off, callbacks come earlier and earlier; a loss keeps them late by the same time.
_STEADY_S = 0.03
_CHECK_S = 1.0
# Sound cards keep time to 0.01 %, bad ones to 0.03 %.
_MAX_DRIFT = 5e-4


class LossMeter:
    """Compare the frames of a stream with the clock.

    Parameters
    ----------
    rate_hz : int
        Sample rate of the device.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._n_frames = 0
        self._baseline_s = math.inf
        # When it is to be looked at next, and when it was last moved.
        self._check_s = self._drift_s = 0.0
        # Lateness of the latest callbacks: when it came, and the start of the stream that it speaks for.
        self._recent: deque[tuple[float, float]] = deque()

    def update(self, now_s: float, n_frames: int) -> int:
        """Take a callback's time and number of frames.

        Returns
        -------
        int
            Frames found lost; they are then part of the count.
        """
        self._n_frames += n_frames
        origin_s = now_s - self._n_frames / self._rate_hz
        if origin_s < self._baseline_s:
            self._baseline_s = origin_s
        self._recent.append((now_s, origin_s))
        if self._recent[0][0] < now_s - _WINDOW_S:
            self._recent.popleft()
        # The driver's thread should do little: a callback in time ends here, but for one a second.
        if origin_s - self._baseline_s < _LEAST_LOSS_S and now_s < self._check_s:
            return 0
        self._check_s = now_s + _CHECK_S
        while self._recent[0][0] < now_s - _WINDOW_S:
            self._recent.popleft()
        return self._count_lost(now_s)

    def _count_lost(self, now_s: float) -> int:
        late_s = min(origin for _, origin in self._recent) - self._baseline_s
        if late_s < _LEAST_LOSS_S or not self._is_steady(now_s):
            # A card that runs slow moves the origin little by little; a loss moves it at once.
            self._baseline_s += min(late_s, min(now_s - self._drift_s, _CHECK_S) * _MAX_DRIFT)
            self._drift_s = now_s
            return 0
        lost = round(late_s * self._rate_hz)
        self._n_frames += lost
        self._recent = deque((when, origin - lost / self._rate_hz) for when, origin in self._recent)
        return lost

    def _is_steady(self, now_s: float) -> bool:
        middle_s = now_s - _WINDOW_S / 2
        older = [origin for when, origin in self._recent if when < middle_s]
        newer = [origin for when, origin in self._recent if when >= middle_s]
        # A window that was not heard from its start proves nothing: a backlog may still be coming in.
        is_whole = len(older) >= 2 and self._recent[0][0] <= now_s - 0.75 * _WINDOW_S
        return is_whole and min(newer) > min(older) - _STEADY_S

    def captured_s(self, frame: int, lost: int) -> float | None:
        """Return the time at which a frame could be had first; None before the first callback.

        Parameters
        ----------
        frame : int
            Number of the frame from the start of the stream, without lost ones.
        lost : int
            Frames lost before it.
        """
        return None if math.isinf(self._baseline_s) else self._baseline_s + (frame + lost) / self._rate_hz
