"""The ring between a driver's callback and the detector: ordered, drop-oldest, counted.

The classic demo put blocks on a last-in-first-out queue and chimed many seconds after the word; a plain queue
falls behind for ever after one stall. Here the newest seconds are kept in order, and what was dropped is known.
"""

from __future__ import annotations

import threading
from collections import deque


class FrameRing:
    """A few seconds of frames; one thread writes, another reads.

    Parameters
    ----------
    capacity_frames : int
        Frames kept; older ones are dropped.
    frame_bytes : int
        Bytes of one sample of all channels.
    """

    def __init__(self, capacity_frames: int, frame_bytes: int) -> None:
        self._capacity_frames = capacity_frames
        self._frame_bytes = frame_bytes
        self._bytes = bytearray(capacity_frames * frame_bytes)
        self._view = memoryview(self._bytes)
        self._lock = threading.Lock()
        self._has_news = threading.Event()
        self._n_written = 0
        self._n_read = 0
        self._least_frames = 1
        # Where the device lost frames: position in frames, and how many.
        self._gaps: deque[tuple[int, int]] = deque()

    @property
    def n_written(self) -> int:
        """Frames written so far: the sequence number of the next one."""
        return self._n_written

    def write(self, data: bytes | memoryview, lost_before: int = 0) -> None:
        """Append frames; runs in the driver's thread, copies and returns.

        Parameters
        ----------
        data : bytes
            Whole frames, fewer than the ring holds.
        lost_before : int
            Frames that the device lost before these.
        """
        n_bytes = len(data)
        with self._lock:
            if lost_before:
                self._gaps.append((self._n_written, lost_before))
            start = self._n_written % self._capacity_frames * self._frame_bytes
            first = min(n_bytes, len(self._bytes) - start)
            self._view[start : start + first] = data[:first]
            if first < n_bytes:
                self._view[: n_bytes - first] = data[first:]
            self._n_written += n_bytes // self._frame_bytes
            if self._n_written - self._n_read >= self._least_frames:
                self._has_news.set()

    def collect(self, least_frames: int) -> None:
        """From now on wake the reader only when so many frames are pending."""
        self._least_frames = least_frames

    def has_frames(self, timeout_s: float) -> bool:
        """Wait for enough frames; return whether there are."""
        return self._has_news.wait(timeout_s)

    def read(self) -> list[tuple[int, int, bytes]]:
        """Take all that is pending.

        Returns
        -------
        list of (int, int, bytes)
            Contiguous pieces, oldest first: frames lost just before the piece (dropped here or lost by the
            device), sequence number of its first frame, and the frames.
        """
        with self._lock:
            self._has_news.clear()
            dropped = max(0, self._n_written - self._n_read - self._capacity_frames)
            start, end = self._n_read + dropped, self._n_written
            pieces = []
            lost = dropped
            while self._gaps:
                position, n_lost = self._gaps.popleft()
                if position > start:
                    pieces.append((lost, start, self._copy(start, position)))
                    start, lost = position, 0
                lost += n_lost
            if end > start:
                pieces.append((lost, start, self._copy(start, end)))
            self._n_read = end
        return pieces

    def _copy(self, start: int, end: int) -> bytes:
        first, last = (n % self._capacity_frames * self._frame_bytes for n in (start, end))
        return bytes(self._view[first:last]) if first < last else bytes(self._view[first:]) + bytes(self._view[:last])
