"""Trials from recordings: words as recorded, in noise, under other speech, in rooms; and hours without any word."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kws.config import SAMPLE_RATE_HZ, require
from kws.errors import DataError
from kws.evaluate.mixing import PlacedWord, place_word, rms, within_full_scale
from kws.evaluate.negatives import divide, fold_key, join_negatives
from kws.evaluate.recordings import Recording, fingerprint, hours
from kws.evaluate.results import Trial
from kws.evaluate.rooms import Room, simulate_rooms

CLEAN = "clean"
MAX_MIXES = 5
_TRIALS_A_CONDITION = 250
_LONG_SAMPLES = 3 * SAMPLE_RATE_HZ

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Material:
    """The recordings that trials are made of.

    Parameters
    ----------
    words : mapping of str to sequence of Recording
        Recordings of each keyword, one word each.
    negatives : mapping of str to sequence of Recording
        Sets without any keyword, by name.
    noise : sequence of Recording
        To lay under words.
    talkers : sequence of Recording
        Other speech to lay under words; recordings below 3 s are left out if there are longer ones.
    rirs : sequence of Recording
        Recorded impulse responses of rooms.
    """

    words: Mapping[str, Sequence[Recording]]
    negatives: Mapping[str, Sequence[Recording]] = field(default_factory=dict)
    noise: Sequence[Recording] = ()
    talkers: Sequence[Recording] = ()
    rirs: Sequence[Recording] = ()

    def describe(self) -> dict[str, Any]:
        """Return count, hours and fingerprint of each part, as plain values."""
        parts = {
            **{f"words: {word}": recordings for word, recordings in self.words.items()},
            **{f"negatives: {name}": recordings for name, recordings in self.negatives.items()},
            "noise": self.noise,
            "talkers": self.talkers,
            "rirs": self.rirs,
        }
        return {
            name: {
                "recordings": len(recordings),
                "speakers": len({r.speaker for r in recordings if r.speaker}),
                "hours": round(hours(recordings), 4),
                "sha256": fingerprint(recordings),
            }
            for name, recordings in parts.items()
            if recordings
        }


@dataclass(frozen=True)
class TrialSettings:
    """Which trials are made.

    Parameters
    ----------
    noise_snr_db, speech_snr_db : tuple of float
        Level of the word over noise, and over other speech; one condition each. Empty for none.
    rooms : int
        Rooms to simulate; 0 for none. Recorded rooms are used wherever the material has some.
    mixes : int, optional
        Trials of each recording and condition, with other backgrounds or rooms each; by default as many as make
        about 250 trials, 5 at most.
    seed : int
        Of all that is drawn.
    """

    noise_snr_db: tuple[float, ...] = (10.0,)
    speech_snr_db: tuple[float, ...] = (10.0,)
    rooms: int = 0
    mixes: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        for name in ("noise_snr_db", "speech_snr_db"):
            for snr_db in getattr(self, name):
                require(name, snr_db, -30.0, 60.0)
        require("rooms", self.rooms, 0, 1000)
        require("mixes", 1 if self.mixes is None else self.mixes, 1, 1000)
        require("seed", self.seed, 0, 2**32 - 1)

    def mixes_of(self, n_recordings: int) -> int:
        """Return how many trials each of some recordings gets in a condition."""
        if self.mixes is not None:
            return self.mixes
        return max(1, min(MAX_MIXES, _TRIALS_A_CONDITION // max(n_recordings, 1)))


def make_trials(
    material: Material, settings: TrialSettings | None = None, on_progress: OnProgress | None = None
) -> list[Trial]:
    """Make all trials of some material.

    Conditions are ``clean``, ``noise 10 dB`` and ``speech 10 dB`` for each level, ``far`` in recorded rooms, ``far
    simulated`` in simulated ones, and ``negatives``. What is drawn for a trial depends on the seed and its name
    only: another condition, or another keyword, changes no other trial.

    Parameters
    ----------
    material : Material
    settings : TrialSettings, optional
    on_progress : callable, optional
        Called with the number of trials made and their total.

    Raises
    ------
    DataError
        If there is no word and no negative recording, or a level is asked for and there is nothing to lay under.
    MissingPackageError
        If rooms are to be simulated and pyroomacoustics is not installed.
    """
    settings = settings or TrialSettings()
    jobs = list(_jobs(material, settings))
    folds = divide([*material.negatives.values(), *material.words.values()])
    negatives = [
        trial for name, recordings in material.negatives.items() for trial in join_negatives(name, recordings, folds)
    ]
    if not jobs and not negatives:
        raise DataError("nothing to evaluate on: neither recordings of a keyword nor recordings without one")
    words = []
    for job in jobs:
        words.append(job.make(folds[fold_key(job.recording)]))
        if on_progress is not None:
            on_progress(len(words), len(jobs))
    return words + negatives


def _jobs(material: Material, settings: TrialSettings) -> Iterator[_Job]:
    if not any(material.words.values()):
        return
    for condition, around in _conditions(material, settings):
        if around.snr_db is not None and not around.others:
            raise DataError(f"condition {condition!r}: there are no recordings to lay under the words")
        for keyword, recordings in material.words.items():
            mixes = 1 if condition == CLEAN else settings.mixes_of(len(recordings))
            for recording in recordings:
                for mix in range(mixes):
                    yield _Job(condition, keyword, recording, around, mix, settings.seed)


def _conditions(material: Material, settings: TrialSettings) -> Iterator[tuple[str, _Surroundings]]:
    yield CLEAN, _Surroundings()
    for snr_db in settings.noise_snr_db:
        yield f"noise {snr_db:g} dB", _Surroundings(material.noise, snr_db)
    talkers = [r for r in material.talkers if len(r.samples) >= _LONG_SAMPLES] or list(material.talkers)
    for snr_db in settings.speech_snr_db:
        yield f"speech {snr_db:g} dB", _Surroundings(talkers, snr_db)
    if material.rirs:
        yield "far", _Surroundings(rooms=[Room(r.name, r.samples, r.attributes) for r in material.rirs])
    if settings.rooms:
        rooms = simulate_rooms(settings.rooms, np.random.default_rng([settings.seed, 1]))
        yield "far simulated", _Surroundings(rooms=rooms)


@dataclass(frozen=True, eq=False)
class _Surroundings:
    others: Sequence[Recording] = ()
    snr_db: float | None = None
    rooms: Sequence[Room] = ()


@dataclass(frozen=True, eq=False)
class _Job:
    condition: str
    keyword: str
    recording: Recording
    around: _Surroundings
    mix: int
    seed: int

    def make(self, fold: str) -> Trial:
        name = f"{self.condition}: {self.recording.name}" + (f" #{self.mix + 1}" if self.condition != CLEAN else "")
        rng = np.random.default_rng([self.seed, *hashlib.sha256(name.encode()).digest()])
        placed, attributes = self._place(rng)
        under = [self.around.others[index].name for index in placed.backgrounds]
        return Trial(
            name,
            self.condition,
            self.keyword,
            placed.samples,
            (placed.word_end_s,),
            (self.recording.name, *under),
            self.recording.speaker,
            {**self.recording.attributes, **attributes},
            fold,
        )

    def _place(self, rng: np.random.Generator) -> tuple[PlacedWord, dict[str, str]]:
        clip, word = self.recording.samples, self.recording.word
        if self.around.rooms:
            room = self.around.rooms[int(rng.integers(len(self.around.rooms)))]
            return _in_room(place_word(clip, word=word), room), {**room.attributes, "rir": room.name}
        if self.around.snr_db is None:
            return place_word(clip, word=word), {}
        others = [other.samples for other in self.around.others]
        return place_word(clip, others, self.around.snr_db, rng, word), {"snr_db": f"{self.around.snr_db:g}"}


def _in_room(placed: PlacedWord, room: Room) -> PlacedWord:
    """Return a word as it arrives in a room: as loud as before, and later by the direct path."""
    heard = room.play(placed.samples)
    start, end = (min(place + room.onset, len(heard)) for place in (placed.word_start, placed.word_end))
    level = rms(heard[start:end])
    if level > 0.0:
        heard = heard * np.float32(rms(placed.samples[placed.word_start : placed.word_end]) / level)
    return PlacedWord(within_full_scale(heard), start, end)
