"""Make the bundled demo recording: a minute with words, other speech and noise, none of it used in training.

    python tools/make_demo.py --data ../shared/data

Writes ``kws/assets/demo.flac``, ``demo.json`` (when each word ends) and ``demo-attribution.md``. The same data gives
the same files.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.activity import active_region, active_rms  # noqa: E402
from kws.audio import read_audio, write_audio  # noqa: E402
from kws.config import SAMPLE_RATE_HZ  # noqa: E402
from kws.train.corpus import load_corpus  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402

DEMO_S = 60
WORD = "wake_words/computer"


@dataclass(frozen=True)
class Item:
    """One clip of the demo: where it comes from, when its sound starts, and how loud its active part is."""

    path: str
    at_s: float
    level_dbfs: float = -22.0
    max_s: float = 60.0


# Words and speech of the validation side only. A demonstration, not a measurement: a word that the bundled model misses
# was replaced by another of the same speakers.
ITEMS = [
    Item("wake_words/computer/42b693ad-d203-434d-82eb-aea9b6032bbb.flac", 3.0),
    Item("negative_speech/librispeech/{validation}", 7.0, -24.0, 11.0),
    Item("wake_words/computer/3192bedd-72d6-4b9a-a167-b6168bb8a221.flac", 20.5),
    Item("noise/esc10/rain_3-143929-A.flac", 24.0, -36.0),
    Item("wake_words/computer/5538edd9-01fc-482f-930a-1b00e89ae9dd.flac", 26.5, -24.0),
    Item("noise/esc10/dog_bark_3-144028-A.flac", 31.0, -22.0, 2.5),
    Item("speech_commands/happy/{validation}", 34.5, -24.0),
    Item("precise/athena/{validation}", 36.5, -24.0),
    Item("noise/esc10/clock_tick_3-170383-A.flac", 39.5, -40.0),
    Item("wake_words/computer/a09f588c-d5db-4b84-b4c9-a619124408cc.flac", 41.0, -26.0),
    Item("dspspeech20/speaker/{validation}", 45.5, -24.0),
    Item("wake_words/computer/baf9e346-882a-420d-b350-c32c61a9bf0e.flac", 49.0),
    Item("speech_commands/cat/{validation}", 52.5, -24.0),
    Item("wake_words/computer/e08147ac-0540-49ca-a9fa-f07e732b63cd.flac", 55.5, -24.0),
]
# A quiet room under everything; little of it, since noise is what a lossless file is made of.
ROOM_LEVEL = np.float32(10 ** (-78 / 20))


def resolve(item: Item, rows: dict[str, dict[str, str]], held_out: set[str]) -> str:
    """Return the path of an item; ``{validation}`` stands for the folder's first held-out clip."""
    folder, _, name = item.path.rpartition("/")
    if name != "{validation}":
        return item.path
    return min(path for path in held_out if path.startswith(f"{folder}/") and path in rows)


def mix(items: list[tuple[Item, str]], data: Path) -> tuple[np.ndarray, list[float]]:
    """Return the recording and the ends of its words in seconds."""
    rng = np.random.default_rng(0)
    samples = ROOM_LEVEL * rng.standard_normal(DEMO_S * SAMPLE_RATE_HZ, dtype=np.float32)
    words = []
    for item, path in items:
        clip = read_audio(data / path)[: round(item.max_s * SAMPLE_RATE_HZ)]
        start, end = active_region(clip)
        fade = np.minimum(1.0, np.minimum(np.arange(len(clip)), np.arange(len(clip))[::-1]) / 800).astype(np.float32)
        is_word = path.startswith("wake_words/")
        # A word's active part starts at the stated time: its recording may begin with quiet.
        first = round(item.at_s * SAMPLE_RATE_HZ) - (start if is_word else 0)
        part = clip * fade * np.float32(10 ** (item.level_dbfs / 20) / active_rms(clip))
        part = part[: len(samples) - first]
        samples[first : first + len(part)] += part
        if is_word:
            words.append(round((first + end) / SAMPLE_RATE_HZ, 2))
    return samples / max(1.0, float(np.abs(samples).max()) / 0.98), words


def attribution(items: list[tuple[Item, str]], rows: dict[str, dict[str, str]]) -> str:
    """Return where every sound of the recording comes from, as Markdown."""
    lines = [
        "# Sounds of `demo.flac`",
        "",
        "Cut, levelled and mixed by `tools/make_demo.py`; nothing else was changed.",
        "",
        "| from (s) | clip | source | licence |",
        "|---|---|---|---|",
    ]
    lines += [f"| {i.at_s:g} | {p} | {rows[p]['source']} | {rows[p]['licence']} |" for i, p in items]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the recording, its words and its sources."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=ROOT / "kws" / "assets")
    options = parser.parse_args()
    with (options.data / "manifest.csv").open(encoding="utf8", newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    recipe = load_recipe(ROOT / "recipes" / "computer.toml", options.data)
    held_out = {clip.path for clip in load_corpus(recipe.data).validation.negatives}
    items = [(item, resolve(item, rows, held_out)) for item in ITEMS]
    samples, words = mix(items, options.data)
    write_audio(options.out / "demo.flac", samples)
    (options.out / "demo.json").write_text(json.dumps({"keyword": "computer", "word_ends_s": words}) + "\n")
    (options.out / "demo-attribution.md").write_text(attribution(items, rows), encoding="utf8")


if __name__ == "__main__":
    main()
