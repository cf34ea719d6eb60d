"""What each part of the default recipe is worth: it is changed alone, over several seeds, and all is trained anew.

    python benchmarks/ablation.py --data ../shared/data --out runs/ablation
    python benchmarks/ablation.py --out runs/ablation --only default no-rooms --seeds 1 2 3 --steps 3000 --jobs 2

Each run is the real command: ``train.py`` with a recipe that extends the given one. It is judged on the recipe's
validation speakers (as recorded; noise and other speech 10 dB below; in simulated rooms) and on all negatives that
training has not heard: the recipe's validation side and the folders of ``--unseen``. Its cost is the mean share of
missed words over these conditions, at thresholds with 0, 1, 2 and 4 false accepts in all of those negatives: a single
threshold at so few hours is decided by one false accept. Intervals are Student's over the seeds, 95 %; the difference
to the default pairs seeds.

Runs are gone on with where they stopped, and what is judged already is not judged again: the table may be printed at
any time. ``mined`` and ``taught`` learn from the default runs, which come first.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import t as student

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from kws.audio import write_audio  # noqa: E402
from kws.cli.eval_material import Sources  # noqa: E402
from kws.errors import KwsError  # noqa: E402
from kws.evaluate import Track, count_tracks, default_thresholds  # noqa: E402
from kws.evaluate.evaluation import Evaluation, evaluate  # noqa: E402
from kws.evaluate.mining import hard_negatives  # noqa: E402
from kws.evaluate.operating_point import lowest_within  # noqa: E402
from kws.evaluate.results import NEGATIVES, Trial  # noqa: E402
from kws.evaluate.trials import TrialSettings, make_trials  # noqa: E402
from kws.train.recipe import load_recipe  # noqa: E402
from kws.train.recipe_file import read_recipe  # noqa: E402

BUDGETS = (0, 1, 2, 4)
ONE_FALSE_ACCEPT = BUDGETS.index(1)
"""Where the figures at one false accept in all negatives are, which tables show."""
SNR_DB = 10.0
ROOMS = 24
DEFAULT = "default"


@dataclass(frozen=True)
class Variant:
    """One change of the recipe: what it is in words, as lines of TOML by table, and whether it takes ``--spoken``."""

    title: str
    settings: dict[str, str] = field(default_factory=dict)
    needs_spoken: bool = False


VARIANTS = {
    DEFAULT: Variant("the default recipe"),
    "spoken": Variant("with what a computer spoke as negatives", {"[data]": "spoken_share = 0.0"}, needs_spoken=True),
    "spoken-words": Variant("and it speaks three of ten keywords", {"[data]": "spoken_share = 0.3"}, needs_spoken=True),
    "with-copies": Variant("copies of keyword recordings are kept", {"[data]": "keep_copies = true"}),
    "frame-labels": Variant("classic frame labels instead of max-pooling", {"[training.loss]": "warm_up_share = 1.0"}),
    "no-hard-examples": Variant(
        "no weight on the hardest regions",
        {"[training.loss]": "hardest_weight = 0.0\nbatch_hardest_weight = 0.0"},
    ),
    "hardest-of-batch": Variant(
        "half of that weight on the hardest regions of the whole batch",
        {"[training.loss]": "hardest_weight = 0.4\nbatch_hardest_weight = 0.4"},
    ),
    "no-made-negatives": Variant(
        "no half words, near words and pseudo-words",
        {"[material]": "half_words = 0.0\nnear_words = 0.0\nspliced_words = 0.0"},
    ),
    "no-background-speech": Variant("no talker under the words", {"[synthesis]": "speech_probability = 0.0"}),
    "no-rooms": Variant("no rooms", {"[augment.reverb]": "probability = 0.0"}),
    "no-pass-band": Variant("no pass bands", {"[augment.pass_band]": "probability = 0.0"}),
    "more-pass-bands": Variant("pass bands for every second clip", {"[augment.pass_band]": "probability = 0.5"}),
    "telephone": Variant("every third stream on a telephone line", {"[augment.telephone]": "probability = 0.3"}),
    "more-talkers": Variant(
        "a talker in 85 % of the streams, 0 to 16 dB below the words",
        {"[synthesis]": "speech_probability = 0.85\nspeech_snr_db = [0.0, 16.0]"},
    ),
    "half-size": Variant(
        "crnn with 36 161 parameters",
        {"[model.settings]": "n_filters = 8\nn_patterns = 12\nn_projected = 48\nn_hidden = 48"},
    ),
    "tempo": Variant("tempo changed at the same pitch", {"[augment.tempo]": "probability = 0.5"}),
    "elastic": Variant("features bent", {"[augment.elastic]": "probability = 0.5"}),
    "wider-voices": Variant(
        "vocal tracts up to a sixth longer and shorter",
        {"[augment.band_warp]": "probability = 0.8\nminimum = 0.85\nmaximum = 1.18"},
    ),
    "pcen": Variant("PCEN instead of log-mel", {"[front_end]": 'compression = "pcen"'}),
    "crnn": Variant("crnn of the same size", {"[model]": 'preset = "crnn"'}),
    "ds-tcn": Variant("ds_tcn of the same size", {"[model]": 'preset = "compact_tcn"'}),
    "conv-gru": Variant("conv_gru of the same size", {"[model]": 'preset = "compact"'}),
    "bc-resnet": Variant("bc_resnet of the same size", {"[model]": 'preset = "bc"'}),
    "twice-as-long": Variant("twice as many steps"),
    "mined": Variant("with its own false accepts as negatives"),
    "taught": Variant("taught by the default runs of all seeds"),
}


@dataclass(frozen=True)
class Bench:
    """What all runs share."""

    recipe: Path
    data: Path | None
    out: Path
    steps: int
    batch_size: int
    seeds: tuple[int, ...]
    pool_streams: int
    spoken: Path | None
    trials: Callable[[], list[Trial]]

    def folder(self, name: str, seed: int) -> Path:
        """Return the folder of a run."""
        return self.out / f"{name}-{seed}"

    def train(self, name: str, seed: int) -> None:
        """Train a run to its end."""
        folder = self.folder(name, seed)
        if (folder / "result.json").is_file():
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.toml").write_text(self._recipe(name, seed), encoding="utf8")
        run_training(folder)

    def judge(self, name: str, seed: int) -> dict[str, object]:
        """Return the figures of a run, from its file if they are there."""
        folder = self.folder(name, seed)
        place = folder / "result.json"
        if not place.is_file():
            model = next(folder.glob("*.onnx"))
            place.write_text(json.dumps(figures(evaluate(model, self.trials())[0]), indent=1))
        result: dict[str, object] = json.loads(place.read_text())
        return result

    def _recipe(self, name: str, seed: int) -> str:
        root = Path(load_recipe(self.recipe, self.data).data.root).resolve()
        steps = 2 * self.steps if name == "twice-as-long" else self.steps
        lines = {"": f'extends = "{self.recipe.resolve()}"\nseed = {seed}', "[data]": f'root = "{root}"'}
        lines["[training]"] = f"steps = {steps}\nbatch_size = {self.batch_size}\nworkers = 1"
        if self.pool_streams:
            pools = (self.out / "pools").resolve()
            lines["[training.cache]"] = f'streams = {self.pool_streams}\nfolder = "{pools}"'
        if name == "mined":
            folders = [*read_recipe(self.recipe)["data"]["negatives"], str(self._mined(seed).resolve())]
            lines["[data]"] += f"\nnegatives = {json.dumps(folders)}"
        if VARIANTS[name].needs_spoken and self.spoken is not None:
            lines["[data.spoken]"] = f'"{keyword_of(self.recipe)}" = "{self.spoken.resolve()}"'
        if name == "taught":
            teachers = [str((self.folder(DEFAULT, s) / "best.pt").resolve()) for s in self.seeds]
            lines["[training.distillation]"] = f"teachers = {json.dumps(teachers)}"
        for table, text in VARIANTS[name].settings.items():
            lines[table] = "\n".join(filter(None, [lines.get(table), text]))
        return "".join(f"{head}\n{body}\n" for head, body in lines.items())

    def _mined(self, seed: int) -> Path:
        """Write what the default run of a seed takes for the word in the training negatives."""
        folder = self.folder(DEFAULT, seed) / "mined"
        if not folder.is_dir():
            model = next(self.folder(DEFAULT, seed).glob("*.onnx"))
            material = Sources(self.recipe, self.data).load("train", (keyword_of(self.recipe),), lambda _: None)
            negatives = [r for recordings in material.negatives.values() for r in recordings]
            folder.mkdir()
            for index, item in enumerate(hard_negatives(model, negatives, keyword_of(self.recipe), 0.05, 500)):
                write_audio(folder / f"{index:03d}.flac", item.samples)
        return folder


def run_training(folder: Path, *options: str) -> None:
    """Train ``recipe.toml`` of a folder to its end, or go on with it; what it says is in ``log.txt``."""
    command = [sys.executable, str(ROOT / "train.py"), str(folder / "recipe.toml"), "--out", str(folder), *options]
    command += ["--resume"] if (folder / "last.pt").is_file() else []
    with (folder / "log.txt").open("a") as log:
        subprocess.run(command, stdout=log, stderr=log, check=True)


def keyword_of(recipe: Path) -> str:
    """Return the keyword of a recipe."""
    return load_recipe(recipe).keywords[0]


def load_trials(recipe: Path, data: Path | None, unseen: Sequence[Path]) -> list[Trial]:
    """Make the trials on which every run is judged."""
    material = Sources(recipe, data, negatives=tuple(unseen), kinds=("noise", "speech", "rooms")).load(
        "val", (keyword_of(recipe),), lambda _: None
    )
    return make_trials(material, TrialSettings((SNR_DB,), (SNR_DB,), ROOMS, 5))


def figures(evaluation: Evaluation) -> dict[str, object]:
    """Return misses of each condition at each number of false accepts, and the cost."""
    rule, step_s = evaluation.spec.decision_of(evaluation.keyword), evaluation.spec.step_s
    thresholds = default_thresholds()

    def count(condition: str) -> list[tuple[int, int, int]]:
        tracks = [Track(s.scores, s.trial.word_ends_s) for s in evaluation.scored if s.trial.condition == condition]
        counts = count_tracks(tracks, rule, thresholds, step_s, evaluation.window)
        return [(c.n_misses, c.n_words, c.n_false_accepts) for c in counts]

    false_accepts = [c[2] for c in count(NEGATIVES)]
    points = [min(lowest_within(false_accepts, budget), len(thresholds) - 1) for budget in BUDGETS]
    found = {condition: count(condition) for condition in evaluation.conditions}
    return {
        "hours": evaluation.negatives.hours,
        "parameters": evaluation.spec.training["parameters"],
        "thresholds": [thresholds[i] for i in points],
        "missed": {condition: [counts[i][0] for i in points] for condition, counts in found.items()},
        "words": {condition: counts[0][1] for condition, counts in found.items()},
        "cost": float(np.mean([counts[i][0] / counts[i][1] for counts in found.values() for i in points])),
    }


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean, and half the width of its 95 % interval by Student's distribution; NaN of fewer than two."""
    n = len(values)
    if n < 2:
        return float(np.mean(values)), math.nan
    half = float(student.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return float(np.mean(values)), half


def table(results: dict[str, dict[int, dict]]) -> Iterator[str]:
    """Yield the table's lines, in Markdown."""
    base = results.get(DEFAULT, {})
    conditions = list(next(iter(next(iter(results.values())).values()))["missed"])
    yield f"| recipe | seeds | cost, % | against the default | {' | '.join(conditions)} |"
    yield "|---|---|---|---|" + "---|" * len(conditions)
    for name, runs in results.items():
        mean, half = interval([100 * run["cost"] for run in runs.values()])
        both = [seed for seed in runs if seed in base]
        change, spread = interval([100 * (runs[s]["cost"] - base[s]["cost"]) for s in both]) if both else (0, math.nan)
        against = "" if name == DEFAULT else f"{change:+.1f} ± {spread:.1f}"
        shares = []
        for condition in conditions:
            missed = sum(run["missed"][condition][ONE_FALSE_ACCEPT] for run in runs.values())
            shares.append(f"{missed}/{sum(run['words'][condition] for run in runs.values())}")
        title = VARIANTS[name].title
        yield f"| {title} | {len(runs)} | {mean:.1f} ± {half:.1f} | {against} | {' | '.join(shares)} |"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "computer.toml")
    parser.add_argument("--data", type=Path, help="folder of the audio, instead of the recipe's data.root")
    parser.add_argument("--unseen", nargs="*", type=Path, default=[Path("wuw2")], help="negatives that nobody chose on")
    parser.add_argument("--out", type=Path, required=True, help="folder of all runs")
    parser.add_argument("--only", nargs="*", choices=VARIANTS, default=list(VARIANTS), metavar="NAME")
    parser.add_argument("--seeds", nargs="*", type=int, default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=64, help="streams a step")
    parser.add_argument(
        "--pool-streams", type=int, default=0, help="draw from a pool of so many streams; 0: fresh ones"
    )
    parser.add_argument("--spoken", type=Path, help="folder that kws speak made for the word, for the variants with it")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time")
    return parser.parse_args(arguments)


