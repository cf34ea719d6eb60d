"""What closing the loop is worth: mine the training side, train with what was found, and judge both models alike.

    python benchmarks/mining_loop.py --data ../shared/data --out runs/mining-loop
    python benchmarks/mining_loop.py --data ../shared/data --out runs/mining-loop --before runs/computer/computer.onnx

1. ``before``: the recipe as it is, trained by ``train.py --profile low`` (or ``--before``: a model that is there).
2. ``mine``: that model (or ``--miner``, such as the bundled one) hears the negatives and the noise of the training
   side, those files and no others, as ``kws mine`` does; what scores ``--floor`` or more is kept.
3. ``after``: the same recipe and seed, with the clips as further negatives, drawn ``--weight`` times as often.
4. Both are judged on the validation speakers (as recorded; noise and other speech 10 dB below; in simulated rooms) and
   on all negatives that neither has heard: the recipe's validation side and the folders of ``--unseen``. Misses are
   counted at the thresholds with 0, 1, 2 and 4 false accepts in all of those, and both at their own threshold.

Runs are gone on with where they stopped, and what is done is not done again.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.ablation import (  # noqa: E402
    BUDGETS,
    figures,
    keyword_of,
    load_trials,
    run_training,
)
from kws.errors import KwsError  # noqa: E402
from kws.evaluate.evaluation import evaluate  # noqa: E402
from kws.evaluate.mining import MiningSettings, mine_files  # noqa: E402
from kws.evaluate.results import NEGATIVES, Trial  # noqa: E402
from kws.evaluate.subject import outcomes  # noqa: E402
from kws.manifest import MANIFEST, Manifest, write_manifest  # noqa: E402
from kws.train.corpus import load_corpus  # noqa: E402
from kws.train.recipe import Recipe, load_recipe  # noqa: E402


def training_files(recipe: Recipe) -> list[Path]:
    """Return the files of negatives and noise that are on the training side of a recipe."""
    found = load_corpus(recipe.data, sides=("train",)).train
    names = {clip.path for clip in [*found.negatives, *found.noise]}
    return sorted(Path(recipe.data.root) / name for name in names)


def mine(model: Path, recipe: Recipe, out: Path, floor: float, jobs: int) -> dict[str, int]:
    """Mine the training side; every clip is put on it, as its recording is. Return the clips of each kind."""
    settings = MiningSettings.of(model, keywords=recipe.keywords[:1], floor=floor)
    mine_files(training_files(recipe), out, settings, jobs)
    rows = Manifest(out / MANIFEST).rows
    write_manifest(out / MANIFEST, [{**row, "split": "train"} for row in rows])
    kinds = [row["path"].partition("/")[0] for row in rows]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def write_recipe(path: Path, options: argparse.Namespace, mined: Path | None) -> None:
    """Write a recipe that extends the given one, with mined clips or without."""
    recipe = load_recipe(options.recipe, options.data)
    head = f'extends = "{options.recipe.resolve()}"\nseed = {options.seed}\n'
    data = f'[data]\nroot = "{Path(recipe.data.root).resolve()}"\n'
    training = f"[training]\nsteps = {options.steps}\nworkers = 1\n"
    cache = f'[training.cache]\nstreams = {options.pool_streams}\nfolder = "{(options.out / "pools").resolve()}"\n'
    if mined is not None:
        place = str(mined.resolve())
        data += f"negatives = {json.dumps([*recipe.data.negatives, place])}\n"
        # A table of the recipe is replaced whole.
        data += "[data.weights]\n" + "".join(
            f"{json.dumps(folder)} = {weight}\n"
            for folder, weight in {**recipe.data.weights, place: options.weight}.items()
        )
    path.write_text(head + data + training + cache, encoding="utf8")


def train(folder: Path, options: argparse.Namespace, mined: Path | None) -> Path:
    """Train a run to its end, or go on with it, and return its model."""
    folder.mkdir(parents=True, exist_ok=True)
    done = sorted(folder.glob("*.onnx"))
    if done:
        return done[0]
    write_recipe(folder / "recipe.toml", options, mined)
    run_training(folder, "--profile", "low")
    return next(folder.glob("*.onnx"))


def judge(model: Path, trials: list[Trial], place: Path) -> dict[str, object]:
    """Return the figures of a model, from their file if they are there."""
    if not place.is_file():
        evaluation = evaluate(model, trials)[0]
        own = {}
        for outcome in outcomes(evaluation.subject):
            missed, words, false_accepts = own.get(outcome.trial.condition, (0, 0, 0))
            counts = outcome.counts
            own[outcome.trial.condition] = (
                missed + counts.n_misses,
                words + counts.n_misses + counts.n_hits,
                false_accepts + counts.n_false_accepts,
            )
        threshold = evaluation.spec.decision_of(evaluation.keyword).threshold
        place.write_text(json.dumps({**figures(evaluation), "own": own, "threshold": threshold}, indent=1))
    result: dict[str, object] = json.loads(place.read_text())
    return result


def table(found: dict[str, dict]) -> Iterator[str]:
    """Yield the table's lines, in Markdown: a column a model."""
    first = next(iter(found.values()))
    yield f"| | {' | '.join(found)} |"
    yield "|---|" + "---|" * len(found)
    own = {name: one["own"] for name, one in found.items()}
    yield "| threshold of its own | " + " | ".join(f"{one['threshold']:.3f}" for one in found.values()) + " |"
    for condition, words in first["words"].items():
        cells = [f"{own[name][condition][0]} of {words}" for name in found]
        yield f"| missed at it, {condition} | {' | '.join(cells)} |"
    cells = [f"{own[name][NEGATIVES][2]} in {one['hours']:.2f} h" for name, one in found.items()]
    yield f"| false accepts at it | {' | '.join(cells)} |"
    for index, budget in enumerate(BUDGETS):
        for condition, words in first["words"].items():
            cells = [f"{one['missed'][condition][index]} of {words}" for one in found.values()]
            yield f"| missed at {budget} false accepts in {first['hours']:.2f} h, {condition} | {' | '.join(cells)} |"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--out", type=Path, required=True, help="folder of both runs")
    parser.add_argument("--before", type=Path, help="a model of this recipe, instead of training one")
    parser.add_argument("--miner", type=Path, help="the model that mines; by default the one before")
    parser.add_argument("--unseen", nargs="*", type=Path, default=[Path("wuw2")], help="negatives that nobody chose on")
    parser.add_argument("--floor", type=float, default=0.1)
    parser.add_argument("--weight", type=float, default=3.0, help="how much more often mined clips are drawn")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pool-streams", type=int, default=16_384)
    parser.add_argument("--jobs", type=int, default=2, help="processes that mine")
    return parser.parse_args(arguments)


def main() -> None:
    """Do what is not done yet, and print the table."""
    options = parse()
    recipe = load_recipe(options.recipe, options.data)
    before = options.before or train(options.out / "before", options, None)
    mined = options.out / "mined"
    kinds = mine(options.miner or before, recipe, mined, options.floor, options.jobs)
    if not kinds:
        raise KwsError(f"nothing scores {options.floor:g} or more; accepted is a lower --floor")
    print(f"{options.steps} steps; mined: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}", flush=True)
    after = train(options.out / "after", options, mined)
    trials = load_trials(options.recipe, options.data, options.unseen)
    found = {
        name: judge(model, trials, options.out / f"{name}.json")
        for name, model in (("before", before), ("after", after))
    }
    print(f"keyword {keyword_of(options.recipe)}\n")
    print("\n".join(table(found)))


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
