"""Synthesisers that are programs: started without a shell, with a limit of time."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kws.audio import FloatArray, read_audio
from kws.errors import AudioError, VoiceError
from kws.packages import one_line

TIMEOUT_S = 120.0


def require_program(program: str, package: str) -> str:
    """Return the path of a program.

    Raises
    ------
    VoiceError
        If it is not installed; the message says how to install it.
    """
    path = shutil.which(program)
    if path is None:
        raise VoiceError(f"{program} is not installed: apt-get install {package}")
    return path


def run_program(arguments: Sequence[str], given: str = "", timeout_s: float = TIMEOUT_S) -> str:
    """Run a program and return what it prints.

    Raises
    ------
    VoiceError
        If it cannot be started, fails or takes too long.
    """
    # A text that begins with a dash would be an option: what is said is given as input wherever a program takes it.
    try:
        finished = subprocess.run(
            arguments,
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        raise VoiceError(f"{arguments[0]} did not end within {timeout_s:g} s") from None
    except OSError as error:
        raise VoiceError(f"{arguments[0]} cannot be started ({error.strerror or error})") from None
    if finished.returncode != 0:
        said = one_line(RuntimeError(finished.stderr or finished.stdout or "no message"))
        raise VoiceError(f"{arguments[0]} failed with code {finished.returncode}: {said}")
    return finished.stdout


def spoken_file(speak: Callable[[Path], object]) -> FloatArray:
    """Return the audio that a program writes into the file whose name it is given.

    Returns
    -------
    array of float32, shape (N,)
        At 16 kHz; of no length if the program wrote nothing.

    Raises
    ------
    VoiceError
        If what it wrote is no audio.
    """
    with _temporary_wav() as path:
        speak(path)
        if not path.is_file() or path.stat().st_size == 0:
            raise VoiceError("the engine wrote no audio")
        try:
            return read_audio(path)
        except AudioError as error:
            raise VoiceError(f"the engine wrote no audio ({one_line(error)})") from None


@contextmanager
def _temporary_wav() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kws-speak-") as folder:
        yield Path(folder) / "spoken.wav"
