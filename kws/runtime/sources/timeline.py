"""From the frames of one device after another to one timeline of 16 kHz blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kws.audio import PCM16_SCALE, FloatArray
from kws.config import SAMPLE_RATE_HZ
from kws.runtime.sources.base import AudioBlock
from kws.runtime.sources.blocks import open_resampler
from kws.runtime.sources.capture import Piece

# No block is longer, so that an interrupt is obeyed soon after a stall.
_MAX_BLOCK_SAMPLES = SAMPLE_RATE_HZ // 2


class Timeline:
    """Turn pieces into blocks that know where they start and what was lost before them.

    Parameters
    ----------
    n_channels : int
        Of the blocks; a device with fewer is filled up with silence, one with more is cut.
    """

    def __init__(self, n_channels: int) -> None:
        self._n_channels = n_channels
        self._end = 0
        self._captured_s: float | None = None
        self.open(SAMPLE_RATE_HZ)

    @property
    def end(self) -> int:
        """Sample at which the next block begins if nothing is lost."""
        return self._end

    def open(self, rate_hz: int) -> None:
        """Begin with a newly opened device; the time since the last piece counts as lost."""
        self._rate_hz = rate_hz
        self._resampler: Any = None
        # Sample that frame 0 of the device stands for, known with its first piece.
        self._base: int | None = None

    def blocks(self, piece: Piece) -> Iterator[AudioBlock]:
        """Convert a piece; the last samples may wait in the resampler for the next one."""
        start = self._end
        is_new = self._base is None
        if self._base is None:
            self._base = self._base_of(piece)
        if is_new or piece.lost_frames:
            if self._rate_hz != SAMPLE_RATE_HZ:
                self._resampler = open_resampler(self._rate_hz, self._n_channels)
            start = max(self._end, self._base + round(piece.first_frame * SAMPLE_RATE_HZ / self._rate_hz))
        lost = start - self._end
        samples = self._converted(piece)
        n_samples = samples.shape[1]
        self._captured_s = piece.captured_s
        for first in range(0, n_samples, _MAX_BLOCK_SAMPLES):
            part = samples[:, first : first + _MAX_BLOCK_SAMPLES]
            behind = n_samples - first - part.shape[1]
            yield AudioBlock(part, start + first, lost, piece.captured_s - behind / SAMPLE_RATE_HZ)
            lost = 0
        if n_samples:
            self._end = start + n_samples

    def beat(self, notice: str = "") -> AudioBlock:
        """Return an empty block, which says that the source is alive."""
        return AudioBlock(np.zeros((self._n_channels, 0), np.float32), self._end, 0, None, notice)

    def _base_of(self, piece: Piece) -> int:
        if self._captured_s is None:
            return self._end
        first_s = piece.captured_s - len(piece.frames) / self._rate_hz
        # At least one sample: what another device gives is never contiguous with what was before.
        gap = max(1, round((first_s - self._captured_s) * SAMPLE_RATE_HZ))
        return self._end + gap - round(piece.first_frame * SAMPLE_RATE_HZ / self._rate_hz)

    def _converted(self, piece: Piece) -> FloatArray:
        frames = piece.frames[:, : self._n_channels].astype(np.float32) / np.float32(PCM16_SCALE)
        if frames.shape[1] < self._n_channels:
            frames = np.pad(frames, ((0, 0), (0, self._n_channels - frames.shape[1])))
        if self._resampler is not None:
            frames = self._resampler.resample_chunk(frames)
        return np.ascontiguousarray(frames.T)
