"""How a recipe does on each voice of its word when that voice was not among those it learned from.

    python benchmarks/unheard_voices.py --data ../shared/data --out runs/voices
    python benchmarks/unheard_voices.py --data ../shared/data --out runs/voices --folds 3 --steps 1000 --seeds 1

One split of a handful of speakers judges a recipe by one voice or two. Here all speakers of the word are shared out
into folds; for each fold ``train.py`` learns from the other folds, whatever side the manifest puts them on, and is
judged on the voices of that fold as the ablation judges. Other speech and noise stay on their sides. A recording that
is there in several copies counts once. The intervals draw whole voices again (bootstrap): forty takes of one voice are
one witness. Runs are gone on with where they stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.ablation import (  # noqa: E402
    ONE_FALSE_ACCEPT,
    figures,
    keyword_of,
    load_trials,
    run_training,
)
from data_tools.check.likeness import find_copies  # noqa: E402
from kws.errors import DataError, KwsError  # noqa: E402
from kws.evaluate.bootstrap import BootstrapInterval, bootstrap_ratio  # noqa: E402
from kws.evaluate.evaluation import Evaluation, evaluate  # noqa: E402
from kws.evaluate.results import NEGATIVES  # noqa: E402
from kws.manifest import MANIFEST, Manifest, speaker_of, write_manifest  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402


def share_out(sizes: Mapping[str, int], n_folds: int) -> list[list[str]]:
    """Return the voices of each fold; the largest first, each into the fold that has the fewest recordings."""
    folds: list[list[str]] = [[] for _ in range(n_folds)]
    for voice in sorted(sizes, key=lambda name: (-sizes[name], name)):
        min(folds, key=lambda fold: sum(sizes[name] for name in fold)).append(voice)
    return folds


@dataclass(frozen=True)
class Bench:
    """What all runs share.

    Parameters
    ----------
    manifest : Manifest
        Of the recipe.
    places : tuple of str
        Folders of its word.
    folds : list of list of str
        Voices that are judged together.
    copies : frozenset of str
        Paths of recordings that are copies of others.
    """

    options: argparse.Namespace
    manifest: Manifest
    places: tuple[str, ...]
    folds: list[list[str]]
    copies: frozenset[str]

    def folder(self, fold: int, seed: int) -> Path:
        """Return the folder of a run."""
        return self.options.out / f"fold-{fold + 1}-{seed}"

    def prepare(self, fold: int, seed: int) -> Path:
        """Write the recipe of a run and its manifest, on whose validation side are the voices of the fold."""
        folder = self.folder(fold, seed)
        folder.mkdir(parents=True, exist_ok=True)
        data = load_recipe(self.options.recipe, self.options.data).data
        sides = {True: data.validation_splits[0], False: "train"}
        rows = [
            {**row, "split": sides[speaker_of(row) in self.folds[fold]]} if is_below(row["path"], self.places) else row
            for row in self.manifest.rows
        ]
        write_manifest(folder / MANIFEST, rows)
        lines = [f'extends = "{self.options.recipe.resolve()}"', f"seed = {seed}", "[data]"]
        lines += [f'root = "{Path(data.root).resolve()}"', f'manifest = "{(folder / MANIFEST).resolve()}"']
        lines += ["[training]", "workers = 1", *([f"steps = {self.options.steps}"] if self.options.steps else [])]
        (folder / "recipe.toml").write_text("\n".join(lines) + "\n", encoding="utf8")
        return folder / "recipe.toml"

    def train(self, fold: int, seed: int) -> None:
        """Train a run to its end."""
        folder = self.folder(fold, seed)
        if any(folder.glob("*.onnx")):
            return
        self.prepare(fold, seed)
        run_training(folder)

    def judge(self, fold: int, seed: int) -> dict[str, dict]:
        """Return the figures of each voice of a fold, from their file if they are there."""
        folder = self.folder(fold, seed)
        place = folder / "result.json"
        if not place.is_file():
            trials = load_trials(folder / "recipe.toml", None, self.options.unseen)
            trials = [t for t in trials if t.condition == NEGATIVES or not self.copies.intersection(t.sources)]
            heard = evaluate(next(folder.glob("*.onnx")), trials)[0]
            place.write_text(json.dumps({voice: figures(of_voice(heard, voice)) for voice in self.folds[fold]}))
        result: dict[str, dict] = json.loads(place.read_text())
        return result


def open_bench(options: argparse.Namespace) -> Bench:
    """Find the voices of a recipe's word and share them out.

    Raises
    ------
    DataError
        If the recipe names no manifest, or its word has fewer voices than there are folds.
    """
    data = load_recipe(options.recipe, options.data).data
    if data.manifest is None:
        raise DataError(f"{options.recipe}: names no manifest; accepted is one that says who speaks each recording")
    manifest = Manifest(Path(data.root) / data.manifest)
    places = data.keywords[keyword_of(options.recipe)]
    words = [row for row in manifest.rows if is_below(row["path"], places) and speaker_of(row)]
    copies = frozenset(find_copies({row["path"]: manifest.place / row["path"] for row in words}))
    sizes = Counter(speaker_of(row) for row in words if row["path"] not in copies)
    if len(sizes) < options.folds:
        raise DataError(f"{len(sizes)} voices in {', '.join(places)}; accepted are --folds up to that, and 2 or more")
    return Bench(options, manifest, tuple(places), share_out(sizes, options.folds), copies)


def is_below(path: str, places: Sequence[str]) -> bool:
    """Return whether a path lies in one of some folders."""
    return path.startswith(tuple(f"{place}/" for place in places))


def of_voice(heard: Evaluation, voice: str) -> Evaluation:
    """Return what one voice came to, beside all negatives."""
    kept = [s for s in heard.scored if s.trial.condition == NEGATIVES or s.trial.speaker == voice]
    return dataclasses.replace(heard, scored=kept)


def interval(runs: Mapping[str, Sequence[dict]], condition: str) -> BootstrapInterval:
    """Return the share that all voices together miss, with the interval over voices."""
    voices = [voice for voice, results in runs.items() for _ in results]
    results = [result for each in runs.values() for result in each]
    missed = [result["missed"][condition][ONE_FALSE_ACCEPT] for result in results]
    words = [result["words"][condition] for result in results]
    return bootstrap_ratio(missed, words, voices, np.random.default_rng(1), "speaker")


def table(runs: Mapping[str, Sequence[dict]]) -> Iterator[str]:
    """Yield the lines of the table, in Markdown: a voice a line, then all of them."""
    conditions = list(next(iter(runs.values()))[0]["missed"])
    yield f"| voice | recordings | {' | '.join(conditions)} |"
    yield "|---|---|" + "---|" * len(conditions)
    for voice, results in sorted(runs.items()):
        cells = []
        for condition in conditions:
            missed = sum(result["missed"][condition][ONE_FALSE_ACCEPT] for result in results)
            words = sum(result["words"][condition] for result in results)
            cells.append(f"{missed}/{words} = {100 * missed / words:.0f} %")
        yield f"| {voice} | {results[0]['words'][conditions[0]]} | {' | '.join(cells)} |"
    found = [interval(runs, condition) for condition in conditions]
    cells = [f"{100 * f.estimate:.1f} % [{100 * f.low:.1f}, {100 * f.high:.1f}]" for f in found]
    recordings = sum(results[0]["words"][conditions[0]] for results in runs.values())
    yield f"| all {len(runs)}, 95 % over voices | {recordings} | {' | '.join(cells)} |"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--unseen", nargs="*", type=Path, default=[Path("wuw2")], help="negatives that nobody chose on")
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seeds", nargs="*", type=int, default=[3])
    parser.add_argument("--steps", type=int, help="instead of the recipe's")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    return parser.parse_args(arguments)


def main() -> None:
    """Train what is not trained, judge what is not judged, and print the table."""
    options = parse()
    bench = open_bench(options)
    jobs = [(fold, seed) for seed in options.seeds for fold in range(options.folds)]
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(lambda job: bench.train(*job), jobs))
    runs: dict[str, list[dict]] = {}
    for job in jobs:
        for voice, result in bench.judge(*job).items():
            runs.setdefault(voice, []).append(result)
    first = next(iter(runs.values()))[0]
    print(f"{options.folds} folds; misses at one false accept of each network in {first['hours']:.2f} h\n")
    print("\n".join(table(runs)))


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
