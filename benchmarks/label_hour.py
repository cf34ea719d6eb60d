"""One hour of audio labelled on the page of ``kws label``: how many keys and clicks, and how long a person takes.

    python benchmarks/label_hour.py --data ../shared/data
    python benchmarks/label_hour.py --data ../shared/data --floor 0.1 --words 40 --screenshot docs/images/label.png

The hour is of recordings without the word (read and telephone speech, single words, noise, in a drawn order), with
recordings of the word from speakers that the model was not trained on at drawn places in it. ``kws label`` opens it
with the bundled model's proposals. A browser goes through them by keys as a person would who is always right: a
proposal that overlaps with a word is accepted, any other is rejected; then the file is marked as complete. Counted are
the keys; the seconds of a person are, for each proposal, the seconds of it that the page plays, ``--decide-s`` to
decide and ``--key-s`` for the key, and what the page itself took to show it, which is measured. What the proposals
missed is counted too: without it, a quick review means little.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.activity import active_region  # noqa: E402
from kws.audio import FloatArray, read_audio, write_audio  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.recordings import find_recordings  # noqa: E402
from kws.manifest import Manifest  # noqa: E402
from tests.browser import LabelPage, browser, label_server, wait_for  # noqa: E402

NEGATIVES = ("negative_speech", "wuw2", "speech_commands", "noise")
WORDS = "wake_words/computer"
WORD = "computer"
# As the page plays a region: with a little before and after it.
CONTEXT_S = 0.15
WAIT_S = 600.0


@dataclass
class Review:
    """What going through the hour took."""

    n_proposals: int
    n_accepted: int
    n_keys: int
    heard_s: float
    page_s: float


def make_hour(data: Path, hours: float, n_words: int, seed: int) -> tuple[FloatArray, list[tuple[float, float]]]:
    """Return audio ``(N,)`` and where in it the words are, in seconds."""
    rng = np.random.default_rng(seed)
    words = find_recordings(data / WORDS, "val")
    words = [words[i] for i in rng.permutation(len(words))[:n_words]]
    others = _without_the_word(data)
    rng.shuffle(others)  # type: ignore[arg-type]
    left = round(hours * 3600 * SAMPLE_RATE_HZ) - sum(len(read_audio(path)) for path in words)
    parts: list[tuple[FloatArray, bool]] = []
    for path in others:
        if left <= 0:
            break
        parts.append((read_audio(path)[:left], False))
        left -= len(parts[-1][0])
    for path in words:
        parts.insert(int(rng.integers(len(parts) + 1)), (read_audio(path), True))
    spans, at = [], 0
    for samples, is_word in parts:
        if is_word:
            start, end = active_region(samples)
            spans.append(((at + start) / SAMPLE_RATE_HZ, (at + end) / SAMPLE_RATE_HZ))
        at += len(samples)
    return np.concatenate([samples for samples, _ in parts]), spans


def _without_the_word(data: Path) -> list[Path]:
    manifest = Manifest.above(data)
    found = [path for name in NEGATIVES for path in find_recordings(data / name)]
    if manifest is None:
        return found
    return [path for path in found if WORD not in manifest.row(path).get("transcript", "").lower()]


def review(page: LabelPage, spans: list[tuple[float, float]]) -> Review:
    """Decide on every proposal by one key, and mark the file as complete."""
    proposals = page.js("document.querySelectorAll('#regions li[data-state=proposed]').length")
    found = Review(proposals, 0, 0, 0.0, 0.0)
    while (region := selected(page)) is not None:
        start_s, end_s = region["start_s"], region["end_s"]
        is_word = any(start_s < span[1] and span[0] < end_s for span in spans)
        found.heard_s += end_s - start_s + 2 * CONTEXT_S
        found.n_accepted += is_word
        begun_s = time.perf_counter()
        page.press("a" if is_word else "x")
        found.n_keys += 1
        wait_for(lambda region=region: is_next(page, region["id"]), "the next proposal", WAIT_S)  # type: ignore[misc]
        found.page_s += time.perf_counter() - begun_s
    page.press("d")
    found.n_keys += 1
    page.saved()
    return found


def selected(page: LabelPage) -> dict | None:
    """Return the proposal that waits for a key, None after the last one."""
    waiting = page.js(
        "(() => { const row = document.querySelector('#regions li[aria-current=true]');"
        " return row && row.dataset.state === 'proposed' ? row.dataset.id : null; })()"
    )
    return None if waiting is None else page.regions[waiting]


def is_next(page: LabelPage, previous: str) -> bool:
    """Return whether another proposal is drawn and ready to be heard, or none is left."""
    shown: bool = page.js(
        "document.body.dataset.view === 'ready' && (!document.querySelector('#regions li[data-state=proposed]')"
        " || document.querySelector('#regions li[aria-current=true]')?.dataset.id !== arguments[0])",
        previous,
    )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--words", type=int, default=20)
    parser.add_argument("--floor", type=float, default=0.2)
    parser.add_argument("--decide-s", type=float, default=0.8)
    parser.add_argument("--key-s", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--screenshot", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="label-hour-") as place:
        audio = Path(place) / "hour.flac"
        samples, spans = make_hour(asked.data, asked.hours, asked.words, asked.seed)
        write_audio(audio, samples)
        labels = audio.with_name("hour.labels.json")
        arguments = (audio, "--model", ROOT / "kws" / "assets" / "computer.onnx", "--floor", asked.floor)
        begun_s = time.perf_counter()
        with label_server(*arguments) as address, browser() as driver:
            driver.get(address)
            wait_for(labels.exists, "the proposals", WAIT_S)
            page = LabelPage(driver, wait_s=WAIT_S)
            ready_s = time.perf_counter() - begun_s
            page.regions = {region["id"]: region for region in json.loads(labels.read_text())["regions"]}
            if asked.screenshot is not None:
                driver.save_screenshot(str(asked.screenshot))
            found = review(page, spans)
            tell(found, json.loads(labels.read_text()), spans, asked, len(samples) / SAMPLE_RATE_HZ, ready_s)


def tell(
    found: Review,
    labels: dict,
    spans: list[tuple[float, float]],
    asked: argparse.Namespace,
    audio_s: float,
    ready_s: float,
) -> None:
    """Print the figures, from what is on disk at the end."""
    states = [region["state"] for region in labels["regions"]]
    assert states.count("proposed") == 0 and labels["complete"], "something was left undecided"
    accepted = [region for region in labels["regions"] if region["state"] == "accepted"]
    covered = sum(any(r["start_s"] < end_s and start_s < r["end_s"] for r in accepted) for start_s, end_s in spans)
    human_s = found.heard_s + found.n_proposals * asked.decide_s + found.n_keys * asked.key_s
    print(f"{audio_s / 60:.1f} minutes with {len(spans)} words; floor {asked.floor:g}")
    print(f"page ready after {ready_s:.0f} s (reading, listening, starting the browser)")
    print(f"{found.n_proposals} proposals, {found.n_accepted} accepted; {covered} of {len(spans)} words proposed")
    print(f"{found.n_keys} keys, 0 clicks; {found.heard_s:.0f} s of proposals heard")
    print(f"the page took {found.page_s:.0f} s, {1000 * found.page_s / max(1, found.n_proposals):.0f} ms a proposal")
    pace = f"{asked.decide_s:g} s to decide and {asked.key_s:g} s a key"
    print(f"a person, hearing each once, with {pace}: {human_s:.0f} s")
    print(f"with the page's own time {human_s + found.page_s:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
