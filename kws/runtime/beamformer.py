"""`Beamformer`: the channels of a device, delayed so that the speaker arrives everywhere at once, and averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.audio import MAX_CHANNELS, FloatArray, require_channels
from kws.config import SAMPLE_RATE_HZ, require
from kws.runtime.ambient import AmbientLevel

MAX_DELAY_SAMPLES = 40
"""Largest delay between a channel and the first one: microphones up to 0.85 m apart."""

_HALF_TAPS = 4
LATENCY_SAMPLES = MAX_DELAY_SAMPLES + _HALF_TAPS
"""By how much the output comes later than the first channel: 2.75 ms."""

_BLOCK_SAMPLES = 512
_FRAME_SAMPLES = 2 * _BLOCK_SAMPLES
# Past samples that are needed: a frame to learn from, or what the filters reach back to.
_PAST_SAMPLES = _FRAME_SAMPLES
_FADE_SAMPLES = 256
_PART_SAMPLES = SAMPLE_RATE_HZ // 200
# Delays are found and applied in quarters of a sample: 5 mm of path.
_PARTS = 4
_BAND_HZ = (200.0, 6000.0)
# Power over that of the noise floor from which on a block tells where somebody speaks: 6 dB.
_ACTIVE_RATIO = 4.0
# Cross spectra are averaged with a time constant of 0.15 s of activity: a part of a word.
_KEPT = 0.8
# A peak lower than this share of what one source without echoes gives is no direction.
_MIN_PEAK = 0.3
_TINY = 1e-30


@dataclass(frozen=True)
class _Tap:
    """One term of the sum: a channel's sample at an offset in time, and its factor."""

    channel: int
    offset: int
    factor: np.float32


