"""What recording words and recording the room have in common, and the loop that drives both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from data_tools.record.keys import PAUSE, STOP, Keys
from kws.audio import FloatArray


class Block(Protocol):
    """Contiguous audio, as the sources of the live program give it."""

    @property
    def samples(self) -> FloatArray:
        """Float32, shape (C, N), 16 kHz; N may be 0."""
        ...

    @property
    def lost(self) -> int:
        """Samples that were lost just before."""
        ...

    @property
    def notice(self) -> str:
        """What a person should know; mostly empty."""
        ...


@dataclass(frozen=True)
class Event:
    """Something that happened.

    Parameters
    ----------
    kind : {"take", "rejected", "undone", "told", "problem"}
    text : str
    advice : str
        What to do about it.
    """

    kind: str
    text: str
    advice: str = ""


@dataclass(frozen=True)
class Origin:
    """Columns of the manifest that are the same for a whole session.

    Parameters
    ----------
    speaker, device, room, session : str
    source : str
        Recording that the takes are cut out of; empty if they are recorded now.
    """

    speaker: str = ""
    device: str = ""
    room: str = ""
    session: str = ""
    source: str = ""

    def fields(self) -> dict[str, str]:
        """Return the columns that are known, with the present time of what is recorded now."""
        recorded = "" if self.source else datetime.now().astimezone().isoformat(timespec="seconds")
        known = {**vars(self), "recorded": recorded}
        return {name: value for name, value in known.items() if value}


class Work(ABC):
    """Something that is done with audio until it is done.

    Parameters
    ----------
    on_event : callable
        Told what happens.
    """

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._tell = on_event
        self.is_done = False
        self.is_paused = False

    @property
    def actions(self) -> tuple[str, ...]:
        """What a person may ask for."""
        return PAUSE, STOP

    @property
    @abstractmethod
    def counter(self) -> str:
        """How far it is."""

    @property
    @abstractmethod
    def prompt(self) -> str:
        """What is to be done now."""

    @abstractmethod
    def hear(self, block: Block) -> None:
        """Take a block."""

    @abstractmethod
    def finish(self) -> None:
        """Save what is complete.

        Raises
        ------
        AudioError, DataError
            If that cannot be written.
        """

    def press(self, action: str) -> None:
        """Do what a person asks for."""
        if action == STOP:
            self.is_done = True
        elif action == PAUSE:
            self.is_paused = not self.is_paused


def drive(blocks: Iterable[Block], keys: Keys, work: Work, show: Callable[[Work, Block], None]) -> None:
    """Give audio and keys to the work until it is done, the audio ends or a signal comes; then it is finished.

    Parameters
    ----------
    blocks : iterable of Block
    keys : Keys
    work : Work
    show : callable
        Called after each block.

    Raises
    ------
    AudioError, DataError
        If something cannot be written.
    """
    try:
        for block in blocks:
            for action in keys.pending():
                work.press(action)
            if not work.is_done:
                work.hear(block)
            show(work, block)
            if work.is_done:
                break
    finally:
        work.finish()
