"""From the options of ``kws record`` to its parts."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kws.config import require, shown
from kws.errors import ConfigError

if TYPE_CHECKING:
    from data_tools.record import Event, Store, Work
    from kws.runtime.sources import Source

_FILE_BLOCK_SAMPLES = 32_000
_MAX_BACKGROUND_S = 86_400.0


@dataclass(frozen=True)
class Order:
    """The options of ``kws record``, which have these names."""

    word: str
    out: Path
    takes: int | None
    speaker: str | None
    room: str
    background: bool
    seconds: float
    from_file: Path | None
    device: str
    backend: str
    channels: int | None
    verbose: bool

    def __post_init__(self) -> None:
        if self.background and (self.word or self.from_file or self.takes):
            given = f"WORD {shown(self.word)}" if self.word else "--from" if self.from_file else "--takes"
            raise ConfigError(f"--background and {given} were given; accepted is one of them")
        if not self.background and not self.word:
            raise ConfigError("no WORD was given; accepted is a word, such as kws record computer, or --background")
        if self.from_file is not None and (self.device or self.channels):
            raise ConfigError("--from and a microphone were given; accepted is one of them")
        require("seconds", self.seconds, 1.0, _MAX_BACKGROUND_S)
        if self.out.exists() and not self.out.is_dir():
            raise ConfigError(f"--out {self.out} is a file; accepted is a folder")


def record_live(order: Order) -> None:
    """Record from the microphone."""
    from contextlib import ExitStack

    from data_tools.record import drive, open_keys
    from kws.cli.record_view import open_view
    from kws.runtime.devices.quiet import quiet_drivers
    from kws.runtime.sources import SourceOptions, open_source

    # Cheap checks first: what is wrong is said before anybody is asked, or speaks.
    _check_word(order)
    speaker = "" if order.background else _speaker(order)
    with ExitStack() as stack:
        stack.enter_context(quiet_drivers(not order.verbose))
        options = SourceOptions(device=order.device, backend=order.backend, n_channels=order.channels)
        source = stack.enter_context(open_source(None, options))
        store = _open_store(order)
        stack.callback(store.leave)
        view = open_view(source.name, order.out)
        make = _background if order.background else _takes
        work = make(order, store, source, speaker, view.tell)
        stack.enter_context(view)
        keys = stack.enter_context(open_keys())
        drive(source, keys, work, view.show)
    typer.echo(_summary(store, work))


def cut_file(order: Order) -> None:
    """Cut a recording into takes; memory does not depend on its length."""
    from contextlib import ExitStack

    from data_tools.record import Origin, SileroVad, TakeConfig, TakeDetector, TakeRecorder, drive
    from data_tools.record.keys import NoKeys
    from kws.cli.record_view import open_progress
    from kws.runtime.sources import SourceOptions
    from kws.runtime.sources.file import FileSource

    assert order.from_file is not None
    _check_word(order)
    config = TakeConfig()
    detector = TakeDetector(SileroVad(), config)
    source = FileSource(order.from_file, SourceOptions(block_samples=_FILE_BLOCK_SAMPLES))
    with source:
        speaker = _speaker(order)
        store = _open_store(order, is_bulk=True)
        origin = Origin(speaker, room=order.room, source=order.from_file.name)
        with ExitStack() as stack:
            stack.callback(store.leave)
            show, tell = stack.enter_context(open_progress(source.duration_s))
            work = TakeRecorder(order.word, store, detector, config, origin, tell, goal=order.takes)
            drive(source, NoKeys(), work, show)
    known = f", {work.n_known} there already" if work.n_known else ""
    typer.echo(f"{order.from_file}: {work.n_new} new, {work.n_rejected} left out{known}; {_summary(store, work)}")


def _open_store(order: Order, is_bulk: bool = False) -> Store:
    from data_tools.record import Store, folder_name
    from data_tools.record.room_tone import LABEL, NAME

    if order.background:
        return Store(order.out, NAME, LABEL)
    return Store(order.out, folder_name(order.word), order.word, is_bulk)


def _check_word(order: Order) -> None:
    from data_tools.record import folder_name

    if not order.background:
        folder_name(order.word)


def _speaker(order: Order) -> str:
    from data_tools.record.store import last_speaker

    if order.speaker is not None:
        return order.speaker.strip()
    known = last_speaker(order.out)
    if not sys.stdin or not sys.stdin.isatty():
        if not known:
            raise ConfigError("nobody can be asked who speaks; accepted is --speaker NAME")
        return known
    # The split of a data set goes by speakers: a name is worth a question.
    return str(typer.prompt("Who speaks", default=known or None, err=True)).strip()


def _background(order: Order, store: Store, source: Source, speaker: str, tell: Callable[[Event], None]) -> Work:
    from data_tools.record import Origin, RoomTone, SileroVad

    return RoomTone(store, SileroVad(), order.seconds, Origin(speaker, _device(source), order.room), tell)


def _takes(order: Order, store: Store, source: Source, speaker: str, tell: Callable[[Event], None]) -> Work:
    from data_tools.record import Origin, SileroVad, TakeConfig, TakeDetector, TakeRecorder
    from kws.runtime.playback import Playback
    from kws.runtime.sources import MicrophoneSource

    config = TakeConfig()
    origin = Origin(speaker, _device(source), order.room, time.strftime("%Y%m%d-%H%M%S"))
    play = Playback(source.backend).play if isinstance(source, MicrophoneSource) else None
    detector = TakeDetector(SileroVad(), config)
    return TakeRecorder(order.word, store, detector, config, origin, tell, play, order.takes)


def _summary(store: Store, work: Work) -> str:
    return f"{store.folder / store.name}: {work.counter}"


def _device(source: Source) -> str:
    return source.name.removeprefix("microphone ")
