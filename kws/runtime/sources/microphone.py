"""The microphone. This version says in one line why there is none to listen to."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from kws.errors import SourceError
from kws.runtime.packages import import_package
from kws.runtime.sources.base import AudioBlock, Source, SourceOptions


class MicrophoneSource(Source):
    """The default input device.

    Raises
    ------
    MissingPackageError
        If PyAudio is not installed.
    SourceError
        If there is no input device, and in this version also where there is one.
    """

    def __init__(self, address: str = "", options: SourceOptions | None = None) -> None:
        self.name = "microphone"
        pyaudio = import_package(
            "pyaudio", "PyAudio", "mic", "listen to a microphone (not to a recording: --source FILE)"
        )
        if _count_inputs(pyaudio) == 0:
            raise SourceError("no microphone was found; give a recording with --source FILE")
        raise SourceError("this version does not listen to microphones yet; pipe one in: arecord ... | ... --source -")

    def __iter__(self) -> Iterator[AudioBlock]:
        return iter(())

    def close(self) -> None:
        """Do nothing: no device is ever held."""


def _count_inputs(pyaudio: Any) -> int:
    with _quiet_stderr():
        try:
            audio = pyaudio.PyAudio()
        except OSError:
            return 0
        try:
            devices = [audio.get_device_info_by_index(index) for index in range(audio.get_device_count())]
        finally:
            audio.terminate()
    return sum(device["maxInputChannels"] > 0 for device in devices)


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    # ALSA and JACK write up to a hundred lines straight to file descriptor 2 while devices are looked for.
    saved = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silence)
