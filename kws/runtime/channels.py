"""What to do with the channels of a device: which the detectors hear, and how their scores become one decision."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from kws.audio import MAX_CHANNELS, FloatArray, require_channels
from kws.config import SAMPLE_RATE_HZ, shown
from kws.errors import ConfigError
from kws.runtime.ambient import FRAME_SAMPLES, AmbientLevel
from kws.runtime.beamformer import Beamformer

AUTO = "vote"
"""What ``auto`` stands for: the best of docs/channels.md."""

BEAM_LABEL = -1
"""Channel that is reported for what was heard in the beamformed signal."""

FUSIONS = ("any", "vote", "max", "best")
"""How a detector decides on several rows; see :class:`kws.runtime.detector.Detector`."""

_FUSION_OF = {"all": "any", "vote": "vote", "max": "max", "mean": "any", "best": "best", "beam": "any"}
_BEAM_SUFFIX = "+beam"
_TAKES_BEAM = ("all", "max", "best")
# Below this the floor of a channel is that of a noise gate or of no microphone, and says nothing.
_MIN_FLOOR_POWER = 1e-8
# A ratio fades within about a second: scores peak at a word's end, when its level has fallen again.
_FADES_IN_S = 1.0
_KEPT_A_FRAME = math.exp(-FRAME_SAMPLES / (_FADES_IN_S * SAMPLE_RATE_HZ))


@dataclass(frozen=True)
class ChannelPlan:
    """Which channels are heard, and how.

    Parameters
    ----------
    mode : {"all", "vote", "max", "best", "mean", "beam"}
        Each channel decided on its own; the score that half of them reach; the highest score; the scores of the
        channel with the best signal-to-noise ratio; the average of their samples; their delayed sum.
    channels : tuple of int
        Channels of the device that take part, ascending; empty for all.
    has_beam : bool
        Whether the delayed sum is heard as one more channel.
    """

    mode: str
    channels: tuple[int, ...] = ()
    has_beam: bool = False

    @classmethod
    def parse(cls, text: str) -> ChannelPlan:
        """Read what a user writes: ``auto``, ``all``, ``0,2``, ``0-3``, ``max``, ``best:0,2``, ``max+beam``, ....

        Raises
        ------
        ConfigError
            If it is none of these.
        """
        head, colon, tail = text.strip().partition(":")
        if not colon and head[:1].isdigit():
            head, tail = "all", head
        elif colon and not tail:
            raise _refused(text)
        wanted = AUTO if head == "auto" else head
        mode = wanted.removesuffix(_BEAM_SUFFIX)
        has_beam = mode != wanted
        if mode not in _FUSION_OF or (has_beam and mode not in _TAKES_BEAM):
            raise _refused(text)
        return cls(mode, _parse_channels(tail, text), has_beam)

    @property
    def names_channels(self) -> bool:
        """Whether the plan says which channels of the device it wants."""
        return bool(self.channels)

    @property
    def min_channels(self) -> int:
        """Channels that a device must have."""
        return max(self.channels, default=0) + 1

    @property
    def fusion(self) -> str:
        """How the detectors are to decide: one of :data:`FUSIONS`."""
        return _FUSION_OF[self.mode]

    def open(self, n_channels: int) -> ChannelMixer:
        """Make the mixer for a source of `n_channels`.

        Raises
        ------
        ConfigError
            If the plan names a channel that the source does not have.
        """
        if self.min_channels > n_channels:
            raise ConfigError(
                f"channel {self.min_channels - 1} was asked for and the source has {n_channels}; "
                f"accepted are 0 to {n_channels - 1}"
            )
        return ChannelMixer(self, n_channels)


def _parse_channels(text: str, whole: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(",") if text else []:
        first, dash, last = part.strip().partition("-")
        ends = (first, last) if dash else (first, first)
        # More digits than that are no channel, and a huge range would take all memory.
        if not all(end.isascii() and end.isdigit() and len(end) <= 3 for end in ends):
            raise _refused(whole)
        low, high = int(ends[0]), int(ends[1])
        if not low <= high < MAX_CHANNELS:
            raise _refused(whole)
        found.update(range(low, high + 1))
    return tuple(sorted(found))


def _refused(text: str) -> ConfigError:
    return ConfigError(
        f"channels is {shown(text)}; accepted are auto, all, vote, max, best, mean, beam, all+beam, max+beam, "
        f"best+beam, and channels from 0 to {MAX_CHANNELS - 1} such as 0,2 or 0-3, alone or after a colon (max:0,2)"
    )


class ChannelMixer:
    """Turn the channels of a source into the rows that the detectors hear.

    Parameters
    ----------
    plan : ChannelPlan
        Its channels are there.
    n_channels : int
        Channels C of the source.
    """

    def __init__(self, plan: ChannelPlan, n_channels: int) -> None:
        self._n_channels = n_channels
        taken = plan.channels or tuple(range(n_channels))
        self._taken = None if len(taken) == n_channels else list(taken)
        # One channel is its own mean and its own sum.
        is_alone = len(taken) == 1
        self._is_mean = plan.mode == "mean" and not is_alone
        self._is_beam_only = plan.mode == "beam" and not is_alone
        has_beam = (self._is_beam_only or plan.has_beam) and not is_alone
        self._beamformer = Beamformer(len(taken)) if has_beam else None
        self._labels = self._labels_of(taken)

    def _labels_of(self, taken: tuple[int, ...]) -> tuple[int, ...]:
        if self._is_mean:
            return taken[:1]
        if self._is_beam_only:
            return (BEAM_LABEL,)
        return taken if self._beamformer is None else (*taken, BEAM_LABEL)

    @property
    def labels(self) -> tuple[int, ...]:
        """For each row the channel of the source: the first one for a mean, :data:`BEAM_LABEL` for the beam."""
        return self._labels

    def reset(self) -> None:
        """Forget all audio."""
        if self._beamformer is not None:
            self._beamformer.reset()

    def process(self, samples: FloatArray) -> FloatArray:
        """Take the next samples.

        Parameters
        ----------
        samples : array of float32, shape (C, N)

        Returns
        -------
        array of float32, shape (R, N)
            The rows of :attr:`labels`; `samples` itself where nothing is to be done.

        Raises
        ------
        AudioError
            If the number of channels is not C.
        """
        require_channels(samples, self._n_channels)
        rows = samples if self._taken is None else samples[self._taken]
        if self._is_mean:
            return _mean(rows)
        if self._beamformer is None:
            return rows
        beam = self._beamformer.process(rows)
        return beam if self._is_beam_only else np.concatenate([rows, beam])


def _mean(rows: FloatArray) -> FloatArray:
    # Added one after the other: `mean` adds in another order when only one sample comes.
    total = rows[:1].copy()
    for row in rows[1:]:
        total += row
    total *= np.float32(1.0 / len(rows))
    return total


class BestRow:
    """Which row has the best signal-to-noise ratio.

    The ratio is that of level to noise floor as in :class:`kws.runtime.ambient.AmbientLevel`; its peaks fade with a
    time constant of 1 s, so that the row in which a word stood out is the best one until its scores are decided.

    Parameters
    ----------
    n_rows : int
    """

    def __init__(self, n_rows: int) -> None:
        self._ambient = AmbientLevel(n_rows)
        self._ratios = [0.0] * n_rows

    def update(self, samples: FloatArray) -> int:
        """Take the next samples ``(R, N)`` and return the index of the best row, the first of equals."""
        for row, frames in enumerate(self._ambient.update(samples)):
            for power, floor in frames:
                ratio = power / max(floor, _MIN_FLOOR_POWER)
                self._ratios[row] = max(ratio, _KEPT_A_FRAME * self._ratios[row])
        return self._ratios.index(max(self._ratios))
