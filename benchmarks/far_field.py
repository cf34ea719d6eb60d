"""What a device with four microphones misses in simulated rooms, by what is done with its channels.

    python benchmarks/far_field.py --data ../shared/data

The words are the recipe's validation recordings, said 1 to 5 m from the device in rooms that echo for 0.2 to 0.6 s
(image sources, pyroomacoustics), with validation noise from a direction at least 60 degrees apart. Negatives are the
recipe's validation speech and a folder that no part of a run has seen, in the same rooms and noise. Every score comes
through the chain of the live program; each method gets the lowest threshold from which on it has at most as many
false accepts an hour as the others. Drawn mixes of one recording are not independent: the intervals are too narrow by
what they share.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import fftconvolve

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import FloatArray, read_audio, to_float32  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.counting import Counts  # noqa: E402
from kws.evaluate.intervals import wilson_interval  # noqa: E402
from kws.evaluate.levels import active_level  # noqa: E402
from kws.evaluate.mixing import endless, place_word  # noqa: E402
from kws.evaluate.operating_point import (  # noqa: E402
    Track,
    allowed_in,
    count_tracks,
    default_thresholds,
    lowest_within,
)
from kws.evaluate.recordings import find_recordings  # noqa: E402
from kws.evaluate.rooms import draw_microphone, draw_place, draw_size, shoebox  # noqa: E402
from kws.packages import import_package  # noqa: E402
from kws.runtime import Runner, Scorer, open_runner  # noqa: E402
from kws.runtime.channels import BestRow, ChannelPlan  # noqa: E402
from kws.train.corpus import load_corpus  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402

N_MICS = 4
# Noise alone before the word: the noise floor and the delays are those of a device that has been listening.
EARLIER_SAMPLES = 3 * SAMPLE_RATE_HZ
WORD_RMS = 10 ** (-30 / 20)
SELF_NOISE_RMS = WORD_RMS * 10 ** (-40 / 20)
MIN_APART = math.radians(60)
DISTANCES_M = (1.0, 5.0)
NEGATIVE_SAMPLES = 60 * SAMPLE_RATE_HZ
THRESHOLDS = default_thresholds()

METHODS = ("one channel", "`vote`", "`max`", "`best`", "`mean`", "`beam`", "`max+beam`")

ARRAYS = {
    "square, 5 cm": np.array([[-1, -1, 1, 1], [-1, 1, 1, -1], [0, 0, 0, 0]]) * 0.025,
    "line, 60 cm": np.array([[-3, -1, 1, 3], [0, 0, 0, 0], [0, 0, 0, 0]]) * 0.1,
}
"""Positions of the microphones around the middle of the device in metres, shape (3, N_MICS)."""


@dataclass(frozen=True, eq=False)
class Setup:
    """Impulse responses ``(N_MICS, L)`` from the speaker and from the noise."""

    speaker: FloatArray
    noise: FloatArray


def draw_setup(pra: Any, array: np.ndarray, rng: np.random.Generator) -> Setup:
    """Draw a room, a place for the device, and for the speaker and the noise around it."""
    size = draw_size(rng)
    rt60_s = rng.uniform(0.2, 0.6)
    middle = draw_microphone(size, rng)
    speaker, noise = place(size, middle, rng), place(size, middle, rng)
    while apart(speaker - middle, noise - middle) < MIN_APART:
        noise = place(size, middle, rng)
    room = shoebox(pra, size, rt60_s)
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    room.add_microphone_array(middle[:, np.newaxis] + turn @ array)
    room.add_source(speaker)
    room.add_source(noise)
    room.compute_rir()
    return Setup(*(stack([room.rir[mic][source] for mic in range(N_MICS)]) for source in range(2)))


def place(size: np.ndarray, middle: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a place 1 to 5 m away."""
    point = draw_place(size, middle, *DISTANCES_M, rng)
    assert point is not None, "every room has a place 1 m from its device"
    return point


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the horizontal angle between two directions."""
    cosine = a[:2] @ b[:2] / (np.linalg.norm(a[:2]) * np.linalg.norm(b[:2]))
    return math.acos(min(1.0, max(-1.0, float(cosine))))


def stack(responses: Sequence[np.ndarray]) -> FloatArray:
    """Make rows of one length."""
    longest = max(map(len, responses))
    return np.stack([np.pad(r, (0, longest - len(r))) for r in responses]).astype(np.float32)


def mix(
    setup: Setup, said: FloatArray, voiced: slice | None, noise: FloatArray, snr_db: float, rng: np.random.Generator
) -> FloatArray:
    """Return what the microphones hear ``(N_MICS, N)``: the speaker at one level, the noise below it, their own noise.

    Levels are those at the first microphone: of the word's place, or of the sounding part if there is none.
    """
    n = len(said)
    speech = fftconvolve(said[np.newaxis], setup.speaker, axes=1)[:, :n]
    other = fftconvolve(noise[np.newaxis], setup.noise, axes=1)[:, :n]
    rms = active_level(speech[0]) if voiced is None else float(np.sqrt(np.mean(speech[0, voiced] ** 2)))
    speech *= WORD_RMS / rms
    other *= WORD_RMS * 10 ** (-snr_db / 20) / active_level(other[0])
    own = rng.normal(0.0, SELF_NOISE_RMS, speech.shape)
    return np.clip(speech + other + own, -1.0, 32767 / 32768).astype(np.float32)


class Heard:
    """Score tracks of every method on the same audio."""

    def __init__(self, runner: Runner) -> None:
        self.tracks: dict[str, list[Track]] = {method: [] for method in METHODS}
        self._runner = runner

    def add(self, samples: FloatArray, word_ends_s: tuple[float, ...] = ()) -> None:
        """Score what the microphones hear: every row once, for all methods."""
        rows = np.concatenate([ChannelPlan.parse("all+beam").open(N_MICS).process(samples), mean_of(samples)])
        scorer, best = Scorer(self._runner), BestRow(N_MICS)
        scores, best_rows = [], []
        for block in scorer.process(rows):
            scores.append(block[:, :, 0])
            best_rows += [best.update(scorer.heard[:N_MICS])] * block.shape[1]
        joined = np.concatenate(scores, axis=1)
        mics = joined[:N_MICS]
        found = {
            "one channel": mics[0],
            "`vote`": np.sort(mics, axis=0)[N_MICS // 2],
            "`max`": mics.max(axis=0),
            "`best`": mics[best_rows, np.arange(mics.shape[1])],
            "`mean`": joined[-1],
            "`beam`": joined[N_MICS],
            "`max+beam`": joined[: N_MICS + 1].max(axis=0),
        }
        for method, track in found.items():
            self.tracks[method].append(Track(track, word_ends_s))

    def count(self, thresholds: Sequence[float]) -> dict[str, list[Counts]]:
        """Count hits and false accepts of each method, one a threshold."""
        spec = self._runner.spec
        rule = spec.decision_of(spec.keywords[0])
        return {m: count_tracks(tracks, rule, thresholds, spec.step_s) for m, tracks in self.tracks.items()}


def mean_of(samples: FloatArray) -> FloatArray:
    """Return the row that ``mean`` makes."""
    return ChannelPlan.parse("mean").open(N_MICS).process(samples)


@dataclass(frozen=True, eq=False)
class Material:
    """What is said and heard: the words, other recordings, and noise."""

    words: list[FloatArray]
    others: list[FloatArray]
    noise: list[FloatArray]


def hear_words(
    heard: Heard, setups: Sequence[Setup], material: Material, snr_db: float, mixes: int, rng: np.random.Generator
) -> None:
    """Score every word, each in several drawn places."""
    for word in [word for word in material.words for _ in range(mixes)]:
        trial = place_word(word)
        said = np.pad(trial.samples, (EARLIER_SAMPLES, 0))
        start, end = EARLIER_SAMPLES + trial.word_start, EARLIER_SAMPLES + trial.word_end
        noise = endless(material.noise, len(said), rng)
        heard.add(mix(draw(setups, rng), said, slice(start, end), noise, snr_db, rng), (end / SAMPLE_RATE_HZ,))


def hear_others(
    heard: Heard, setups: Sequence[Setup], material: Material, snr_db: float, rng: np.random.Generator
) -> None:
    """Score recordings without the word, a minute at a place."""
    joined = np.concatenate(material.others)
    for piece in np.array_split(joined, max(1, len(joined) // NEGATIVE_SAMPLES)):
        noise = endless(material.noise, len(piece), rng)
        heard.add(mix(draw(setups, rng), piece, None, noise, snr_db, rng))


def draw(setups: Sequence[Setup], rng: np.random.Generator) -> Setup:
    """Draw one of the places."""
    return setups[int(rng.integers(len(setups)))]


def report(
    title: str, words: dict[float, dict[str, list[Counts]]], others: dict[str, list[Counts]], index: dict[str, int]
) -> None:
    """Print a table: each method at its own threshold."""
    print(f"| {title} | threshold | " + " | ".join(f"missed at {snr:g} dB" for snr in words) + " | false accepts |")
    print("|---|---|" + "---|" * (len(words) + 1))
    for method, counts in others.items():
        at = index[method]
        cells = [f"{THRESHOLDS[at]:.3f}", *(shown(by_method[method][at]) for by_method in words.values())]
        print(f"| {method} | " + " | ".join(cells) + f" | {counts[at].n_false_accepts} in {counts[at].hours:.1f} h |")
    print(flush=True)


def lowest_index(counts: Sequence[Counts], per_hour: float) -> int:
    """Return the index of the lowest threshold from which on a rate is kept, of the highest if none keeps it."""
    index = lowest_within([c.n_false_accepts for c in counts], allowed_in(counts[0].hours, per_hour))
    return min(index, len(counts) - 1)


def shown(counts: Counts) -> str:
    """Return misses as a share with its interval and counts."""
    low, high = wilson_interval(counts.n_misses, counts.n_words)
    share = f"{100 * counts.false_reject_rate:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{share} ({counts.n_misses} of {counts.n_words})"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--unseen", default="wuw2", help="folder below the data that nothing was chosen on")
    parser.add_argument(
        "--rounds", type=int, default=1, help="times that rooms are drawn and everything is said in them"
    )
    parser.add_argument("--rooms", type=int, default=40, help="rooms of a round")
    parser.add_argument("--mixes", type=int, default=5, help="places of each recording at each level of noise")
    parser.add_argument("--snr", type=float, nargs="+", default=[10.0, 5.0], metavar="DB")
    parser.add_argument("--fa-per-h", type=float, nargs="+", default=[12.0, 5.0])
    parser.add_argument("--seed", type=int, default=21)
    return parser.parse_args(arguments)


def main() -> None:
    """Print one table an array and rate."""
    options = parse()
    pra = import_package("pyroomacoustics", "pyroomacoustics", "dev", "simulate rooms")
    recipe = load_recipe(options.recipe, options.data)
    split, runner = load_corpus(recipe.data).validation, open_runner(options.model)
    unseen = [read_audio(path) for path in find_recordings(Path(recipe.data.root) / options.unseen)]
    material = Material(
        [to_float32(clip.samples) for clip in split.keywords[runner.spec.keywords[0]]],
        [to_float32(clip.samples) for clip in split.negatives] + unseen,
        [to_float32(clip.samples) for clip in split.noise],
    )
    own = int(np.argmin([abs(t - runner.spec.decision_of(runner.spec.keywords[0]).threshold) for t in THRESHOLDS]))
    for name, array in ARRAYS.items():
        rng = np.random.default_rng(options.seed)
        others, words = Heard(runner), {snr_db: Heard(runner) for snr_db in options.snr}
        for _ in range(options.rounds):
            setups = [draw_setup(pra, array, rng) for _ in range(options.rooms)]
            for snr_db, heard in words.items():
                hear_words(heard, setups, material, snr_db, options.mixes, rng)
                hear_others(others, setups, material, snr_db, rng)
        print(f"{N_MICS} microphones, {name}\n")
        said = {snr_db: heard.count(THRESHOLDS) for snr_db, heard in words.items()}
        rejected = others.count(THRESHOLDS)
        report("the model's threshold", said, rejected, dict.fromkeys(METHODS, own))
        for per_hour in options.fa_per_h:
            at = {method: lowest_index(counts, per_hour) for method, counts in rejected.items()}
            report(f"{per_hour:g} FA/h", said, rejected, at)


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
