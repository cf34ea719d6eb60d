"""What the silence gate saves, and what it costs: CPU, words missed and false accepts, with it and without it.

    python benchmarks/gate.py --data ../shared/data
    python benchmarks/gate.py --margin-db 3 --margin-db 6 --preroll-s 0.5

Words are the recipe's validation recordings, each after 6.5 s and before 3 s of other sound, so that the gate
sleeps when the word comes: digital silence, white noise, and recorded noise at several levels. A word is hit by a
detection from 0.6 s before its end to 1 s after it. Every hit that differs between the two runs is listed. Audio goes
through `SilenceGate` and `Detector` in blocks of 80 ms, as in the live program. CPU time is that of this process
over the same blocks with and without the gate in turn; the lowest of the rounds is given.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import FloatArray, read_audio, to_float32  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.mixing import PlacedWord, endless, place_word  # noqa: E402
from kws.evaluate.recordings import find_recordings  # noqa: E402
from kws.runtime import Detector  # noqa: E402
from kws.runtime.gate import SilenceGate  # noqa: E402
from kws.train.corpus import Split, load_corpus  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402

BLOCK_SAMPLES = 1280
BEFORE_SAMPLES = 5 * SAMPLE_RATE_HZ
AFTER_SAMPLES = 2 * SAMPLE_RATE_HZ
MakeGate = Callable[[], SilenceGate]


def events_s(detector: Detector, samples: FloatArray, gate: SilenceGate | None) -> list[float]:
    """Return the times of the detections in ``(N,)``, as the live loop finds them; and reset all."""
    origin_s, found = 0.0, []
    for start in range(0, len(samples), BLOCK_SAMPLES):
        block = samples[np.newaxis, start : start + BLOCK_SAMPLES]
        if gate is None:
            found += [event.time_s for event in detector.process(block)]
            continue
        for piece in gate.process(block):
            if piece.restart:
                detector.reset()
                origin_s = piece.start / SAMPLE_RATE_HZ
            found += [origin_s + event.time_s for event in detector.process(piece.samples)]
    found += [origin_s + event.time_s for event in detector.flush()]
    detector.reset()
    return found


def word_trials(split: Split, mixes: int, seed: int) -> dict[str, list[PlacedWord]]:
    """Put every held-out word into each surrounding."""
    words = [to_float32(clip.samples) for clips in split.keywords.values() for clip in clips]
    words = [np.pad(word, (BEFORE_SAMPLES, AFTER_SAMPLES)) for word in words]
    noise = [to_float32(clip.samples) for clip in split.noise]
    rng = np.random.default_rng(seed)
    white = [rng.standard_normal(60 * SAMPLE_RATE_HZ).astype(np.float32)]
    trials = {
        "digital silence": [place_word(word, (), 0.0, rng) for word in words],
        "white noise at -60 dBFS": [_over(place_word(word, (), 0.0, rng), white[0], -60.0) for word in words],
        "the same 20 dB quieter": [_over(place_word(word * 0.1, (), 0.0, rng), white[0], -80.0) for word in words],
    }
    for name, others in (("white noise", white), ("recorded noise", noise)):
        for level_db in (20.0, 10.0, 5.0, 0.0):
            trials[f"{name} {level_db:g} dB below"] = [
                place_word(word, others, level_db, rng) for word in words for _ in range(mixes)
            ]
    return trials


def _over(trial: PlacedWord, white: FloatArray, level_db: float) -> PlacedWord:
    noise = white[: len(trial.samples)] * np.float32(10 ** (level_db / 20))
    return PlacedWord(trial.samples + noise, trial.word_start, trial.word_end)


def compare_words(detector: Detector, make_gate: MakeGate, trials: dict[str, list[PlacedWord]]) -> None:
    """Print hits and false accepts of the trials with words, and each that differs."""
    print(f"  {'words in':28s} {'words':>5s} {'hit':>5s} {'gated':>6s}   false accepts / gated   share awake")
    for name, group in trials.items():
        hits, false, awake_samples = [0, 0], [0, 0], 0
        differing = []
        for index, trial in enumerate(group):
            open_s, gated_s = events_s(detector, trial.samples, None), events_s(detector, trial.samples, make_gate())
            is_hit = [any(map(trial.is_hit, found)) for found in (open_s, gated_s)]
            for which, found in enumerate((open_s, gated_s)):
                hits[which] += is_hit[which]
                false[which] += sum(not trial.is_hit(event) for event in found)
            if is_hit[0] != is_hit[1]:
                differing.append(f"{'gained' if is_hit[1] else 'lost'} {index}")
            awake_samples += heard_samples(make_gate(), trial.samples)
        share = awake_samples / sum(len(trial.samples) for trial in group)
        print(
            f"  {name:28s} {len(group):5d} {hits[0]:5d} {hits[1]:6d}   {false[0]:6d} / {false[1]:<6d} {share:16.2f}"
            f"   {', '.join(differing)}"
        )


def heard_samples(gate: SilenceGate, samples: FloatArray) -> int:
    """Return how many samples of ``(N,)`` the gate lets through."""
    return sum(piece.samples.shape[1] for piece in gate.process(samples[np.newaxis]))


def compare_negatives(detector: Detector, make_gate: MakeGate, recordings: dict[str, list[FloatArray]]) -> None:
    """Print false accepts on recordings without the word, joined as one stream."""
    for name, group in recordings.items():
        joined = np.concatenate(group)
        n_open, n_gated = (len(events_s(detector, joined, gate)) for gate in (None, make_gate()))
        share = heard_samples(make_gate(), joined) / len(joined)
        hours = len(joined) / SAMPLE_RATE_HZ / 3600
        print(f"  {name:28s} {hours:.2f} h: false accepts {n_open}, gated {n_gated}; share awake {share:.2f}")


def scenes(
    split: Split, speech: Sequence[FloatArray], minutes: float, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """Return audio as it is in a quiet room, in a household at work, and with somebody talking on."""
    n_samples = int(minutes * 60 * SAMPLE_RATE_HZ)
    words = [to_float32(clip.samples) for clips in split.keywords.values() for clip in clips]
    quiet = (10**-3 * rng.standard_normal(n_samples)).astype(np.float32)
    for start in range(20 * SAMPLE_RATE_HZ, n_samples - 10 * SAMPLE_RATE_HZ, 60 * SAMPLE_RATE_HZ):
        word = words[int(rng.integers(len(words)))]
        quiet[start : start + len(word)] += word
    noise = [to_float32(clip.samples) for clip in split.noise]
    return {
        "quiet room, a word a minute": quiet,
        "household noise": endless(noise, n_samples, rng),
        "read speech": endless(speech, n_samples, rng),
    }


def compare_cpu(detector: Detector, make_gate: MakeGate, audio: dict[str, FloatArray], rounds: int) -> None:
    """Print CPU-seconds an hour of audio with the gate and without it."""
    for name, samples in audio.items():
        hours = len(samples) / SAMPLE_RATE_HZ / 3600
        costs: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(rounds):
            for is_gated, times in costs.items():
                gate = make_gate() if is_gated else None
                start_s = time.process_time()
                events_s(detector, samples, gate)
                times.append((time.process_time() - start_s) / hours)
        open_s, gated_s = min(costs[False]), min(costs[True])
        share = heard_samples(make_gate(), samples) / len(samples)
        print(
            f"  {name:28s} {open_s:5.2f} CPU-s/h, gated {gated_s:5.2f} = {gated_s / open_s:.2f} times;"
            f" share awake {share:.2f}"
        )


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--margin-db", type=float, action="append", help="may be given several times")
    parser.add_argument("--hold-s", type=float)
    parser.add_argument("--preroll-s", type=float)
    parser.add_argument("--mixes", type=int, default=3, help="mixes of each recording and kind of noise")
    parser.add_argument("--minutes", type=float, default=5.0, help="length of each scene of the CPU measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


def main() -> None:
    """Print all comparisons for each margin."""
    options = parse()
    recipe = load_recipe(options.recipe, options.data)
    split, detector = load_corpus(recipe.data).validation, Detector.open(options.model)
    root = Path(recipe.data.root)
    speech = [read_audio(path) for path in find_recordings(root / "negative_speech")]
    heard = [to_float32(clip.samples) for clip in [*split.negatives, *split.noise]]
    telephone = [read_audio(path) for path in find_recordings(root / "wuw2")]
    trials = word_trials(split, options.mixes, options.seed)
    audio = scenes(split, speech, options.minutes, np.random.default_rng(options.seed))
    given = {"hold_s": options.hold_s, "preroll_s": options.preroll_s}
    given = {name: value for name, value in given.items() if value is not None}
    for margin_db in options.margin_db or [None]:
        settings = given | ({} if margin_db is None else {"margin_db": margin_db})
        print(f"\ngate: {settings or 'as by default'}")

        def make_gate(settings: dict[str, float] = settings) -> SilenceGate:
            return SilenceGate(1, **settings)

        compare_words(detector, make_gate, trials)
        compare_negatives(detector, make_gate, {"validation speech and noise": heard, "telephone speech": telephone})
        compare_cpu(detector, make_gate, audio, options.rounds)


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
