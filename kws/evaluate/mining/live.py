"""Mining at a microphone: of hours of a room only what the model takes for its word, or nearly, is kept."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from kws.config import SAMPLE_RATE_HZ, require
from kws.errors import ConfigError
from kws.evaluate.mining.ear import Ear, Find
from kws.evaluate.mining.folder import MinedFolder, Result
from kws.evaluate.mining.settings import MiningSettings
from kws.manifest import Row
from kws.runtime import Event
from kws.runtime.clock import now_s
from kws.runtime.sources import AudioBlock

OnFind = Callable[[Find, Row], None]
OnNotice = Callable[[str], None]
OnEnd = Callable[[Result], None]

# Half a second at a time: less is little work done often.
_PIECE_SAMPLES = SAMPLE_RATE_HZ // 2


def mine_live(
    source: Iterable[AudioBlock],
    folder: MinedFolder,
    settings: MiningSettings,
    name: str = "microphone",
    max_s: float | None = None,
    on_find: OnFind | None = None,
    on_notice: OnNotice | None = None,
    on_end: OnEnd | None = None,
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now().astimezone(),
) -> Result:
    """Listen until the time is over or somebody interrupts, and keep clips of what scores above the floor.

    Audio is held in memory for some seconds and then forgotten; nothing else is written. Each clip and its row are on
    disk before the next is heard.

    Parameters
    ----------
    source : iterable of AudioBlock
    folder : MinedFolder
        Claimed already.
    settings : MiningSettings
    name : str
        What the clips are said to be from.
    max_s : float, optional
        Seconds after which it ends, those without a device included.
    on_find : callable, optional
        Called with each find and its row.
    on_notice : callable, optional
        Told what a person should know, such as that the microphone was unplugged.
    on_end : callable, optional
        Called with the result when everything is written, also where somebody interrupts.
    now : callable
        The clock.

    Returns
    -------
    Result

    Raises
    ------
    ConfigError
        If the settings are for recordings that hold the word, or a value is out of range.
    KeyboardInterrupt
        After what was found is written.
    """
    if settings.is_positive:
        raise ConfigError("positives are looked for in recordings; accepted at a microphone is what is taken for them")
    if max_s is not None:
        require("max-seconds", max_s, 0.001, 1e9)
    session = _Session(folder, settings, name, now(), on_find)
    began_s = now_s()
    try:
        for block in source:
            if block.notice and on_notice is not None:
                on_notice(block.notice)
            session.take(block)
            # A microphone that is unplugged gives no audio, and the time goes by.
            if max_s is not None and max(session.result.audio_s, now_s() - began_s) >= max_s:
                break
    finally:
        session.end()
        if on_end is not None:
            on_end(session.result)
    return session.result


class _Session:
    def __init__(
        self,
        folder: MinedFolder,
        settings: MiningSettings,
        name: str,
        began: datetime.datetime,
        on_find: OnFind | None,
    ) -> None:
        self._ear = Ear(settings)
        self._folder = folder
        self._began = began
        self._on_find = on_find
        # Of this session alone, however many there are in a folder.
        self._key = f"live {began.isoformat()}"
        self._told = Result(name, began.isoformat(timespec="seconds"))
        self._n_told = 0
        self._unkept: list[Find] = []
        self._waiting: list[np.ndarray] = []
        self._n_waiting = 0
        self._folder.write_manifest()
        self.result = Result(name, began.isoformat(timespec="seconds"))

    def take(self, block: AudioBlock) -> None:
        # A notice says that the stream has ended: what was heard need not wait for another one.
        if block.lost or block.notice:
            self._hear()
            self._keep(*self._ear.flush())
            self._ear.restart(block.start)
        if not block.samples.shape[1]:
            return
        self._waiting.append(block.samples.mean(axis=0, dtype=np.float32))
        self._n_waiting += block.samples.shape[1]
        self.result = replace(self.result, audio_s=self.result.audio_s + block.samples.shape[1] / SAMPLE_RATE_HZ)
        if self._n_waiting >= _PIECE_SAMPLES:
            self._hear()

    def end(self) -> None:
        """Keep what is left; the result is written even if nothing was found: so long was listened."""
        self._hear()
        self._keep(*self._ear.flush())
        self._write()

    def _hear(self) -> None:
        if self._waiting:
            samples = np.concatenate(self._waiting)
            self._waiting, self._n_waiting = [], 0
            self._keep(*self._ear.hear(samples))

    def _keep(self, finds: list[Find], events: list[Event]) -> None:
        self.result = replace(self.result, n_events=self.result.n_events + len(events))
        # An interrupt may come while one is written: then it is written again, under the same name.
        self._unkept += finds
        while self._unkept:
            self._keep_one(self._unkept[0])
            self._unkept.pop(0)

    def _keep_one(self, find: Find) -> None:
        said = self._began + datetime.timedelta(seconds=find.start_s)
        inherited = {
            "recorded": said.isoformat(timespec="seconds"),
            "session": self.result.state,
            "device": self.result.source,
        }
        row = self._folder.keep(find, self.result.source, self._key, inherited)
        if row in self.result.rows:
            return
        self.result = replace(self.result, rows=(*self.result.rows, row))
        self._write()
        if self._on_find is not None:
            self._on_find(find, row)

    def _write(self) -> None:
        """Note what is new since the last time, so that a day of finds is not written again with each."""
        new = replace(
            self.result,
            audio_s=self.result.audio_s - self._told.audio_s,
            n_events=self.result.n_events - self._told.n_events,
            rows=self.result.rows[len(self._told.rows) :],
        )
        self._folder.keep_result(f"{self._key} {self._n_told}", new)
        self._told, self._n_told = self.result, self._n_told + 1
        self._folder.write_manifest()
