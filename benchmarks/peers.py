"""This toolkit beside other keyword spotters, in one run: what each costs, and what each misses.

    pip install -e '.[onnx]' 'pvporcupine==1.9.5' pymicro-wakeword
    python benchmarks/peers.py --positives DATA/wake_words/computer --positives-split val \\
        --noise DATA/noise/esc10 --noise-split fold3 --speech DATA/negative_speech

Cost: CPU-seconds an hour of audio and peak memory, each engine in its own process with one thread, engines
taking turns, the median of the rounds. Misses: each recording once alone, once with noise and once with other
speech 10 dB below the word; false accepts: detections in the other speech itself. Both sides of a comparison
hear the very same samples. What is missing is one line on stderr and exit code 2.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.engines import ENGINES, MicroWakeWord, Ours, Porcupine  # noqa: E402
from kws.audio import FloatArray, read_audio, to_pcm16  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.intervals import wilson_interval  # noqa: E402
from kws.evaluate.mixing import PlacedWord, endless, place_word  # noqa: E402
from kws.evaluate.recordings import find_recordings  # noqa: E402


class WorkerError(Exception):
    """An engine could not run; the message is one line."""


def run_engine(name: str, job: dict[str, Any]) -> dict[str, Any]:
    """Run one job of one engine in a fresh process with one thread."""
    one_thread = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    finished = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "engines.py")],
        input=json.dumps({**job, "engine": name}),
        capture_output=True,
        text=True,
        env={**os.environ, **one_thread},
    )
    if finished.returncode != 0:
        lines = finished.stderr.strip().splitlines() or [f"ended with code {finished.returncode}"]
        raise WorkerError(f"{name}: {lines[-1]}")
    result: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return result


def write_pcm(path: Path, parts: Sequence[FloatArray]) -> list[tuple[int, int]]:
    """Write the parts one after the other as PCM; return the span of each in samples."""
    ends = np.cumsum([len(part) for part in parts]).tolist()
    with path.open("wb") as file:
        for part in parts:
            file.write(to_pcm16(part).tobytes())
    return list(zip([0, *ends[:-1]], ends, strict=True))


def measure_cost(names: Sequence[str], job: dict[str, Any], rounds: int) -> dict[str, dict[str, Any]]:
    """Run the engines in turns; return each one's median cost, peak memory and detections."""
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            results[name].append(run_engine(name, job))
    return {
        name: {
            "cpu_s_per_hour": statistics.median(3600 * run["cpu_s"] / run["audio_s"] for run in runs),
            "cpu_s_per_hour_all": [3600 * run["cpu_s"] / run["audio_s"] for run in runs],
            "peak_rss_mb": max(run["peak_rss_mb"] for run in runs),
        }
        for name, runs in results.items()
    }


def count_misses(
    trials: Sequence[PlacedWord], events_s: Sequence[Sequence[float]], n_recordings: int
) -> dict[str, Any]:
    """Count the trials without a detection in the word's window, and the detections outside of it.

    Several trials of one recording are not independent, so the interval is that of `n_recordings`.
    """
    missed = sum(not any(map(trial.is_hit, events)) for trial, events in zip(trials, events_s, strict=True))
    stray = sum(not trial.is_hit(event) for trial, events in zip(trials, events_s, strict=True) for event in events)
    rate = missed / len(trials)
    low, high = wilson_interval(rate * n_recordings, n_recordings)
    return {"missed": missed, "trials": len(trials), "rate": rate, "low": low, "high": high, "stray": stray}


def contenders(options: argparse.Namespace) -> list[tuple[str, str, dict[str, Any]]]:
    """List what is compared on misses: label, engine, its settings."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    if Ours.name in options.engines:
        found.append((Ours.name, Ours.name, {"model": str(options.model)}))
    if Porcupine.name in options.engines:
        for sensitivity in options.sensitivity:
            settings = {"keyword": options.keyword, "sensitivity": sensitivity}
            found.append((f"{Porcupine.name} @ {sensitivity:g}", Porcupine.name, settings))
    return found


def read_all(paths: Sequence[Path]) -> list[FloatArray]:
    """Read recordings as 16 kHz mono."""
    return [read_audio(path) for path in paths]


def measure_misses(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Measure misses in each condition and false accepts in the other speech, for each contender."""
    rng = np.random.default_rng(options.seed)
    positives = read_all(find_recordings(options.positives, options.positives_split))
    others: dict[str, list[FloatArray]] = {"clean": []}
    if options.noise:
        others["noise"] = read_all(find_recordings(options.noise, options.noise_split))
    if options.speech:
        others["speech"] = read_all(find_recordings(options.speech, options.speech_split))
    results: dict[str, dict[str, Any]] = {label: {} for label, _, _ in contenders(options)}
    for condition, sounds in others.items():
        n_mixes = options.mixes if sounds else 1
        trials = [place_word(clip, sounds, options.level_db, rng) for clip in positives for _ in range(n_mixes)]
        pcm = folder / f"{condition}.pcm"
        spans = write_pcm(pcm, [trial.samples for trial in trials])
        for label, name, settings in contenders(options):
            events_s = run_engine(name, {"pcm": str(pcm), "spans": spans, **settings})["events_s"]
            results[label][condition] = count_misses(trials, events_s, len(positives))
    if "speech" in others:
        pcm = folder / "negatives.pcm"
        spans = write_pcm(pcm, [np.concatenate(others["speech"])])
        for label, name, settings in contenders(options):
            found = run_engine(name, {"pcm": str(pcm), "spans": spans, **settings})
            results[label]["false_accepts"] = {"count": len(found["events_s"][0]), "hours": found["audio_s"] / 3600}
    return results


