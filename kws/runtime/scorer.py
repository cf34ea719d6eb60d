"""`Scorer`: samples in any chunking, scores out, always computed in blocks of one size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from kws.audio import MAX_CHANNELS, PCM16_SCALE, FloatArray, to_float32
from kws.errors import AudioError
from kws.features.numpy_front_end import NumpyFrontEnd
from kws.runtime.runner import Runner

_BLOCK_SAMPLES = 1280
_INT16 = np.dtype(np.int16)
_PER_UNIT = np.float32(1.0 / PCM16_SCALE)
# Mean power beyond which samples cannot be audio of full scale 1.0; kws.audio words the error.
_MAX_MEAN_POWER = 64.0**2


class Scorer:
    """The chain from samples to scores: front-end and model, with all that is kept between calls.

    Samples are collected into blocks of a fixed size before anything is computed. So the same audio gives the
    same scores, to the last bit, whatever the sizes in which it comes.

    Channels that have been identical from the start are computed once: copies of one microphone, and inputs to
    which nothing is connected. A copy that departs goes on from the states of those that it was equal to, so that
    the scores are those of computing every channel all along (to the rounding of the runtime, whose last bit may
    depend on how many channels it is given).

    Parameters
    ----------
    runner : Runner
        Its states belong to this scorer from now on.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.spec = runner.spec
        step_samples = self.spec.step_samples
        self.block_samples = step_samples * max(1, round(_BLOCK_SAMPLES / step_samples))
        """Samples that are computed at once: the whole steps nearest to 80 ms."""
        self.reset()

    @property
    def n_channels(self) -> int:
        """Channels C of the stream; 0 before the first samples."""
        return len(self._block)

    @property
    def n_computed(self) -> int:
        """Channels that differ from one another so far; 0 before the first block."""
        return len(self._firsts)

    @property
    def heard(self) -> FloatArray:
        """Samples ``(C, N)`` of the scores that were given last; valid until the next ones are computed."""
        return self._heard

    def reset(self) -> None:
        """Forget all samples and the number of channels."""
        self._block: FloatArray = np.zeros((0, self.block_samples), np.float32)
        self._heard = self._block
        self._filled_samples = 0
        self._front_end: NumpyFrontEnd | None = None
        # For each channel the computed one that it equals, and for each computed one its first channel.
        self._computed_of: list[int] = []
        self._firsts: list[int] = []
        self._runner.reset()

    def process(self, samples: npt.ArrayLike) -> Iterator[FloatArray]:
        """Take the next samples and iterate over the scores of the blocks that they complete.

        Parameters
        ----------
        samples : array of int16 or float32, shape (N,) or (C, N)
            (N,) is one channel. The iterator must be run to its end.

        Returns
        -------
        iterator of arrays of float32, shape (C, T, K)
            T steps each, K keywords.

        Raises
        ------
        AudioError
            At once, on NaN, infinity, another dtype or shape, or another number of channels than before. The
            stream is then as it was before the call.
        """
        rows = _checked(samples)
        if rows.shape[0] != self.n_channels:
            self._open_channels(rows.shape[0])
        return self._blocks(rows)

    def flush(self) -> FloatArray:
        """Compute the whole steps that wait for the rest of their block: the end of a recording.

        Returns
        -------
        array of float32, shape (C, T, K)
            T may be 0. Call :meth:`reset` before the next samples.
        """
        n_steps = self._filled_samples // self.spec.step_samples
        if n_steps == 0:
            return np.zeros((self.n_channels, 0, len(self.spec.keywords)), np.float32)
        self._filled_samples = 0
        return self._compute(self._block[:, : n_steps * self.spec.step_samples])

    def _open_channels(self, n_channels: int) -> None:
        if self.n_channels:
            raise AudioError(f"samples have {n_channels} channels; this stream has {self.n_channels}")
        self._block = np.zeros((n_channels, self.block_samples), np.float32)
        self._computed_of = [0] * n_channels

    def _blocks(self, rows: npt.NDArray[np.int16] | FloatArray) -> Iterator[FloatArray]:
        scale = _PER_UNIT if rows.dtype == _INT16 else np.float32(1.0)
        start = 0
        while start < rows.shape[1]:
            filled = self._filled_samples
            end = min(start + self.block_samples - filled, rows.shape[1])
            # 32768 is a power of two: int16 samples and their float32 equals give the same bits.
            np.multiply(rows[:, start:end], scale, out=self._block[:, filled : filled + end - start])
            self._filled_samples = filled + end - start
            start = end
            if self._filled_samples == self.block_samples:
                self._filled_samples = 0
                yield self._compute(self._block)

    def _compute(self, block: FloatArray) -> FloatArray:
        self._heard = block
        n_channels = len(block)
        if len(self._firsts) < n_channels:
            self._split(block)
        if len(self._firsts) == n_channels:
            return self._score(block)
        return self._score(block[self._firsts])[self._computed_of]

    def _score(self, block: FloatArray) -> FloatArray:
        return self._runner.run(block if self._front_end is None else self._front_end.process(block))

    def _split(self, block: FloatArray) -> None:
        """Find the channels that differ from now on, and give each the states of what it was equal to."""
        if self._firsts and np.array_equal(block[self._firsts][self._computed_of], block):
            return
        computed: dict[tuple[int, bytes], int] = {}
        firsts, before = [], []
        for channel, old in enumerate(self._computed_of):
            key = (old, block[channel].tobytes())
            if key not in computed:
                computed[key] = len(computed)
                firsts.append(channel)
                before.append(old)
            self._computed_of[channel] = computed[key]
        if not self._firsts:
            if self.spec.input == "features":
                self._front_end = NumpyFrontEnd(self.spec.front_end, len(firsts))
        elif len(firsts) > len(self._firsts):
            self._runner.select(before)
            if self._front_end is not None:
                self._front_end.select(before)
        self._firsts = firsts


def _checked(samples: npt.ArrayLike) -> npt.NDArray[np.int16] | FloatArray:
    array = np.asarray(samples)
    if array.dtype == _INT16 and array.ndim == 1:
        return array[np.newaxis]
    # One dot product finds NaN, infinity and a wrong scale alike, at a fraction of what to_float32 costs.
    n_channels = array.shape[0] if array.ndim == 2 else array.ndim
    is_sound = array.dtype == np.float32 and array.ndim in (1, 2) and 1 <= n_channels <= MAX_CHANNELS
    if not (is_sound and np.vdot(array, array) <= _MAX_MEAN_POWER * array.size):
        array = to_float32(array)
    return np.atleast_2d(array)
