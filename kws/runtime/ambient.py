"""`AmbientLevel`: level and noise floor of each channel, tracked as the audio comes."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from kws.audio import MAX_CHANNELS, FloatArray, require_channels
from kws.config import SAMPLE_RATE_HZ, require
from kws.errors import AudioError

FRAME_SAMPLES = 1280
"""Samples of one measurement: 80 ms, short enough to fall into a pause between words."""

SILENCE_DB = -100.0
"""What digital silence measures; nothing is below it."""

# The minimum is taken over 8 to 9 s: eight whole sub-windows of 0.96 s and the one that is being filled.
_SUB_WINDOW_FRAMES = 12
_N_SUB_WINDOWS = 8
# The minimum of a fluctuating power lies below its mean: by 0.5 dB for white noise and the windows above (mean over
# 400 s). Martin lets this factor follow the variance of the power.
_BIAS = 10**0.05
# Less the mean of each 5 ms: of an offset nothing is left, and of a hum of 50 Hz 7 dB less than there was.
_PART_SAMPLES = SAMPLE_RATE_HZ // 200
_SILENCE_POWER = 10 ** (SILENCE_DB / 10)


class AmbientLevel:
    """Short-time level and noise floor of every channel, in dB of full scale.

    The level is the mean power of a frame of 80 ms, less the mean value of each 5 ms: a microphone's constant offset
    and rumble below 50 Hz hardly count. The floor is the least level of the last 8 to 9 s times a factor that makes
    up for the minimum being below the mean. So it falls at once when it becomes quieter, follows within 9 s when the
    noise rises, and words do not lift it as long as there is a pause of 0.2 s every 8 s. A full-scale sine measures
    -3 dB. The same audio gives the same figures, whatever the sizes in which it comes.

    Parameters
    ----------
    n_channels : int

    Raises
    ------
    ConfigError
        If `n_channels` is out of range.

    References
    ----------
    Martin, "Noise power spectral density estimation based on optimal smoothing and minimum statistics", IEEE
    Transactions on Speech and Audio Processing 9 (2001). Here for one broad band, with fixed windows and a fixed
    factor.
    """

    def __init__(self, n_channels: int) -> None:
        require("n_channels", n_channels, 1, MAX_CHANNELS)
        self._n_channels = n_channels
        self.reset()

    def reset(self) -> None:
        """Forget all audio; until the first whole frame everything measures :data:`SILENCE_DB`."""
        self._rest: FloatArray = np.zeros((self._n_channels, 0), np.float32)
        self._tracks = [_Track() for _ in range(self._n_channels)]

    @property
    def levels_db(self) -> tuple[float, ...]:
        """Level of each channel at the last whole frame."""
        return tuple(_to_db(track.power) for track in self._tracks)

    @property
    def floors_db(self) -> tuple[float, ...]:
        """Noise floor of each channel at the last whole frame."""
        return tuple(_to_db(track.floor) for track in self._tracks)

    @property
    def rest_samples(self) -> int:
        """Samples that wait for the rest of their frame."""
        return self._rest.shape[1]

    def update(self, samples: FloatArray) -> list[list[tuple[float, float]]]:
        """Take the next samples of all channels.

        Parameters
        ----------
        samples : array of float32, shape (C, N)
            16 kHz, any N.

        Returns
        -------
        list (one a channel) of lists (one a frame that is now whole) of (float, float)
            Power of the level and of the floor, full scale 1.0.

        Raises
        ------
        AudioError
            On another number of channels, NaN or infinity. The measurement is then as it was before the call.
        """
        require_channels(samples, self._n_channels)
        joined = np.concatenate([self._rest, samples], axis=1) if self._rest.shape[1] else samples
        n_frames = joined.shape[1] // FRAME_SAMPLES
        end = n_frames * FRAME_SAMPLES
        frames = joined[:, :end].reshape(self._n_channels, n_frames, FRAME_SAMPLES)
        powers = [[_power(frame) for frame in row] for row in frames]
        if not math.isfinite(sum(map(sum, powers))):
            raise AudioError("samples hold NaN or infinity")
        self._rest = joined[:, end:].copy()
        return [[track.add(power) for power in row] for track, row in zip(self._tracks, powers, strict=True)]


class _Track:
    """Power and its windowed minimum on one channel."""

    def __init__(self) -> None:
        self.power = _SILENCE_POWER
        self.floor = _SILENCE_POWER
        self._minima: deque[float] = deque(maxlen=_N_SUB_WINDOWS)
        self._past_minimum = math.inf
        self._minimum = math.inf
        self._n_frames = 0

    def add(self, power: float) -> tuple[float, float]:
        """Take the power of the next frame; return level and floor, both as power."""
        self.power = power
        self._minimum = min(self._minimum, power)
        self._n_frames += 1
        self.floor = _BIAS * min(self._minimum, self._past_minimum)
        if self._n_frames == _SUB_WINDOW_FRAMES:
            self._minima.append(self._minimum)
            self._past_minimum = min(self._minima)
            self._minimum, self._n_frames = math.inf, 0
        return self.power, self.floor


def _power(frame: FloatArray) -> float:
    # The mean square less that of the means: three passes without a copy, as this runs in every block of audio.
    sums = np.add.reduce(frame.reshape(-1, _PART_SAMPLES), axis=1)
    total = float(np.vdot(frame, frame)) - float(np.vdot(sums, sums)) / _PART_SAMPLES
    # Rounding can leave a little less than nothing; NaN stays.
    return 0.0 if total < 0.0 else total / FRAME_SAMPLES


def _to_db(power: float) -> float:
    return 10.0 * math.log10(max(power, _SILENCE_POWER))
