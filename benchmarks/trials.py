"""Trials of one spoken word each, clean or mixed at a level measured over the word, and counts with intervals."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kws.activity import active_region, active_rms
from kws.audio import FloatArray, read_audio
from kws.config import SAMPLE_RATE_HZ
from kws.errors import DataError

LEAD_SAMPLES = 3 * SAMPLE_RATE_HZ // 2
TAIL_SAMPLES = SAMPLE_RATE_HZ
HIT_WINDOW_SAMPLES = SAMPLE_RATE_HZ
_FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
_SUFFIXES = {".flac", ".wav", ".ogg"}


@dataclass(frozen=True)
class Trial:
    """One word in its surroundings: `samples` float32 ``(N,)``, the word in ``[word_start, word_end)``."""

    samples: FloatArray
    word_start: int
    word_end: int

    def is_hit(self, event_s: float) -> bool:
        """Return whether a detection belongs to the word: from its start to 1 s after its end."""
        return self.word_start <= event_s * SAMPLE_RATE_HZ <= self.word_end + HIT_WINDOW_SAMPLES


def find_recordings(folder: Path, split: str | None = None) -> list[Path]:
    """List a folder's recordings in order; `split` keeps those of one split of the manifest.

    The manifest is the nearest ``manifest.csv`` at or above the folder, its paths relative to its own place.

    Raises
    ------
    DataError
        If nothing is left, or a split is asked for and there is no manifest.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if split is not None:
        splits = _read_splits(folder)
        files = [path for path in files if splits.get(path.resolve()) == split]
    if not files:
        raise DataError(f"{folder}: no recordings" + (f" of split {split!r}" if split else ""))
    return files


def _read_splits(folder: Path) -> dict[Path, str]:
    for place in (folder.resolve(), *folder.resolve().parents):
        manifest = place / "manifest.csv"
        if manifest.is_file():
            with manifest.open(newline="", encoding="utf-8") as file:
                return {(place / row["path"]).resolve(): row["split"] for row in csv.DictReader(file)}
    raise DataError(f"{folder}: no manifest.csv at or above it, so there are no splits to choose from")


def endless(recordings: Sequence[FloatArray], n_samples: int, rng: np.random.Generator) -> FloatArray:
    """Cut `n_samples` from the recordings, one after the other from a drawn place in a drawn one."""
    first = int(rng.integers(len(recordings)))
    pieces = [recordings[first][int(rng.integers(len(recordings[first]))) :]]
    while sum(map(len, pieces)) < n_samples:
        first = (first + 1) % len(recordings)
        pieces.append(recordings[first])
    return np.concatenate(pieces)[:n_samples]


def make_trial(
    clip: FloatArray,
    others: Sequence[FloatArray],
    level_db: float,
    rng: np.random.Generator,
    level_over: str = "whole",
) -> Trial:
    """Put a word between 1.5 s before and 1 s after, with other sound below it all along.

    Parameters
    ----------
    clip : array of float32, shape (N,)
        A recording of the word.
    others : sequence of arrays
        Noise or speech to lay under it; none for a clean trial.
    level_db : float
        Level of the word (root mean square of its active part) over that of the other sound.
    rng : Generator
        Draws the place in `others`.
    level_over : {"whole", "word"}
        What the level of the other sound is measured over: the sounding part of all of it, as of talk in a room at
        one loudness; or what is under the word, so that the word is always covered as much as said (harder).
    """
    start, end = active_region(clip)
    samples = np.pad(clip, (LEAD_SAMPLES, TAIL_SAMPLES))
    word_start, word_end = LEAD_SAMPLES + start, LEAD_SAMPLES + end
    if others:
        other, other_rms = _draw_other(others, len(samples), slice(word_start, word_end), rng, level_over)
        samples = samples + other * np.float32(active_rms(clip) / other_rms * 10 ** (-level_db / 20))
    # Full scale is kept by scaling the whole, which leaves the ratio as it is.
    samples = samples / max(1.0, float(np.abs(samples).max()) / 0.99)
    return Trial(samples.astype(np.float32), word_start, word_end)


def _draw_other(
    others: Sequence[FloatArray], n: int, under: slice, rng: np.random.Generator, level_over: str
) -> tuple[FloatArray, float]:
    for _ in range(100):
        other = endless(others, n, rng)
        whole_rms = sounding_rms(other)
        under_rms = float(np.sqrt(np.mean(np.square(other[under], dtype=np.float64))))
        # A pause under the word would be raised to the word's level and the rest with it: draw again.
        if level_over == "word" and under_rms > 0.3 * whole_rms:
            return other, under_rms
        if level_over == "whole" and whole_rms > 0.0:
            return other, whole_rms
    raise DataError("no part of the other sound is as long as the word and not a pause")


def sounding_rms(samples: FloatArray) -> float:
    """Return the root mean square of the 10 ms frames that are at most 15.9 dB below that of them all.

    References
    ----------
    The margin is that of ITU-T P.56, "Objective measurement of active speech level".
    """
    n_frames = len(samples) // _FRAME_SAMPLES
    frames = samples[: n_frames * _FRAME_SAMPLES].reshape(n_frames, _FRAME_SAMPLES)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return float(np.sqrt(power[power >= power.mean() * 10**-1.59].mean()))


def load(paths: Sequence[Path]) -> list[FloatArray]:
    """Read recordings as 16 kHz mono."""
    return [read_audio(path) for path in paths]


def wilson_interval(successes: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the Wilson score interval of a proportion, 95 % by default.

    References
    ----------
    Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
    """
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    centre = p + z * z / (2 * n)
    spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)
