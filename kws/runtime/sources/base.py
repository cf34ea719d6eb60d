"""The one interface of audio sources."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from kws.audio import MAX_CHANNELS, FloatArray
from kws.config import SAMPLE_RATE_HZ, require, require_one_of

BACKENDS = ("pyaudio", "sounddevice")
"""Packages that a microphone can be reached through."""


@dataclass(frozen=True, eq=False)
class AudioBlock:
    """Contiguous audio from a source.

    Parameters
    ----------
    samples : array of float32, shape (C, N)
        16 kHz. N is 0 where a live source only says that it is alive.
    start : int
        Sample (16 kHz) of the source at which the block begins, lost ones counted.
    lost : int
        Samples that were lost just before the block; what came before is then not contiguous with it.
    captured_s : float or None
        :func:`kws.runtime.clock.now_s` at which the last sample was captured; None where the audio is not live.
    notice : str
        What a person should know, such as that the microphone was unplugged; mostly empty.
    """

    samples: FloatArray
    start: int
    lost: int = 0
    captured_s: float | None = None
    notice: str = ""

    @property
    def end(self) -> int:
        """Sample (16 kHz) of the source just behind the block."""
        return self.start + self.samples.shape[1]


@dataclass(frozen=True)
class SourceOptions:
    """How a source is to be read.

    Parameters
    ----------
    block_samples : int
        Samples (16 kHz) a block; only the last may be shorter.
    raw_rate_hz : int
        Sample rate of audio that does not state its own, such as raw PCM from a pipe.
    device : str
        Microphone: index of the device, or a part of its name; by default the system's choice.
    backend : {"pyaudio", "sounddevice"}
        Microphone: package that it is reached through.
    n_channels : int, optional
        Microphone: channels to open; by default as many as the device has (see `MicrophoneSource`).
    waits : bool
        Microphone: wait for it where it is absent at the start.
    """

    block_samples: int = 1280
    raw_rate_hz: int = SAMPLE_RATE_HZ
    device: str = ""
    backend: str = "pyaudio"
    n_channels: int | None = None
    waits: bool = False

    def __post_init__(self) -> None:
        require("block_samples", self.block_samples, 1, 10_000_000)
        require("rate", self.raw_rate_hz, 1000, 768_000)
        require_one_of("backend", self.backend, BACKENDS)
        if self.n_channels is not None:
            require("n_channels", self.n_channels, 1, MAX_CHANNELS)


class Source(ABC):
    """Where samples come from: iterate over it once for its blocks.

    Making a source opens it, so that what is wrong with it is raised before anything is heard. It is a context
    manager; closing twice is allowed.
    """

    name: str
    """What a person calls it: a path, "stdin", "microphone"."""

    stalls: int = 0
    """Times at which a live source stopped delivering; 0 for others."""

    @abstractmethod
    def __iter__(self) -> Iterator[AudioBlock]:
        """Iterate over the blocks, in order, to the end of the audio.

        A live source yields an empty block at least twice a second while it has no audio, so that whoever listens
        stays in charge.

        Raises
        ------
        AudioError
            If the audio turns out to be damaged, or holds impossible samples.
        """

    def relax(self, is_relaxed: bool) -> None:  # noqa: B027  (most sources have nothing to do)
        """Say whether little is going on: a live source may then give its audio in longer pieces, at less cost."""

    @abstractmethod
    def close(self) -> None:
        """Release the file or device; a second call does nothing."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
