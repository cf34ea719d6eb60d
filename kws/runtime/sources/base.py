"""The one interface of audio sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from kws.audio import FloatArray
from kws.config import SAMPLE_RATE_HZ, require, require_one_of


@dataclass(frozen=True, eq=False)
class AudioBlock:
    """Contiguous audio from a source.

    Parameters
    ----------
    samples : array of float32, shape (N,) or (C, N)
        16 kHz; (N,) where channels are mixed to mono.
    start : int
        Sample (16 kHz) of the source at which the block begins, lost ones counted.
    lost : int
        Samples that were lost just before the block; what came before is then not contiguous with it.
    """

    samples: FloatArray
    start: int
    lost: int = 0


@dataclass(frozen=True)
class SourceOptions:
    """How a source is to be read.

    Parameters
    ----------
    channels : {"mono", "all"}
        Mix all channels to one, or keep each.
    block_samples : int
        Samples (16 kHz) a block; only the last may be shorter.
    raw_rate_hz : int
        Sample rate of audio that does not state its own, such as raw PCM from a pipe.
    """

    channels: str = "mono"
    block_samples: int = 1280
    raw_rate_hz: int = SAMPLE_RATE_HZ

    def __post_init__(self) -> None:
        require_one_of("channels", self.channels, ("mono", "all"))
        require("block_samples", self.block_samples, 1, 10_000_000)
        require("rate", self.raw_rate_hz, 1000, 768_000)


class Source(ABC):
    """Where samples come from: iterate over it once for its blocks.

    Making a source opens it, so that what is wrong with it is raised before anything is heard. It is a context
    manager; closing twice is allowed.
    """

    name: str
    """What a person calls it: a path, "stdin", "microphone"."""

    @abstractmethod
    def __iter__(self) -> Iterator[AudioBlock]:
        """Iterate over the blocks, in order, to the end of the audio.

        Raises
        ------
        AudioError
            If the audio turns out to be damaged, or holds impossible samples.
        """

    @abstractmethod
    def close(self) -> None:
        """Release the file or device; a second call does nothing."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
