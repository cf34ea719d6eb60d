"""`SilenceGate`: lets the detectors sleep in silence, and gives them whole words all the same."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require
from kws.runtime.ambient import FRAME_SAMPLES, AmbientLevel


@dataclass(frozen=True, eq=False)
class GatedPiece:
    """Contiguous audio that the detectors should hear.

    Parameters
    ----------
    samples : array of float32, shape (C, N)
    start : int
        Its first sample, counted from the gate's start or reset.
    restart : bool
        Whether audio before it was left out: the detectors must be reset first.
    """

    samples: FloatArray
    start: int
    restart: bool


class SilenceGate:
    """Leave out audio in which nothing is louder than the noise floor.

    The gate opens as soon as the level of any channel is `margin_db` above its floor (see
    :class:`kws.runtime.ambient.AmbientLevel`) and above `min_level_db`, and closes when that has not been so for
    `hold_s`. What it gives after sleeping begins `preroll_s` before the moment at which it opened, so that a word
    right after silence is whole; if no more than that was left out, it goes on without a restart. The gate
    starts open. The same audio gives the same pieces, joined, whatever the sizes in which it comes.

    Parameters
    ----------
    n_channels : int
    margin_db : float
        Level over the noise floor that opens the gate.
    hold_s : float
        How long the gate stays open after the last sound.
    preroll_s : float
        Audio given from before the moment at which the gate opens; no longer than `hold_s`.
    min_level_db : float
        Level in dB of full scale below which nothing opens the gate.

    Raises
    ------
    ConfigError
        If a value is out of range.
    """

    def __init__(
        self,
        n_channels: int,
        margin_db: float = 3.0,
        hold_s: float = 2.0,
        preroll_s: float = 2.0,
        min_level_db: float = -80.0,
    ) -> None:
        require("margin", margin_db, 0.0, 60.0)
        require("hold", hold_s, 0.08, 3600.0)
        # Longer, and it could hold a word that the detectors have heard already.
        require("preroll", preroll_s, 0.08, min(hold_s, 10.0))
        require("min-level", min_level_db, -100.0, 0.0)
        self._ambient = AmbientLevel(n_channels)
        self._ratio = 10 ** (margin_db / 10)
        self._min_power = 10 ** (min_level_db / 10)
        self._hold_frames = round(hold_s * SAMPLE_RATE_HZ / FRAME_SAMPLES)
        self._preroll_samples = round(preroll_s * SAMPLE_RATE_HZ)
        self.reset()

    @property
    def is_asleep(self) -> bool:
        """Whether the detectors are given nothing."""
        return self._is_asleep

    def reset(self) -> None:
        """Forget all audio and open."""
        self._ambient.reset()
        self._is_asleep = False
        self._quiet_frames = 0
        self._taken_samples = 0
        self._left_out_samples = 0
        self._recent: deque[FloatArray] = deque()
        self._recent_samples = 0

    def process(self, samples: FloatArray) -> list[GatedPiece]:
        """Take the next samples and return what the detectors should hear of them, and of those kept before.

        Parameters
        ----------
        samples : array of float32, shape (C, N)
            16 kHz, any N.

        Returns
        -------
        list of GatedPiece
            In order; empty while the gate is closed.

        Raises
        ------
        AudioError
            On another number of channels, NaN or infinity.
        """
        start = -self._ambient.rest_samples
        tracks = self._ambient.update(samples)
        pieces: list[GatedPiece] = []
        begin = 0
        for index, frames in enumerate(zip(*tracks, strict=True)):
            if not self._turns(any(power > max(self._min_power, self._ratio * floor) for power, floor in frames)):
                continue
            # The state changes where the frame ends.
            end = start + (index + 1) * FRAME_SAMPLES
            pieces += self._pass(samples[:, begin:end])
            begin = end
            self._is_asleep = not self._is_asleep
            if not self._is_asleep:
                pieces.append(self._wake())
        return _joined(pieces + self._pass(samples[:, begin:]))

    def _turns(self, is_loud: bool) -> bool:
        """Take whether a frame is loud; return whether the gate opens or closes at its end."""
        self._quiet_frames = 0 if is_loud else self._quiet_frames + 1
        return is_loud if self._is_asleep else self._quiet_frames >= self._hold_frames

    def _pass(self, samples: FloatArray) -> list[GatedPiece]:
        n_samples = samples.shape[1]
        if n_samples == 0:
            return []
        self._taken_samples += n_samples
        if not self._is_asleep:
            return [GatedPiece(samples, self._taken_samples - n_samples, False)]
        self._keep(samples)
        return []

    def _keep(self, samples: FloatArray) -> None:
        self._left_out_samples += samples.shape[1]
        # A copy: the source may use its array again, and a whole recording would be kept by a slice of it.
        self._recent.append(samples[:, max(0, samples.shape[1] - self._preroll_samples) :].copy())
        self._recent_samples += self._recent[-1].shape[1]
        while self._recent_samples - self._recent[0].shape[1] >= self._preroll_samples:
            self._recent_samples -= self._recent.popleft().shape[1]

    def _wake(self) -> GatedPiece:
        n_samples = min(self._left_out_samples, self._preroll_samples)
        kept = np.concatenate(self._recent, axis=1)
        piece = GatedPiece(
            kept[:, kept.shape[1] - n_samples :],
            self._taken_samples - n_samples,
            restart=self._left_out_samples > n_samples,
        )
        self._left_out_samples = 0
        self._recent.clear()
        self._recent_samples = 0
        return piece


def _joined(pieces: list[GatedPiece]) -> list[GatedPiece]:
    """Join what is contiguous, so that the detectors are called once for it."""
    joined = pieces[:1]
    for piece in pieces[1:]:
        if piece.restart:
            joined.append(piece)
        else:
            last = joined.pop()
            samples = np.concatenate([last.samples, piece.samples], axis=1)
            joined.append(GatedPiece(samples, last.start, last.restart))
    return joined
