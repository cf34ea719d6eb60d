"""What a model fires at just after a reset that it would not have fired at otherwise, and what prevents it.

    python benchmarks/after_reset.py --data ../shared/data
    python benchmarks/after_reset.py --cuts 2000 --seed 3

A recording is cut at drawn places, and the model starts from reset at each cut. An event in the first second is
spurious if a run over the whole recording has none within 0.3 s of it, and a repeat if that run had it before the
cut. Negatives are cut anywhere, words (the recipe's validation recordings, as they are and with noise 10 dB
below) somewhere within the word. What a rule costs is counted on whole words: cuts 0 to 0.3 s before the word.

Rules: nothing; a fade-in of the audio; events in the first w seconds dropped, or scores in them taken as zero.
All cuts of a kind go through the chain of the live program as the channels of one stream.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import FloatArray, read_audio, to_float32  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.decision import Decider, step_time_s  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.mixing import PlacedWord, place_word  # noqa: E402
from kws.evaluate.recordings import find_recordings  # noqa: E402
from kws.evaluate.scoring import score_recording  # noqa: E402
from kws.runtime import Runner, open_runner  # noqa: E402
from kws.train.corpus import Split, load_corpus  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402

BATCH = 64
SAME_EVENT_S = 0.3
FIRST_S = 1.0
WORD_S = 3.0


@dataclass(frozen=True)
class Rule:
    """What to do after a reset: fade in over `fade_s`; for `wait_s` drop events, or take scores as zero."""

    name: str
    fade_s: float = 0.0
    wait_s: float = 0.0
    zeroes: bool = False


RULES = (
    Rule("nothing"),
    Rule("fade-in 10 ms", fade_s=0.01),
    Rule("fade-in 20 ms", fade_s=0.02),
    *(Rule(f"drop events {w:g} s", wait_s=w) for w in (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)),
    *(Rule(f"zero scores {w:g} s", wait_s=w, zeroes=True) for w in (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)),
)


@dataclass(frozen=True, eq=False)
class Stream:
    """A recording with the times of the events of an uninterrupted run over it."""

    samples: FloatArray
    events_s: tuple[float, ...]


@dataclass(frozen=True)
class Cut:
    """Sample at which a stream is cut; a word that begins after it, if there is one."""

    stream: Stream
    start: int
    trial: PlacedWord | None = None


class Bench:
    """A model, and its decision under each rule."""

    def __init__(self, runner: Runner, threshold: float | None) -> None:
        self.runner = runner
        config = runner.spec.decision_of(runner.spec.keywords[0])
        self._config = config if threshold is None else dataclasses.replace(config, threshold=threshold)
        self._step_s = runner.spec.step_s

    def stream(self, samples: FloatArray) -> Stream:
        """Run over a recording without interruption."""
        return Stream(samples, tuple(self._events_s(score_recording(self.runner, samples)[0, :, 0], Rule("nothing"))))

    def after(self, cuts: Sequence[Cut], seconds: float) -> dict[Rule, list[list[float]]]:
        """Return for each rule the times, from the cut, of each cut's events."""
        n_samples = round(seconds * SAMPLE_RATE_HZ)
        scores = {fade_s: self._scores(cuts, n_samples, fade_s) for fade_s in {rule.fade_s for rule in RULES}}
        return {rule: [self._events_s(track, rule) for track in scores[rule.fade_s]] for rule in RULES}

    def _scores(self, cuts: Sequence[Cut], n_samples: int, fade_s: float) -> FloatArray:
        ramp = np.ones(n_samples, np.float32)
        n_ramp = round(fade_s * SAMPLE_RATE_HZ)
        ramp[:n_ramp] = np.arange(n_ramp) / max(1, n_ramp)
        found = []
        for first in range(0, len(cuts), BATCH):
            rows = np.zeros((BATCH, n_samples), np.float32)
            for row, cut in zip(rows, cuts[first : first + BATCH], strict=False):
                audio = cut.stream.samples[cut.start : cut.start + n_samples]
                row[: len(audio)] = audio
            found.append(score_recording(self.runner, rows * ramp)[:, :, 0])
        return np.concatenate(found)[: len(cuts)]

    def _events_s(self, scores: FloatArray, rule: Rule) -> list[float]:
        n_wait = round(rule.wait_s / self._step_s)
        heard = np.concatenate([np.zeros(n_wait), scores[n_wait:]]) if rule.zeroes else scores
        steps = Decider(self._config, self._step_s).run(heard.tolist())
        return [step_time_s(step, self._step_s) for step, _ in steps if step >= n_wait]


