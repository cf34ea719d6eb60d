"""What speech synthesis is worth, and what each recording by people adds to it: one table and one plot.

    kws speak computer --out spoken/computer
    python benchmarks/spoken_curve.py --data ../shared/data --spoken spoken/computer --out runs/curve

The first model is made of nothing but what a computer spoke, with made noise: what somebody has who has no recordings.
The second hears other people's speech and noise as well (those of the recipe), the others a number of takes of the
word too, evenly from its training speakers; the last of them as many without a single spoken clip. Each is trained by
``train.py`` and judged as the ablation judges: on the validation speakers of the recipe and all negatives that no
training has heard. Runs are gone on with where they stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

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
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.evaluation import evaluate  # noqa: E402
from kws.evaluate.intervals import wilson_interval  # noqa: E402
from kws.manifest import Manifest, write_manifest  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402


@dataclass(frozen=True)
class Point:
    """One model of the curve: how many takes by people, and what else it learns from."""

    name: str
    title: str
    n_takes: int = 0
    is_spoken: bool = True
    has_others: bool = True


def points(takes: Sequence[int]) -> list[Point]:
    """Return the models of the table in order."""
    return [
        Point("nothing", "spoken alone, made noise", has_others=False),
        *(Point(f"takes-{n}", f"spoken and {n} takes" if n else "spoken, others' speech and noise", n) for n in takes),
        Point("people", f"{max(takes)} takes, nothing spoken", max(takes), is_spoken=False),
    ]


def choose_takes(clips: dict[str, list[Path]], count: int) -> list[tuple[str, Path]]:
    """Return so many recordings, one of each speaker in turn."""
    queues = {speaker: list(paths) for speaker, paths in sorted(clips.items())}
    chosen: list[tuple[str, Path]] = []
    while len(chosen) < count and any(queues.values()):
        chosen += [(speaker, paths.pop(0)) for speaker, paths in queues.items() if paths]
    return chosen[:count]


@dataclass(frozen=True)
class Curve:
    """What all runs share."""

    recipe: Path
    data: Path | None
    spoken: Path
    out: Path
    steps: int

    def train(self, point: Point) -> None:
        """Train a model to its end."""
        folder = self.out / point.name
        if (folder / "result.json").is_file() or any(folder.glob("*.onnx")):
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.toml").write_text(self._recipe(point), encoding="utf8")
        run_training(folder)

    def _recipe(self, point: Point) -> str:
        keyword = keyword_of(self.recipe)
        takes = json.dumps([str(self._takes(point.n_takes))] if point.n_takes else [])
        lines = [f'extends = "{self.recipe.resolve()}"', "[data]"]
        lines += [f'root = "{Path(load_recipe(self.recipe, self.data).data.root).resolve()}"']
        lines += [] if point.has_others else ["negatives = []", "noise = []", "rirs = []", "weights = {}"]
        lines += ["[data.keywords]", f"{json.dumps(keyword)} = {takes}", "[data.spoken]"]
        lines += [f"{json.dumps(keyword)} = {json.dumps(str(self.spoken.resolve()))}"] if point.is_spoken else []
        lines += ["[training]", f"steps = {self.steps}", "workers = 1"]
        return "\n".join(lines) + "\n"

    def _takes(self, count: int) -> Path:
        """Copy takes of the training speakers into a folder of their own, with a manifest that knows who speaks."""
        folder = (self.out / f"{count} takes").resolve()
        if not folder.is_dir():
            data = load_recipe(self.recipe, self.data).data
            manifest = Manifest(Path(data.root) / (data.manifest or "manifest.csv"))
            place = next(iter(data.keywords.values()))[0]
            rows = [r for r in manifest.rows if r["path"].startswith(f"{place}/") and r["split"] == "train"]
            copies = find_copies({row["path"]: manifest.place / row["path"] for row in rows})
            by_speaker: dict[str, list[Path]] = defaultdict(list)
            for row in rows:
                if row["path"] not in copies:
                    by_speaker[row["speaker"]].append(manifest.place / row["path"])
            taken = []
            folder.mkdir(parents=True)
            for speaker, path in choose_takes(by_speaker, count):
                shutil.copyfile(path, folder / path.name)
                # One speaker judges the epochs; with so few, a hash could leave that side empty.
                side = "val" if speaker == min(by_speaker) else "train"
                taken.append({"path": path.name, "speaker": speaker, "split": side})
            write_manifest(folder / "manifest.csv", taken)
        return folder


def row_of(point: Point, result: dict) -> str:
    """Return a line of the table: misses at one false accept in all negatives, with intervals."""
    cells = []
    for condition, missed in result["missed"].items():
        count, words = missed[ONE_FALSE_ACCEPT], result["words"][condition]
        low, high = wilson_interval(count, words)
        cells.append(f"{count}/{words} = {100 * count / words:.0f} % [{100 * low:.0f}, {100 * high:.0f}]")
    return f"| {point.title} | {' | '.join(cells)} | {100 * result['cost']:.0f} |"


def draw(path: Path, found: dict[str, dict], takes: Sequence[int]) -> None:
    """Draw misses over the number of takes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    first = next(iter(found.values()))
    for condition in first["missed"]:
        results = [found[f"takes-{n}"] for n in takes]
        shares = [100 * r["missed"][condition][ONE_FALSE_ACCEPT] / r["words"][condition] for r in results]
        spans = [wilson_interval(r["missed"][condition][ONE_FALSE_ACCEPT], r["words"][condition]) for r in results]
        bars = [[s - 100 * low, 100 * high - s] for s, (low, high) in zip(shares, spans, strict=True)]
        axes.errorbar(range(len(takes)), shares, list(zip(*bars, strict=True)), marker="o", capsize=3, label=condition)
    axes.set_xticks(range(len(takes)), [str(n) for n in takes])
    axes.set_xlabel("takes by people, besides 300 spoken ones")
    axes.set_ylabel(f"missed, % at one false accept in {first['hours']:.2f} h")
    axes.set_ylim(0, 100)
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--spoken", type=Path, required=True, help="folder that kws speak made for the recipe's word")
    parser.add_argument("--unseen", nargs="*", type=Path, default=[Path("wuw2")], help="negatives that nobody chose on")
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--takes", nargs="*", type=int, default=[0, 10, 30, 100])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    parser.add_argument("--plot", type=Path, help="picture of the curve")
    return parser.parse_args(arguments)


def main() -> None:
    """Train what is not trained, judge what is not judged, and print the table."""
    options = parse()
    curve = Curve(options.recipe, options.data, options.spoken, options.out, options.steps)
    wanted = points(options.takes)
    with ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(curve.train, wanted))
    trials = None
    found: dict[str, dict] = {}
    for point in wanted:
        place = options.out / point.name / "result.json"
        if not place.is_file():
            trials = trials or load_trials(options.recipe, options.data, options.unseen)
            place.write_text(json.dumps(figures(evaluate(next(place.parent.glob("*.onnx")), trials)[0]), indent=1))
        found[point.name] = json.loads(place.read_text())
    first = next(iter(found.values()))
    print(f"{options.steps} steps; negatives {first['hours']:.2f} h; misses at one false accept in them, 95 %\n")
    print(f"| learned from | {' | '.join(first['missed'])} | cost, % |\n|---|{'---|' * len(first['missed'])}---|")
    for point in wanted:
        print(row_of(point, found[point.name]))
    if options.plot is not None:
        draw(options.plot, found, options.takes)


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
