"""An audio file, read block by block: any length in little memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from kws.audio import MAX_CHANNELS, FloatArray, check_is_whole_file
from kws.errors import AudioError
from kws.packages import import_package, one_line
from kws.runtime.sources.base import AudioBlock, Source, SourceOptions
from kws.runtime.sources.blocks import to_blocks

# Frames that are decoded at once; fixed, so that the samples never depend on the size of the blocks.
_DECODE_FRAMES = 16_384


class FileSource(Source):
    """WAV, FLAC, OGG or whatever libsndfile reads.

    Parameters
    ----------
    address : path
        8 to 32 bits, any rate, up to 64 channels.
    options : SourceOptions

    Raises
    ------
    AudioError
        If the file is missing, empty, truncated or no audio.
    """

    def __init__(self, address: str | os.PathLike[str], options: SourceOptions | None = None) -> None:
        self.name = os.fspath(address)
        self._options = options or SourceOptions()
        self._soundfile = import_package("soundfile", "soundfile", "onnx", "read audio files")
        check_is_whole_file(address)
        self._file = self._open()
        if self._file.frames == 0:
            self.close()
            raise AudioError(f"{self.name}: holds no samples")
        if self._file.channels > MAX_CHANNELS:
            self.close()
            raise AudioError(f"{self.name}: has {self._file.channels} channels; accepted are 1 to {MAX_CHANNELS}")

    def _open(self) -> Any:
        try:
            return self._soundfile.SoundFile(self.name)
        except (OSError, RuntimeError, TypeError) as error:
            raise AudioError(f"{self.name}: not readable as audio ({_reason(error, self.name)})") from None

    @property
    def duration_s(self) -> float:
        """Length of the file, as its header states it."""
        return float(self._file.frames / self._file.samplerate)

    def __iter__(self) -> Iterator[AudioBlock]:
        file = self._file
        return to_blocks(self._chunks(), file.samplerate, file.channels, self._options, self.name)

    def _chunks(self) -> Iterator[FloatArray]:
        n_read_frames = 0
        while n_read_frames < self._file.frames:
            try:
                chunk = self._file.read(_DECODE_FRAMES, dtype="float32", always_2d=True)
            except RuntimeError as error:
                raise AudioError(f"{self.name}: is damaged ({_reason(error, self.name)})") from None
            if not len(chunk):
                at_s, of_s = (n / self._file.samplerate for n in (n_read_frames, self._file.frames))
                raise AudioError(f"{self.name}: is truncated, it ends after {at_s:.2f} s of {of_s:.2f} s")
            n_read_frames += len(chunk)
            yield chunk

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()


def _reason(error: BaseException, path: str) -> str:
    # libsndfile's message repeats the path that stands before it already.
    return one_line(error).replace(f"Error opening {path!r}: ", "")
