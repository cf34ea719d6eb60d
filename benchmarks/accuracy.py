"""What a model misses and what it fires at by mistake, on speakers it was not trained on, with counts and intervals.

    python benchmarks/accuracy.py --data ../shared/data
    python benchmarks/accuracy.py --model runs/computer/computer.onnx --recipe recipes/computer.toml --mixes 5

Positives are the recipe's validation speakers: each recording as it is, and several times with noise and with
other speech 10 dB below the word (drawn mixes of one recording are not independent: the intervals of the mixed
conditions are too narrow by what a recording's own mixes share). Negatives are the recipe's validation speech and
noise, and folders that no part of a run has seen: not training, nor the choice of its epoch or threshold. Every
score comes through the chain of the live program. Two thresholds are reported: the model's own, and the lowest
with at most --fa-per-h over all negatives.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.trials import find_recordings, make_trial, wilson_interval  # noqa: E402
from kws.audio import FloatArray, read_audio, to_float32  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.counting import Counts  # noqa: E402
from kws.evaluate.operating_point import Track, count_tracks  # noqa: E402
from kws.evaluate.scoring import score_recording  # noqa: E402
from kws.runtime import Runner, open_runner  # noqa: E402
from kws.train.corpus import Split, load_corpus  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402

SNR_DB = 10.0
LONG_SAMPLES = 3 * SAMPLE_RATE_HZ
NEGATIVE_SAMPLES = 60 * SAMPLE_RATE_HZ
THRESHOLDS = [float(p) for p in 1.0 / (1.0 + np.exp(-np.arange(-4.0, 12.01, 0.0625)))]


def word_tracks(runner: Runner, split: Split, mixes: int, seed: int) -> dict[str, list[Track]]:
    """Score every held-out word in each condition."""
    words = [to_float32(clip.samples) for clips in split.keywords.values() for clip in clips]
    noise = [to_float32(clip.samples) for clip in split.noise]
    speech = [to_float32(clip.samples) for clip in split.negatives if len(clip.samples) >= LONG_SAMPLES]
    conditions = {
        "clean": ([], 1),
        f"noise {SNR_DB:g} dB below": (noise, mixes),
        f"speech {SNR_DB:g} dB below": (speech, mixes),
    }
    rng = np.random.default_rng(seed)
    tracks: dict[str, list[Track]] = {}
    for condition, (others, repeats) in conditions.items():
        trials = [make_trial(word, others, SNR_DB, rng) for word in words for _ in range(repeats)]
        tracks[condition] = [Track(score(runner, t.samples), (t.word_end / SAMPLE_RATE_HZ,)) for t in trials]
    return tracks


def negative_tracks(runner: Runner, recordings: Sequence[FloatArray]) -> list[Track]:
    """Score recordings without the word, joined so that the network runs on as it does live."""
    joined = np.concatenate(recordings)
    pieces = np.array_split(joined, max(1, len(joined) // NEGATIVE_SAMPLES))
    return [Track(score(runner, piece)) for piece in pieces]


def score(runner: Runner, samples: FloatArray) -> FloatArray:
    """Return the score track of the model's first keyword."""
    return score_recording(runner, samples)[0, :, 0]


def lowest_threshold(negatives: list[list[Counts]], max_per_hour: float) -> int:
    """Return the index from which on all negatives together stay within a rate."""
    index = len(THRESHOLDS)
    while index > 0:
        n_false, hours = total([counts[index - 1] for counts in negatives])
        if n_false > max_per_hour * hours:
            break
        index -= 1
    return min(index, len(THRESHOLDS) - 1)


def total(counts: Sequence[Counts]) -> tuple[int, float]:
    """Return false accepts and hours of several counts."""
    return sum(c.n_false_accepts for c in counts), sum(c.hours for c in counts)


def poisson_interval(n: int, hours: float) -> tuple[float, float]:
    """Return the exact 95 % interval of a rate from a count (Garwood 1936)."""
    from scipy.stats import chi2

    low = chi2.ppf(0.025, 2 * n) / 2 if n else 0.0
    return float(low / hours), float(chi2.ppf(0.975, 2 * n + 2) / 2 / hours)


def report(title: str, index: int, words: dict[str, list[Counts]], negatives: dict[str, list[Counts]]) -> None:
    """Print the figures at one threshold."""
    print(f"\n{title}: threshold {THRESHOLDS[index]:.5f}")
    for condition, counts in words.items():
        c = counts[index]
        low, high = wilson_interval(c.n_misses, c.n_words)
        share = f"{100 * c.false_reject_rate:5.1f} %  [{100 * low:.1f}, {100 * high:.1f}]"
        print(f"  {condition:22s} missed {c.n_misses:3d} of {c.n_words:3d} = {share}")
    for name, counts in [*negatives.items(), ("all negatives", None)]:
        n, hours = total([c[index] for c in negatives.values()] if counts is None else [counts[index]])
        low, high = poisson_interval(n, hours)
        print(f"  {name:22s} {n} false accepts in {hours:.2f} h = {n / hours:.2f}/h  [{low:.2f}, {high:.2f}]")


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument(
        "--unseen", nargs="*", default=["wuw2"], help="folders below the data that nothing was chosen on"
    )
    parser.add_argument("--mixes", type=int, default=5, help="mixes of each recording and condition")
    parser.add_argument("--fa-per-h", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


def main() -> None:
    """Print the figures at both thresholds."""
    options = parse()
    recipe = load_recipe(options.recipe, options.data)
    split, runner = load_corpus(recipe.data).validation, open_runner(options.model)
    keyword = runner.spec.keywords[0]
    rule, step_s = runner.spec.decision_of(keyword), runner.spec.step_s
    heard = [to_float32(clip.samples) for clip in [*split.negatives, *split.noise]]
    recordings = {"validation negatives": heard}
    for folder in options.unseen:
        recordings[folder] = [read_audio(path) for path in find_recordings(Path(recipe.data.root) / folder)]
    words = {
        c: count_tracks(t, rule, THRESHOLDS, step_s)
        for c, t in word_tracks(runner, split, options.mixes, options.seed).items()
    }
    negatives = {n: count_tracks(negative_tracks(runner, r), rule, THRESHOLDS, step_s) for n, r in recordings.items()}
    print(f"{options.model}: {keyword!r}, {len(split.keywords[keyword])} recordings of speakers not trained on")
    own = int(np.argmin([abs(t - rule.threshold) for t in THRESHOLDS]))
    report("the model's own threshold", own, words, negatives)
    report(
        f"at most {options.fa_per_h:g} FA/h over all negatives",
        lowest_threshold(list(negatives.values()), options.fa_per_h),
        words,
        negatives,
    )


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
