"""What a person types: single keys at a terminal, words on lines elsewhere."""

from __future__ import annotations

import contextlib
import os
import queue
import select
import sys
import threading
from collections.abc import Iterator
from typing import Any, Protocol, TextIO

PLAY, REDO, UNDO, PAUSE, STOP = "play", "redo", "undo", "pause", "stop"
KEYS = {"p": PLAY, "r": REDO, "u": UNDO, " ": PAUSE, "q": STOP}
"""Key of each action; on lines its name does as well."""

_END_OF_INPUT = "\x04"


class Keys(Protocol):
    """Where actions come from."""

    def pending(self) -> list[str]:
        """Return the actions since the last call; this never waits."""
        ...


class TerminalKeys:
    """Single keys, as they are pressed; others than those of `KEYS` are ignored."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def pending(self) -> list[str]:
        """Return the actions since the last call."""
        typed = b""
        while select.select([self._descriptor], [], [], 0.0)[0]:
            try:
                data = os.read(self._descriptor, 1024)
            except OSError:
                # The terminal was closed.
                return [STOP]
            if not data:
                return [STOP]
            typed += data
        actions = {**KEYS, _END_OF_INPUT: STOP}
        # An arrow key sends several characters, none of them meant.
        if typed.startswith(b"\x1b"):
            return []
        return [actions[key] for key in typed.decode("utf-8", "ignore").lower() if key in actions]


class LineKeys:
    """Lines of a stream, a key or the name of an action each; its end is no action."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._found: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def pending(self) -> list[str]:
        """Return the actions since the last call."""
        actions = []
        with contextlib.suppress(queue.Empty):
            while True:
                actions.append(self._found.get_nowait())
        return actions

    def _read(self) -> None:
        # A closed stream is at its end.
        with contextlib.suppress(ValueError, OSError):
            for line in self._stream:
                word = line.rstrip("\n").lower()
                # A blank is a key too.
                action = KEYS.get(word) or KEYS.get(word.strip(), word.strip())
                if action in KEYS.values():
                    self._found.put(action)


class NoKeys:
    """Nobody is there to type."""

    def pending(self) -> list[str]:
        """Return nothing."""
        return []


@contextlib.contextmanager
def open_keys(stream: TextIO | None = None) -> Iterator[Keys]:
    """Yield the keys of a stream, by default standard input; a terminal gets its settings back at the end."""
    stream = sys.stdin if stream is None else stream
    if stream is None or stream.closed:
        yield NoKeys()
        return
    settings = _terminal_settings(stream)
    if settings is None:
        yield LineKeys(stream)
        return
    import termios
    import tty

    tty.setcbreak(stream.fileno())
    try:
        yield TerminalKeys(stream.fileno())
    finally:
        # It may have been closed meanwhile.
        with contextlib.suppress(termios.error):
            termios.tcsetattr(stream.fileno(), termios.TCSADRAIN, settings)


def _terminal_settings(stream: TextIO) -> list[Any] | None:
    """Return the settings of a terminal, None for other streams and on systems that have no termios."""
    try:
        import termios
    except ImportError:
        return None
    try:
        return termios.tcgetattr(stream.fileno())
    except (OSError, ValueError, termios.error):
        return None
