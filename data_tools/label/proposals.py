"""A model's guesses as regions: the sound that a score belongs to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.label.sound import OnProgress, read_stretch, sound_info
from kws.activity import active_region
from kws.audio import resample
from kws.config import SAMPLE_RATE_HZ
from kws.labels import Region

# A score peaks at the end of its word or just after it.
_BEFORE_S, _AFTER_S = 1.1, 0.1


@dataclass(frozen=True)
class Guess:
    """What a model heard.

    Parameters
    ----------
    keyword : str
    time_s : float
        Where its score is highest.
    score : float
        0 to 1.
    """

    keyword: str
    time_s: float
    score: float


@dataclass(frozen=True)
class Proposer:
    """A model that listens to recordings.

    Parameters
    ----------
    name : str
        What is written into label files: the same name never listens to a file twice.
    keywords : tuple of str
        Its words.
    listen : callable
        Takes a recording's path and a callable for the share that was heard; returns guesses.
    """

    name: str
    keywords: tuple[str, ...]
    listen: Callable[[Path, OnProgress], Sequence[Guess]]


def propose(proposer: Proposer, path: Path, on_progress: OnProgress) -> list[Region]:
    """Let a model listen to a recording and find the sound of each of its guesses.

    Raises
    ------
    AudioError
        If the recording cannot be read.
    """
    duration_s = sound_info(path).duration_s
    return [_region(guess, path, duration_s) for guess in proposer.listen(path, on_progress)]


def _region(guess: Guess, path: Path, duration_s: float) -> Region:
    start_s = max(0.0, guess.time_s - _BEFORE_S)
    samples, rate_hz = read_stretch(path, start_s, guess.time_s + _AFTER_S)
    first, last = active_region(resample(samples, rate_hz, SAMPLE_RATE_HZ))
    begin_s, end_s = (min(start_s + n / SAMPLE_RATE_HZ, duration_s) for n in (first, last))
    # The end of a file may cut a guess down to nothing.
    begin_s = min(begin_s, max(0.0, end_s - 1 / SAMPLE_RATE_HZ))
    score = round(min(1.0, max(0.0, guess.score)), 4)
    return Region("m", guess.keyword, round(begin_s, 6), round(end_s, 6), "model", "proposed", score)