class Beamformer:
    """Delay-and-sum with delays that are found from the audio itself.

    In blocks of 32 ms in which something is louder than the noise floor the delay of every channel against the
    first is found as the peak of the generalised cross-correlation with phase transform (GCC-PHAT), averaged over
    about 0.15 s of such blocks. New delays are faded in over 16 ms. Channels that have been digital silence so far do
    not count. As long as all channels are identical the output is that one signal, without latency; then it
    comes :data:`LATENCY_SAMPLES` after the first channel. The same audio gives the same output, whatever the sizes
    in which it comes.

    Parameters
    ----------
    n_channels : int

    Raises
    ------
    ConfigError
        If `n_channels` is out of range.

    References
    ----------
    Knapp, Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
    Acoustics, Speech and Signal Processing 24 (1976).
    """

    def __init__(self, n_channels: int) -> None:
        require("n_channels", n_channels, 1, MAX_CHANNELS)
        self._n_channels = n_channels
        self._window = np.hanning(_FRAME_SAMPLES + 1)[:-1].astype(np.float32)
        frequencies_hz = np.fft.rfftfreq(_FRAME_SAMPLES, 1.0 / SAMPLE_RATE_HZ)
        self._is_outside = (frequencies_hz < _BAND_HZ[0]) | (frequencies_hz > _BAND_HZ[1])
        self._n_bins = int(np.count_nonzero(~self._is_outside))
        self._ramp = ((np.arange(_FADE_SAMPLES) + 0.5) / _FADE_SAMPLES).astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget all audio, and the delays."""
        self._past: FloatArray = np.zeros((self._n_channels, _PAST_SAMPLES), np.float32)
        self._filled_samples = 0
        self._is_one_signal = True
        self._ambient = AmbientLevel(1)
        self._is_live = np.zeros(self._n_channels, bool)
        self._cross = np.zeros((self._n_channels, _FRAME_SAMPLES // 2 + 1), np.complex128)
        # In parts of a sample; positive where the sound arrives later than at the reference.
        self._delays = [0] * self._n_channels
        self._taps = self._old_taps = _taps_of(self._delays, [True] * self._n_channels)

    @property
    def delays_samples(self) -> tuple[float, ...]:
        """For each channel by how much the sound arrives later than at the first one that is not silent."""
        return tuple(delay / _PARTS for delay in self._delays)

    def process(self, samples: FloatArray) -> FloatArray:
        """Take the next samples.

        Parameters
        ----------
        samples : array of float32, shape (C, N)
            16 kHz, any N.

        Returns
        -------
        array of float32, shape (1, N)

        Raises
        ------
        AudioError
            On another number of channels. NaN and infinity are the source's to refuse.
        """
        require_channels(samples, self._n_channels)
        n_samples = samples.shape[1]
        joined = np.concatenate([self._past, samples], axis=1)
        out = np.empty((1, n_samples), np.float32)
        n_same = self._count_identical(samples)
        start = 0
        while start < n_samples:
            end = min(start + _BLOCK_SAMPLES - self._filled_samples, n_samples)
            # Copies of one microphone cost next to nothing.
            is_needed = end > n_same
            if is_needed:
                out[0, start:end] = self._sum(joined, start, end)
            self._filled_samples += end - start
            start = end
            if self._filled_samples == _BLOCK_SAMPLES:
                self._filled_samples = 0
                if is_needed:
                    self._learn(joined[:, _PAST_SAMPLES + end - _FRAME_SAMPLES : _PAST_SAMPLES + end])
        out[0, :n_same] = samples[0, :n_same]
        self._past = joined[:, n_samples:].copy()
        return out

    def _count_identical(self, samples: FloatArray) -> int:
        """Return up to which sample all channels have been one signal."""
        if not self._is_one_signal:
            return 0
        differs = np.flatnonzero((samples != samples[0]).any(axis=0))
        self._is_one_signal = differs.size == 0
        return samples.shape[1] if self._is_one_signal else int(differs[0])

    def _sum(self, joined: FloatArray, start: int, end: int) -> FloatArray:
        first = _PAST_SAMPLES + start - LATENCY_SAMPLES
        total = _weighted(joined, self._taps, first, end - start)
        n_faded = min(end - start, _FADE_SAMPLES - self._filled_samples)
        if self._old_taps is not self._taps and n_faded > 0:
            old = _weighted(joined, self._old_taps, first, n_faded)
            ramp = self._ramp[self._filled_samples : self._filled_samples + n_faded]
            total[:n_faded] = old + ramp * (total[:n_faded] - old)
        return total

    def _learn(self, frame: FloatArray) -> None:
        """Update the delays from the last frame of all channels."""
        self._old_taps = self._taps
        block = frame[:, _FRAME_SAMPLES - _BLOCK_SAMPLES :]
        reference = int(np.argmax(self._is_live))
        was_live = self._is_live.copy()
        self._is_live |= block.any(axis=1)
        if reference != int(np.argmax(self._is_live)):
            reference = int(np.argmax(self._is_live))
            self._cross[:] = 0.0
        delays = self._delays
        self._ambient.update(block[reference : reference + 1])
        # Measured as the floor is: without what lies below speech.
        parts = block[reference, -_PART_SAMPLES * (_BLOCK_SAMPLES // _PART_SAMPLES) :].reshape(-1, _PART_SAMPLES)
        if float(parts.var(axis=1).mean()) > _ACTIVE_RATIO * 10 ** (self._ambient.floors_db[0] / 10):
            delays = self._find_delays(frame, reference)
        if delays != self._delays or not np.array_equal(was_live, self._is_live):
            self._delays = delays
            self._taps = _taps_of(delays, self._is_live.tolist())

    def _find_delays(self, frame: FloatArray, reference: int) -> list[int]:
        spectra = np.fft.rfft(frame * self._window)
        self._cross = _KEPT * self._cross + (1.0 - _KEPT) * spectra * np.conj(spectra[reference])
        # The phase alone: averaged before, so that loud frames count more than the noise between them.
        phase = self._cross / np.maximum(np.abs(self._cross), _TINY)
        phase[:, self._is_outside] = 0.0
        reach = MAX_DELAY_SAMPLES * _PARTS
        # A longer inverse transform gives the correlation between the samples.
        correlation = np.fft.irfft(phase, _PARTS * _FRAME_SAMPLES)
        near = np.concatenate([correlation[:, -reach:], correlation[:, : reach + 1]], axis=1)
        peaks = near.argmax(axis=1)
        full = 2.0 * self._n_bins / (_PARTS * _FRAME_SAMPLES)
        is_clear = near.max(axis=1) > _MIN_PEAK * full
        found = np.where(is_clear, peaks - reach, self._delays)
        found[reference] = 0
        return [int(delay) for delay in found]


def _taps_of(delays: list[int], is_live: list[bool]) -> list[_Tap]:
    """Return the terms of the average over all channels that are live, read where the sound arrives at them."""
    n_live = max(1, sum(is_live))
    taps = []
    for channel, delay in enumerate(delays):
        if is_live[channel]:
            whole, part = divmod(delay, _PARTS)
            for offset, value in _fractional_filter(part / _PARTS):
                taps.append(_Tap(channel, whole + offset, np.float32(value / n_live)))
    return taps


def _fractional_filter(fraction: float) -> list[tuple[int, float]]:
    """Return offsets and weights that read a signal `fraction` samples after the present one (Lanczos, 8 taps)."""
    if fraction == 0.0:
        return [(0, 1.0)]
    offsets = range(1 - _HALF_TAPS, _HALF_TAPS + 1)
    values = [_sinc(k - fraction) * _sinc((k - fraction) / _HALF_TAPS) for k in offsets]
    # Their sum is the gain at 0 Hz.
    return [(k, value / sum(values)) for k, value in zip(offsets, values, strict=True)]


def _sinc(x: float) -> float:
    return math.sin(math.pi * x) / (math.pi * x) if x else 1.0


def _weighted(joined: FloatArray, taps: list[_Tap], first: int, n_samples: int) -> FloatArray:
    # One product and one sum a sample, in the same order for any chunk: convolutions would round otherwise.
    total: npt.NDArray[np.float32] = np.zeros(n_samples, np.float32)
    term = np.empty(n_samples, np.float32)
    for tap in taps:
        start = first + tap.offset
        np.multiply(joined[tap.channel, start : start + n_samples], tap.factor, out=term)
        total += term
    return total