def count_spurious(cuts: Sequence[Cut], found: Sequence[list[float]]) -> tuple[int, int]:
    """Return spurious events and repeats in the first second after the cuts."""
    n_spurious = n_repeats = 0
    for cut, events_s in zip(cuts, found, strict=True):
        cut_s = cut.start / SAMPLE_RATE_HZ
        for event_s in events_s:
            near = [e for e in cut.stream.events_s if abs(e - cut_s - event_s) <= SAME_EVENT_S]
            n_spurious += event_s <= FIRST_S and not near
            n_repeats += event_s <= FIRST_S and bool(near) and max(near) <= cut_s
    return n_spurious, n_repeats


def count_hits(cuts: Sequence[Cut], found: Sequence[list[float]]) -> int:
    """Return how many of the words after the cuts were found."""
    n_hits = 0
    for cut, events_s in zip(cuts, found, strict=True):
        assert cut.trial is not None
        n_hits += any(cut.trial.is_hit(event_s + cut.start / SAMPLE_RATE_HZ) for event_s in events_s)
    return n_hits


def cut_anywhere(streams: Sequence[Stream], n: int, rng: np.random.Generator) -> list[Cut]:
    """Draw cuts, each sample as likely as any other, that leave a second."""
    ends = np.cumsum([max(0, len(stream.samples) - SAMPLE_RATE_HZ) for stream in streams])
    places = np.sort(rng.integers(ends[-1], size=n))
    which = np.searchsorted(ends, places, side="right")
    begins = np.concatenate([[0], ends])
    return [Cut(streams[i], int(place - begins[i])) for i, place in zip(which, places, strict=True)]


def cut_words(
    streams: Sequence[tuple[Stream, PlacedWord]], n: int, is_whole: bool, rng: np.random.Generator
) -> list[Cut]:
    """Draw cuts up to 0.3 s before a word, or within it."""
    cuts = []
    for index in range(n):
        stream, trial = streams[index % len(streams)]
        low, high = trial.word_start - round(0.3 * SAMPLE_RATE_HZ), trial.word_start
        if not is_whole:
            low, high = trial.word_start + round(0.05 * SAMPLE_RATE_HZ), trial.word_end
        cuts.append(Cut(stream, int(rng.integers(low, high)), trial))
    return cuts


def word_streams(bench: Bench, split: Split, rng: np.random.Generator) -> list[tuple[Stream, PlacedWord]]:
    """Put each held-out word into silence, and over noise."""
    words = [to_float32(clip.samples) for clips in split.keywords.values() for clip in clips]
    noise = [to_float32(clip.samples) for clip in split.noise]
    trials = [place_word(word, others, 10.0, rng) for word in words for others in ((), noise, noise)]
    return [(bench.stream(trial.samples), trial) for trial in trials]


def report(bench: Bench, groups: dict[str, list[Cut]], whole: Sequence[Cut]) -> None:
    """Print spurious events and repeats of each group, and whole words found, for every rule."""
    found = {name: bench.after(cuts, FIRST_S) for name, cuts in groups.items()}
    words = bench.after(whole, WORD_S)
    uninterrupted = sum(cut.trial is not None and any(map(cut.trial.is_hit, cut.stream.events_s)) for cut in whole)
    print("cuts: " + "; ".join(f"{name} {len(cuts)}" for name, cuts in groups.items()))
    print(f"whole words: {len(whole)}, found by the uninterrupted run {uninterrupted}")
    print(f"{'':20s} " + " ".join(f"{name:>18s}" for name in groups) + f" {'whole words found':>18s}")
    for rule in RULES:
        cells = []
        for name, cuts in groups.items():
            n_spurious, n_repeats = count_spurious(cuts, found[name][rule])
            cells.append(f"{n_spurious} + {n_repeats} repeats")
        print(f"{rule.name:20s} " + " ".join(f"{c:>18s}" for c in [*cells, str(count_hits(whole, words[rule]))]))


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--threshold", type=float, help="instead of the model's own; a low one shows more")
    parser.add_argument("--cuts", type=int, default=4000, help="cuts of each kind")
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


def main() -> None:
    """Print what each rule prevents and costs."""
    options = parse()
    recipe = load_recipe(options.recipe, options.data)
    split, bench = load_corpus(recipe.data).validation, Bench(open_runner(options.model), options.threshold)
    rng = np.random.default_rng(options.seed)
    root = Path(recipe.data.root)
    recordings = {
        "read speech": [read_audio(path) for path in find_recordings(root / "negative_speech")],
        "telephone speech": [read_audio(path) for path in find_recordings(root / "wuw2")],
        "words and noise": [to_float32(clip.samples) for clip in [*split.negatives, *split.noise]],
    }
    groups = {
        # Joined, as short recordings leave no second after most cuts.
        name: cut_anywhere([bench.stream(np.concatenate(group))], options.cuts, rng)
        for name, group in recordings.items()
    }
    words = word_streams(bench, split, rng)
    groups["within the word"] = cut_words(words, options.cuts, False, rng)
    report(bench, groups, cut_words(words, options.cuts, True, rng))


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
