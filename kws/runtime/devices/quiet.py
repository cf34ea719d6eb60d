"""Keep what sound drivers write to stderr from the user."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def quiet_stderr(is_quiet: bool = True) -> Iterator[None]:
    """Send file descriptor 2 to nowhere for a while, if `is_quiet`.

    ALSA and JACK write up to a hundred lines straight to it while devices are looked for.
    """
    if not is_quiet:
        yield
        return
    saved = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(silence, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(silence)