def cost_audio(options: argparse.Namespace) -> FloatArray:
    """Return the audio that cost is measured on: speech if there is some, else noise, else the recordings."""
    for folder, split in (
        (options.speech, options.speech_split),
        (options.noise, options.noise_split),
        (options.positives, options.positives_split),
    ):
        if folder:
            sounds = read_all(find_recordings(folder, split))
            return endless(sounds, round(options.cost_s * SAMPLE_RATE_HZ), np.random.default_rng(options.seed))
    raise KwsError("nothing to listen to; give --speech, --noise or --positives")


def print_cost(costs: dict[str, dict[str, Any]], audio_s: float, rounds: int) -> None:
    """Print the cost table."""
    print(f"\nCost: {audio_s:.0f} s of audio, one thread, median of {rounds}; all Python overhead included")
    print(f"  {'engine':<20}{'CPU-s per hour':>15}{'of porcupine':>14}{'peak RSS MB':>13}   all rounds")
    base = costs.get(Porcupine.name, {}).get("cpu_s_per_hour")
    for name, cost in costs.items():
        share = f"{cost['cpu_s_per_hour'] / base:.2f}" if base else "-"
        rounds_text = " ".join(f"{value:.2f}" for value in cost["cpu_s_per_hour_all"])
        print(f"  {name:<20}{cost['cpu_s_per_hour']:>15.2f}{share:>14}{cost['peak_rss_mb']:>13.1f}   {rounds_text}")


def print_misses(misses: dict[str, dict[str, Any]], level_db: float) -> None:
    """Print the table of misses and false accepts."""
    print(f"\nMisses, Wilson 95 % intervals; noise and speech {level_db:g} dB below the word (active level)")
    titles = {"clean": "clean", "noise": "with noise", "speech": "with other speech"}
    for label, conditions in misses.items():
        print(f"  {label}")
        for condition, title in titles.items():
            if condition not in conditions:
                continue
            count = conditions[condition]
            share = f"{count['missed']} of {count['trials']} = {100 * count['rate']:.1f} %"
            interval = f"({100 * count['low']:.1f} to {100 * count['high']:.1f})"
            print(f"    {title:<20}{share:<22}{interval:<18}{count['stray']} detections outside the word")
        if "false_accepts" in conditions:
            accepts = conditions["false_accepts"]
            print(f"    {'false accepts':<20}{accepts['count']} in {accepts['hours']:.2f} h of the other speech alone")


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", nargs="+", default=list(ENGINES), choices=list(ENGINES), metavar="NAME")
    parser.add_argument("--model", type=Path, default=ROOT / "kws" / "assets" / "computer.onnx")
    parser.add_argument("--keyword", default="computer", help="keyword of the model and of porcupine")
    parser.add_argument("--sensitivity", type=float, nargs="+", default=[0.5, 1.0], help="porcupine's, 0 to 1")
    for name, what in (("positives", "recordings of the keyword"), ("noise", "noise"), ("speech", "other speech")):
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER", help=f"folder of {what}")
        parser.add_argument(f"--{name}-split", metavar="NAME", help="only this split of the manifest.csv above it")
    parser.add_argument("--level-db", type=float, default=10.0, help="word over noise or speech")
    parser.add_argument("--mixes", type=int, default=1, help="noisy trials a recording")
    parser.add_argument("--cost-s", type=float, default=1800.0, help="seconds of audio for the cost; 0: no cost")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there too")
    return parser.parse_args(arguments)


def check(options: argparse.Namespace) -> None:
    """Raise unless each engine that was asked for can run here, before anything is measured."""
    if Ours.name in options.engines and not options.model.is_file():
        raise KwsError(f"{options.model}: no such model; give --model FILE or leave {Ours.name} out of --engines")
    if min(options.mixes, options.rounds) < 1:
        raise KwsError("--mixes and --rounds must be at least 1")
    for name in options.engines:
        job = {"pcm": os.devnull, "spans": [], "model": str(options.model), "keyword": options.keyword}
        run_engine(name, {**job, "sensitivity": options.sensitivity[0]})


def compare(options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything that was asked for and print it."""
    check(options)
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} cores")
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.cost_s > 0:
            pcm = folder / "cost.pcm"
            spans = write_pcm(pcm, [cost_audio(options)])
            job = {"pcm": str(pcm), "spans": spans, "model": str(options.model), "keyword": options.keyword}
            report["cost"] = measure_cost(
                options.engines, {**job, "sensitivity": options.sensitivity[0]}, options.rounds
            )
            print_cost(report["cost"], options.cost_s, options.rounds)
        if options.positives and set(options.engines) - {MicroWakeWord.name}:
            report["misses"] = measure_misses(options, folder)
            print_misses(report["misses"], options.level_db)
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the comparison; 2 and one line on stderr for what a user can mend."""
    options = parse(arguments)
    try:
        report = compare(options)
        if options.json:
            options.json.write_text(json.dumps(report, indent=2) + "\n")
    except (KwsError, WorkerError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
