"""Streaming front-end in numpy: samples in any chunking, feature frames out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from kws.audio import FloatArray, to_float32
from kws.config import FrontEndConfig
from kws.errors import AudioError, ConfigError
from kws.features.tables import front_end_tables, pcen_tables

# Frames computed at once: the work arrays fit the first-level cache, and since the matrix product
# always has this many rows, a frame does not depend on how many others came with it.
_BLOCK_FRAMES = 8
# Mean power beyond which samples cannot be audio of full scale 1.0; kws.audio words the error.
_MAX_MEAN_POWER = 64.0**2


class NumpyFrontEnd:
    """Turn a stream of samples into feature frames.

    The stream starts after silence: frame ``t`` ends at sample ``(t + 1) * hop_samples``, and ``N`` samples
    since the start have given ``N // hop_samples`` frames, whatever the chunks were.

    Parameters
    ----------
    config : FrontEndConfig
    n_channels : int
        Channels C, which share nothing but the call.

    Raises
    ------
    ConfigError
        If `n_channels` is below 1.

    Examples
    --------
    >>> front_end = NumpyFrontEnd(FrontEndConfig())
    >>> front_end.process(np.zeros((1, 1280), np.float32)).shape
    (1, 8, 40)
    """

    def __init__(self, config: FrontEndConfig, n_channels: int = 1) -> None:
        if n_channels < 1:
            raise ConfigError(f"n_channels is {n_channels!r}; accepted are whole numbers from 1")
        self.config = config
        self.n_channels = n_channels
        self._is_pcen = config.compression == "pcen"
        tables = front_end_tables(config)
        self._window = tables.window
        # For log features the division by the floor is folded into the bands: ln(E + floor) - ln(floor) is
        # ln(E / floor + 1), and that form is exactly zero in silence.
        self._bands = tables.bands if self._is_pcen else tables.bands / np.float32(config.floor)
        self._make_work_arrays()
        self._pcen = _Pcen(config, n_channels)
        self.reset()

    def _make_work_arrays(self) -> None:
        config, lead = self.config, (self.n_channels, _BLOCK_FRAMES)
        self._framed = np.zeros((*lead, config.n_fft), np.float32)
        self._power = np.zeros((*lead, config.n_fft // 2 + 1), np.float32)
        self._energies = np.zeros((*lead, config.n_bands), np.float32)

    def reset(self) -> None:
        """Forget all samples: what comes next follows silence."""
        overlap_samples = self.config.window_samples - self.config.hop_samples
        self._pending = np.zeros((self.n_channels, overlap_samples), np.float32)
        self._pcen.reset()

    def select(self, channels: Sequence[int]) -> None:
        """Rearrange the channels: new channel ``i`` goes on from where old channel ``channels[i]`` is."""
        self.n_channels = len(channels)
        self._pending = np.take(self._pending, channels, axis=0)
        self._pcen.select(channels)
        self._make_work_arrays()

    def process(self, samples: npt.ArrayLike) -> FloatArray:
        """Take the next samples and return the frames that they complete.

        Parameters
        ----------
        samples : array of float32 (or int16), shape (C, N)
            N may be 0. Samples that do not complete a frame are kept.

        Returns
        -------
        array of float32, shape (C, T, F)
            C-contiguous, the caller's own. T may be 0.

        Raises
        ------
        AudioError
            If the number of channels is not C, or on samples that :func:`kws.audio.to_float32` rejects. The
            stream is then as it was before the call.
        """
        config = self.config
        joined = np.concatenate((self._pending, _checked(samples, self.n_channels)), axis=1)
        n_frames = (joined.shape[1] - config.window_samples) // config.hop_samples + 1
        features = np.empty((self.n_channels, n_frames, config.n_bands), np.float32)
        for start in range(0, n_frames, _BLOCK_FRAMES):
            self._process_block(joined, start, features[:, start : start + _BLOCK_FRAMES])
        self._pending = joined[:, n_frames * config.hop_samples :].copy()
        return features

    def _process_block(self, joined: FloatArray, start_frame: int, out: FloatArray) -> None:
        energies = self._band_energies(joined, start_frame, out.shape[1])
        if self._is_pcen:
            self._pcen.compress(energies, out)
        else:
            energies += np.float32(1.0)
            np.log(energies, out=out)

    def _band_energies(self, joined: FloatArray, start_frame: int, n_frames: int) -> FloatArray:
        config = self.config
        row_bytes, item_bytes = joined.strides
        hop_bytes = config.hop_samples * item_bytes
        # All frames of the block as one view on the samples; far cheaper to make than sliding_window_view.
        frames: FloatArray = np.ndarray(
            (self.n_channels, n_frames, config.window_samples),
            np.float32,
            buffer=joined,
            offset=start_frame * hop_bytes,
            strides=(row_bytes, hop_bytes, item_bytes),
        )
        framed = self._framed[:, :n_frames]
        np.multiply(frames, self._window, out=framed[:, :, : config.window_samples])
        # complex64 in numpy 2, complex128 in numpy 1; both pass through the same lines.
        spectrum = np.fft.rfft(framed)
        squares = spectrum.view(spectrum.real.dtype)
        np.multiply(squares, squares, out=squares)
        np.add(squares[:, :, 0::2], squares[:, :, 1::2], out=self._power[:, :n_frames])
        np.matmul(self._power, self._bands, out=self._energies)
        return self._energies[:, :n_frames]


class _Pcen:
    """Per-channel energy normalisation with its smoothed energy as state."""

    def __init__(self, config: FrontEndConfig, n_channels: int) -> None:
        tables = pcen_tables(config)
        self._negative_alpha = -tables["alpha"]
        self._delta, self._root, self._smoothing = tables["delta"], tables["root"], tables["smoothing"]
        self._keep = np.float32(1.0) - self._smoothing
        self._eps = np.float32(config.pcen.eps)
        self._offset = np.power(self._delta, self._root)
        self._smoothed = np.zeros((n_channels, config.n_bands), np.float32)

    def reset(self) -> None:
        self._smoothed[:] = 0.0

    def select(self, channels: Sequence[int]) -> None:
        self._smoothed = np.take(self._smoothed, channels, axis=0)

    def compress(self, energies: FloatArray, out: FloatArray) -> None:
        """Write the features of ``(C, T, F)`` energies to `out`."""
        increments = energies * self._smoothing
        smoothed = self._smoothed
        for increment, frame in zip(increments.swapaxes(0, 1), out.swapaxes(0, 1), strict=True):
            smoothed = np.multiply(smoothed, self._keep, out=frame)
            frame += increment
        self._smoothed = smoothed.copy()
        out += self._eps
        np.power(out, self._negative_alpha, out=out)
        out *= energies
        out += self._delta
        np.power(out, self._root, out=out)
        out -= self._offset


def clip_features(samples: npt.ArrayLike, config: FrontEndConfig) -> FloatArray:
    """Return the features of whole clips, each heard after silence.

    Parameters
    ----------
    samples : array of float32 (or int16), shape (N,) or (B, N)
    config : FrontEndConfig

    Returns
    -------
    array of float32, shape (T, F) or (B, T, F)
        ``T = N // hop_samples``.

    Raises
    ------
    AudioError
        On samples that :func:`kws.audio.to_float32` rejects.
    """
    clips = np.asarray(samples)
    if clips.ndim not in (1, 2):
        raise AudioError(f"samples have shape {clips.shape}; accepted are (N,) and (B, N)")
    rows = np.atleast_2d(clips)
    front_end = NumpyFrontEnd(config)
    features = np.empty((rows.shape[0], rows.shape[1] // config.hop_samples, config.n_bands), np.float32)
    # One clip after the other: a clip's work stays in the cache, and any number of clips is accepted.
    for index in range(rows.shape[0]):
        front_end.reset()
        features[index] = front_end.process(rows[index : index + 1])[0]
    return features if clips.ndim == 2 else features[0]


def _checked(samples: npt.ArrayLike, n_channels: int) -> FloatArray:
    is_ready = isinstance(samples, np.ndarray) and samples.dtype == np.float32
    array: FloatArray = np.asarray(samples) if is_ready else to_float32(samples)
    if array.ndim != 2 or array.shape[0] != n_channels:
        raise AudioError(f"samples have shape {array.shape}; accepted are ({n_channels}, N)")
    # One dot product finds NaN, infinity and a wrong scale alike, at a fraction of what to_float32 costs.
    if is_ready and not np.vdot(array, array) <= _MAX_MEAN_POWER * array.size:
        to_float32(array)
    return array
