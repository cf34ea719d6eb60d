"""Where samples come from. A new source is one file and one line in `SOURCES`."""

from __future__ import annotations

from collections.abc import Callable

from kws.runtime.sources.base import AudioBlock, Source, SourceOptions
from kws.runtime.sources.file import FileSource
from kws.runtime.sources.microphone import MicrophoneSource
from kws.runtime.sources.paced import PacedSource
from kws.runtime.sources.stdin import StdinSource

__all__ = ["SOURCES", "AudioBlock", "PacedSource", "Source", "SourceOptions", "open_source"]

SOURCES: dict[str, Callable[[str, SourceOptions], Source]] = {
    "file": FileSource,
    "stdin": StdinSource,
    "microphone": MicrophoneSource,
}
"""What opens a source: called with its address and the options."""


def open_source(address: str | None, options: SourceOptions | None = None) -> Source:
    """Open what a user named.

    Parameters
    ----------
    address : str or None
        None for the microphone, ``-`` for standard input, else a file.
    options : SourceOptions, optional

    Raises
    ------
    SourceError
        If a device is not there.
    AudioError
        If it holds no audio.
    MissingPackageError
        If a package that it needs is not installed.
    """
    name = {None: "microphone", "-": "stdin"}.get(address, "file")
    return SOURCES[name](address or "", options or SourceOptions())
