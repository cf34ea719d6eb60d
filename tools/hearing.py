"""What a model hears in a recording on one machine, and whether another machine hears the same.

    python tools/hearing.py take kws/assets/computer.onnx kws/assets/demo.flac here.json
    python tools/hearing.py compare here.json there.json

`take` writes events and scores, with the machine and the versions of the packages. `compare` prints both side by side;
it exits with 1 unless keywords and times are the same, and all scores within the tolerance, and with 2 if there is
nothing to compare. No PyTorch.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import platform
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import FloatArray, read_audio  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.files import replacing  # noqa: E402
from kws.runtime import Detector, Event  # noqa: E402

Hearing = dict[str, Any]

PACKAGES = ("numpy", "onnxruntime", "ai-edge-litert", "tflite-runtime", "soundfile", "soxr")
# 80 ms, as a microphone brings them.
BLOCK_SAMPLES = 1280
SCORE_TOLERANCE = 1e-3


class NothingToCompareError(KwsError):
    """Two hearings that say nothing about each other."""


def take(model: Path, recording: Path) -> Hearing:
    """Run a model over a recording in blocks of 80 ms.

    Returns
    -------
    dict
        ``machine``, ``packages``, what was heard by which model, ``events`` (keyword, time in s, score), ``scores``
        (one row a step, one column a keyword) and ``cpu_s``, loading of the model left out.
    """
    scores: list[list[float]] = []
    detector = Detector.open(model, on_scores=lambda block: scores.extend(block[0].tolist()))
    samples = read_audio(recording)
    events: list[Event] = []
    start_s = time.process_time()
    for start in range(0, len(samples), BLOCK_SAMPLES):
        events += detector.process(samples[start : start + BLOCK_SAMPLES])
    return {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "packages": versions(),
        "model": {"name": model.name, "sha256": _sha256(model)},
        "recording": {"name": recording.name, "sha256": _sha256(recording)},
        "audio_s": len(samples) / SAMPLE_RATE_HZ,
        "cpu_s": time.process_time() - start_s,
        "events": [[event.keyword, event.time_s, event.score] for event in events],
        "scores": scores,
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide what is heard; those that are not installed are left out."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def differences(here: Hearing, there: Hearing, tolerance: float = SCORE_TOLERANCE) -> list[str]:
    """Return one line for each way in which two hearings differ.

    Parameters
    ----------
    here, there : dict
        As `take` returns them.
    tolerance : float
        Largest difference of a score that is none.

    Raises
    ------
    NothingToCompareError
        If they are not of the same model and recording, or hold no events.
    """
    for part in ("model", "recording"):
        if here[part]["sha256"] != there[part]["sha256"]:
            raise NothingToCompareError(f"the {part} is not the same: {here[part]['name']}, {there[part]['name']}")
    if not here["events"]:
        raise NothingToCompareError("no event here; take a recording with keywords")
    # Counted, so that the same event told twice is a difference.
    heard, heard_there = (Counter((keyword, time_s) for keyword, time_s, _ in h["events"]) for h in (here, there))
    found = [f"not there: {keyword} at {time_s} s" for keyword, time_s in (heard - heard_there).elements()]
    found += [f"only there: {keyword} at {time_s} s" for keyword, time_s in (heard_there - heard).elements()]
    apart = largest_difference(here, there)
    # As it stands, not "apart > tolerance": NaN is a difference.
    if not apart <= tolerance:
        found.append(f"scores differ by {apart:.1e}; accepted is {tolerance:g}")
    return found


def largest_difference(here: Hearing, there: Hearing) -> float:
    """Return how far the scores are apart, those of the events among them; infinite if they are not as many."""
    scores, scores_there = (_all_scores(hearing) for hearing in (here, there))
    if scores.shape != scores_there.shape:
        return float("inf")
    return float(np.abs(scores - scores_there).max(initial=0.0))


def _all_scores(hearing: Hearing) -> FloatArray:
    of_events = [score for _, _, score in hearing["events"]]
    return np.concatenate([np.ravel(hearing["scores"]), of_events])


def show(hearing: Hearing) -> str:
    """Return a few lines about one hearing."""
    packages = ", ".join(f"{name} {version}" for name, version in hearing["packages"].items())
    lines = [f"{hearing['machine']}: Python {hearing['python']}, {packages}"]
    lines += [f"  {keyword} at {time_s:.2f} s, score {score:.6f}" for keyword, time_s, score in hearing["events"]]
    heard = f"{hearing['audio_s']:.1f} s of {hearing['recording']['name']} by {hearing['model']['name']}"
    lines.append(f"  {hearing['cpu_s']:.2f} CPU seconds for {heard}")
    return "\n".join(lines)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _compare(args: argparse.Namespace) -> int:
    here, there = (json.loads(path.read_text(encoding="utf-8")) for path in (args.here, args.there))
    print(show(here), show(there), sep="\n")
    found = differences(here, there, args.tolerance)
    for line in found:
        print(f"DIFFERENT: {line}")
    if not found:
        apart = f"{largest_difference(here, there):.1e} (accepted {args.tolerance:g})"
        print(f"same: {len(here['events'])} events; {len(here['scores'])} scores, at most {apart} apart")
    return 1 if found else 0


def _take(args: argparse.Namespace) -> int:
    hearing = take(args.model, args.recording)
    with replacing(args.out) as temporary:
        temporary.write_text(json.dumps(hearing), encoding="utf-8")
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    taking = commands.add_parser("take", help="write what a model hears in a recording")
    taking.add_argument("model", type=Path)
    taking.add_argument("recording", type=Path)
    taking.add_argument("out", type=Path, help="JSON file")
    taking.set_defaults(run=_take)
    comparing = commands.add_parser("compare", help="exit with 1 unless two machines heard the same")
    comparing.add_argument("here", type=Path)
    comparing.add_argument("there", type=Path)
    comparing.add_argument("--tolerance", type=float, default=SCORE_TOLERANCE, help="of scores (default %(default)g)")
    comparing.set_defaults(run=_compare)
    args = parser.parse_args()
    try:
        return args.run(args)
    except (KwsError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
