"""Keep what sound drivers write to stderr from the user."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_drivers(is_quiet: bool = True) -> Iterator[None]:
    """Send file descriptor 2 to nowhere for a while, if `is_quiet`; Python's own stderr still arrives.

    ALSA and JACK write up to a hundred lines straight to it while devices are looked for, and PortAudio more when
    one fails. One such context is enough for a process; it must not be left while another thread is in one.
    """
    if not is_quiet:
        yield
        return
    before = sys.stderr
    before.flush()
    saved = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        with os.fdopen(os.dup(saved), "w", buffering=1, errors="backslashreplace") as sys.stderr:
            yield
    finally:
        sys.stderr = before
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silence)