def main() -> None:
    """Train what is not trained, judge what is not judged, and print the table."""
    options = parse()
    loaded: list[Trial] = []

    def trials() -> list[Trial]:
        if not loaded:
            loaded.extend(load_trials(options.recipe, options.data, options.unseen))
        return loaded

    seeds = tuple(options.seeds)
    bench = Bench(
        *(options.recipe, options.data, options.out),
        *(options.steps, options.batch_size, seeds, options.pool_streams, options.spoken, trials),
    )
    wanted = [name for name in VARIANTS if name in {*options.only, DEFAULT}]
    wanted = [name for name in wanted if options.spoken is not None or not VARIANTS[name].needs_spoken]
    with ThreadPoolExecutor(options.jobs) as pool:
        for names in ([DEFAULT], [name for name in wanted if name != DEFAULT]):
            list(pool.map(lambda job: bench.train(*job), [(n, s) for n in names for s in options.seeds]))
    results = {name: {seed: bench.judge(name, seed) for seed in options.seeds} for name in wanted}
    first = next(iter(results[DEFAULT].values()))
    print(f"{options.steps} steps; negatives {first['hours']:.2f} h; misses at one false accept in them\n")
    print("\n".join(table(results)))


if __name__ == "__main__":
    try:
        main()
    except KwsError as error:
        sys.exit(f"error: {error}")
