"""One run of the label page: its recordings, what is being read in the background, and which tab may write."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_tools.label.listing import Place
from data_tools.label.proposals import Proposer, propose
from data_tools.label.sound import Scan, SoundInfo, scan, sound_info
from data_tools.label.store import read_labels, save_labels
from kws.errors import DataError, KwsError
from kws.labels import Labels, overlapping, read_regions


@dataclass(frozen=True, eq=False)
class Prepared:
    """A recording that is ready to be shown."""

    info: SoundInfo
    scan: Scan


class _Ended(Exception):
    """The session ends while a recording is being read."""


class Session:
    """The recordings of a run.

    Parameters
    ----------
    places : sequence of Place
    keywords : sequence of str
        Words to choose from; those of the proposer and of label files are added.
    proposer : Proposer, optional
        Listens to each recording when it is opened for the first time.
    """

    def __init__(self, places: Sequence[Place], keywords: Sequence[str] = (), proposer: Proposer | None = None) -> None:
        self.places = list(places)
        self.proposer = proposer
        self.keywords = list(dict.fromkeys([*keywords, *(proposer.keywords if proposer else ())]))
        self._lock = threading.RLock()
        self._jobs: dict[int, Future[Prepared]] = {}
        self._progress: dict[int, tuple[str, float]] = {}
        self._infos: dict[int, SoundInfo] = {}
        self._ending = threading.Event()
        self._pool = ThreadPoolExecutor(1, "label")

    def close(self) -> None:
        """Stop reading in the background."""
        self._ending.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def place(self, index: int) -> Place:
        """Return a recording by its number.

        Raises
        ------
        DataError
            If there is none.
        """
        if not 0 <= index < len(self.places):
            raise DataError(f"recording {index}: there is none; accepted are 0 to {len(self.places) - 1}")
        return self.places[index]

    def info(self, index: int) -> SoundInfo:
        """Return the header of a recording; it is kept, so that labels can be saved when the file has vanished."""
        with self._lock:
            if index not in self._infos:
                self._infos[index] = sound_info(self.place(index).audio)
            return self._infos[index]

    def prepare(self, index: int) -> tuple[Prepared | None, str, float]:
        """Read a recording in the background, the next one after it.

        Returns
        -------
        Prepared or None
            None while it is being read.
        str, float
            What is being done, and the share that is done, 0 to 1.

        Raises
        ------
        KwsError
            If the recording or its label file cannot be used. A later call tries again.
        """
        with self._lock:
            job = self._start(index)
        if not job.done():
            return (None, *self._progress.get(index, ("waiting", 0.0)))
        try:
            prepared = job.result()
        except KwsError:
            with self._lock:
                self._jobs.pop(index, None)
            raise
        if index + 1 < len(self.places):
            with self._lock:
                self._start(index + 1)
        return prepared, "", 1.0

    def labels(self, index: int) -> Labels:
        """Read the labels of a recording.

        Raises
        ------
        KwsError
            If the label file is malformed, or the recording was never readable.
        """
        place = self.place(index)
        return read_labels(place.labels, place.audio.name, self.info(index).duration_s)

    def notices(self, index: int, labels: Labels, sha1: str) -> list[str]:
        """Return what a person should know of the labels, a line each."""
        name = self.place(index).labels
        found = [
            f"{name}: {first.label!r} at {first.start_s:.2f} s and {second.label!r} at {second.start_s:.2f} s overlap; "
            "they are kept, and cannot be exported"
            for first, second in overlapping(labels.regions)
        ]
        if labels.sha1 and labels.sha1 != sha1:
            found.insert(0, f"{name}: was made for other audio of this name; check that the labels fit")
        return found

    def save(self, index: int, revision: int, regions: Any, complete: bool) -> Labels:
        """Save what a page has.

        Parameters
        ----------
        index : int
        revision : int
            That the page started from.
        regions : list of dict
            All of them, as JSON objects.
        complete : bool

        Raises
        ------
        DataError
            If a region is malformed or past the end, or the file is of another revision or cannot be written;
            nothing is changed then.
        """
        with self._lock:
            labels = self.labels(index)
            job = self._jobs.get(index)
            sha1 = job.result().scan.sha1 if job is not None and job.done() and not job.exception() else labels.sha1
            read = read_regions(regions, labels.duration_s)
            asked = revision if self.place(index).labels.exists() else labels.revision
            wanted = replace(labels, sha1=sha1, regions=read, complete=complete, revision=asked)
            return save_labels(self.place(index).labels, wanted)

    def summary(self) -> list[dict[str, Any]]:
        """Return for each recording its name and how far it is; a malformed label file counts as an error."""
        return [self._summary(place) for place in self.places]

    def _summary(self, place: Place) -> dict[str, Any]:
        # Drafts in a browser's storage belong to this label file and to no other of its name.
        key = hashlib.sha256(str(place.labels.resolve()).encode()).hexdigest()[:16]
        counts = {"name": place.name, "key": key, "complete": False, "accepted": 0, "proposed": 0, "error": False}
        try:
            # Its length is not known here: whether all lies inside is found when it is opened.
            labels = read_labels(place.labels, place.audio.name, float("inf"))
        except DataError:
            return counts | {"error": True}
        for state in ("accepted", "proposed"):
            counts[state] = sum(region.state == state for region in labels.regions)
        return counts | {"complete": labels.complete}

    def _start(self, index: int) -> Future[Prepared]:
        if index not in self._jobs:
            self._jobs[index] = self._pool.submit(self._read, index)
        return self._jobs[index]

    def _read(self, index: int) -> Prepared:
        path = self.place(index).audio
        info = self.info(index)
        scanned = scan(path, lambda share: self._tell(index, "reading", share))
        if self.proposer is not None and self.proposer.name not in self.labels(index).proposed_by:
            found = propose(self.proposer, path, lambda share: self._tell(index, "listening", share))
            with self._lock:
                place: Path = self.place(index).labels
                labels = replace(self.labels(index), sha1=scanned.sha1)
                save_labels(place, labels.with_proposals(found, self.proposer.name))
        return Prepared(info, scanned)

    def _tell(self, index: int, what: str, share: float) -> None:
        if self._ending.is_set():
            raise _Ended
        self._progress[index] = (what, share)


class Writer:
    """Of all tabs that show a session, the one that may change labels.

    The first tab writes. When it goes, the one that waited longest takes its place; a tab can also take over.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tabs: list[str] = []
        self._writer = ""

    def enter(self, tab: str) -> None:
        """Add a tab."""
        with self._lock:
            if tab not in self._tabs:
                self._tabs.append(tab)
            self._writer = self._writer or tab

    def leave(self, tab: str) -> None:
        """Remove a tab."""
        with self._lock:
            self._tabs = [other for other in self._tabs if other != tab]
            if self._writer == tab:
                self._writer = self._tabs[0] if self._tabs else ""

    def take_over(self, tab: str) -> None:
        """Let a tab write instead of the one that did."""
        with self._lock:
            if tab in self._tabs:
                self._writer = tab

    def is_writer(self, tab: str) -> bool:
        """Return whether a tab may write."""
        with self._lock:
            return bool(tab) and tab == self._writer
