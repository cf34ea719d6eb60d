"""One recording: what of it is kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from kws.audio import FloatArray, read_stretch
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError, KwsError
from kws.evaluate.counting import MatchWindow, match
from kws.evaluate.mining.ear import Ear, Find
from kws.evaluate.mining.folder import MinedFolder, Result, state_of
from kws.evaluate.mining.known import Known, Word, known_words
from kws.evaluate.mining.settings import MiningSettings
from kws.manifest import NearestManifests, Row
from kws.runtime import Event
from kws.runtime.sources import SourceOptions
from kws.runtime.sources.file import FileSource

# Long enough that little is done a piece, short enough that Ctrl-C is obeyed at once.
_PIECE_SAMPLES = 10 * SAMPLE_RATE_HZ
# Of a recording without times so much is kept at most, around its highest score.
_MOST_S = 30.0

ShouldStop = Callable[[], bool]


class Stopped(KwsError):
    """The work was ended from outside; nothing of the recording is kept."""


class FileMiner:
    """Mines recordings, one after the other.

    Parameters
    ----------
    settings : MiningSettings
    out : Path
    should_stop : callable
        Asked every ten seconds of audio.
    """

    def __init__(self, settings: MiningSettings, out: Path, should_stop: ShouldStop = lambda: False) -> None:
        # Of recordings that hold the word the best score is wanted, however low it is.
        heard = dataclasses.replace(settings, floor=0.001) if settings.is_positive else settings
        self._ear = Ear(heard)
        self._settings = settings
        self._folder = MinedFolder(out, settings)
        self._should_stop = should_stop
        self._manifests = NearestManifests()

    def mine(self, path: Path) -> Result:
        """Hear a recording, write its clips and return its result.

        Raises
        ------
        AudioError
            If it cannot be read.
        DataError
            If what is said of it cannot be used.
        Stopped
            If the work was ended.
        """
        row = self._manifests.row(path.resolve())
        known = known_words(path, row, self._settings.keywords)
        return self._misses(path, row, known) if self._settings.is_positive else self._mistakes(path, row, known)

    def _mistakes(self, path: Path, row: Row, known: Known) -> Result:
        state, key = state_of(path), str(path.resolve())
        # It is said somewhere: nothing in there is known to be a mistake.
        if known.untimed:
            return Result(str(path), state, n_words=len(known.untimed))
        rows, events, n_samples = [], 0, 0
        for finds, fired, length in self._hear(path):
            for find in finds:
                if not _is_word(find, known.words):
                    rows.append(self._folder.keep(find, str(path), key, row))
            events += sum(not _is_said(event, known.words) for event in fired)
            n_samples = length
        return Result(str(path), state, n_samples / SAMPLE_RATE_HZ, events, len(known.words), rows=tuple(rows))

    def _misses(self, path: Path, row: Row, known: Known) -> Result:
        finds: list[Find] = []
        events: list[Event] = []
        n_samples = 0
        for found, fired, length in self._hear(path):
            # Their audio is read again where it is wanted.
            finds += [dataclasses.replace(find, samples=find.samples[:0]) for find in found]
            events += fired
            n_samples = length
        audio_s = n_samples / SAMPLE_RATE_HZ
        words = known.words or tuple(Word(keyword, 0.0, audio_s) for keyword in self._untimed(path, known))
        missed = _missed(words, events, is_timed=bool(known.words))
        rows = tuple(self._keep_miss(path, row, word, finds, audio_s, bool(known.words)) for word in missed)
        n_hits = len(words) - len(missed)
        return Result(str(path), state_of(path), audio_s, len(events), len(words), n_hits, rows)

    def _untimed(self, path: Path, known: Known) -> Sequence[str]:
        if known.untimed:
            return known.untimed
        if len(self._settings.keywords) > 1:
            raise DataError(
                f"{path}: no manifest says which of {', '.join(self._settings.keywords)} it holds; "
                "accepted is one --keyword"
            )
        return self._settings.keywords

    def _keep_miss(
        self, path: Path, row: Row, word: Word, finds: Sequence[Find], audio_s: float, is_timed: bool
    ) -> Row:
        near = [find for find in finds if find.keyword == word.keyword and _touches(find, word)]
        best = max(near, key=lambda find: find.score, default=None)
        if is_timed:
            start_s, end_s = word.start_s - self._settings.context_s, word.end_s + self._settings.context_s
        elif audio_s <= _MOST_S or best is None:
            start_s, end_s = 0.0, min(audio_s, _MOST_S)
        else:
            start_s = min(max(0.0, best.start_s + best.region_s[1] - _MOST_S / 2), audio_s - _MOST_S)
            end_s = start_s + _MOST_S
        start_s = max(0.0, start_s)
        samples = read_stretch(path, start_s, end_s)
        word_s = (word.start_s - start_s, word.end_s - start_s) if is_timed else None
        score = 0.0 if best is None else best.score
        place = str(path), str(path.resolve()), row
        return self._folder.keep_miss(word.keyword, samples, start_s, word_s, score, *place)

    def _hear(self, path: Path) -> Iterator[tuple[list[Find], list[Event], int]]:
        """Yield finds and events as they come, and the samples so far."""
        self._ear.restart()
        n_samples = 0
        with FileSource(path, SourceOptions(block_samples=_PIECE_SAMPLES)) as source:
            for block in source:
                if self._should_stop():
                    raise Stopped(f"{path}: was ended")
                n_samples = block.end
                yield *self._ear.hear(_mono(block.samples)), n_samples
        yield *self._ear.flush(), n_samples


def _mono(samples: FloatArray) -> FloatArray:
    return samples[0] if len(samples) == 1 else samples.mean(axis=0, dtype=np.float32)


def _is_word(find: Find, words: Sequence[Word]) -> bool:
    return any(word.keyword == find.keyword and _touches(find, word) for word in words)


def _is_said(event: Event, words: Sequence[Word]) -> bool:
    window = MatchWindow()
    return any(word.keyword == event.keyword and window.holds(event.time_s, word.end_s) for word in words)


def _touches(find: Find, word: Word) -> bool:
    window = MatchWindow()
    end_s = find.start_s + find.region_s[1]
    return word.start_s - window.early_s <= end_s <= word.end_s + window.late_s


def _missed(words: Sequence[Word], events: Sequence[Event], is_timed: bool) -> list[Word]:
    missed = []
    for keyword in sorted({word.keyword for word in words}):
        said = [word for word in words if word.keyword == keyword]
        times_s = [event.time_s for event in events if event.keyword == keyword]
        if not is_timed:
            missed += said if not times_s else []
            continue
        late_s = set(match(times_s, [word.end_s for word in said]).missed_s)
        missed += [word for word in said if word.end_s in late_s]
    return missed
