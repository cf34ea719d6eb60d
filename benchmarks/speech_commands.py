"""A detector that is a classifier too: ways to train it, on the same batches.

    python benchmarks/speech_commands.py --out /tmp/classes [--recipe recipes/speech-commands-subset.toml] \\
        [--data ../shared/data] [--steps 3000] [--pool 20480] [--ways recipe default-loss class-loss]

``recipe`` is the recipe as it is; ``default-loss`` has the loss settings of a detector of one word; ``class-loss`` adds
the cross-entropy between the outputs' peaks in the window of each word. Each starts from the same weights. Printed is
what ``kws classify`` measures on the test side, and how many clips only one of two ways tells right (sign test).
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from export import Trained, export_model  # noqa: E402
from kws.cli.streams import make_streams_of  # noqa: E402
from kws.evaluate.class_report import (  # noqa: E402
    ClassReport,
    confusion_of,
    find_silence_level,
    keyword_counts,
)
from kws.evaluate.classification import LabelledClip, classify, peak_scores  # noqa: E402
from kws.evaluate.compare import sign_test  # noqa: E402
from kws.evaluate.word_streams import WordStream, count_words, word_streams  # noqa: E402
from kws.runtime import Detector, open_runner  # noqa: E402
from kws.train.batches import Batch  # noqa: E402
from kws.train.class_clips import labelled_clips  # noqa: E402
from kws.train.corpus import Corpus, load_corpus  # noqa: E402
from kws.train.learner import Learner  # noqa: E402
from kws.train.official_split import SIDES  # noqa: E402
from kws.train.processes import Processes  # noqa: E402
from kws.train.recipe import LossConfig, Recipe, load_recipe  # noqa: E402
from kws.train.session import Session, make_spec  # noqa: E402
from kws.train.validation import Validator  # noqa: E402

WAYS = ("recipe", "default-loss", "class-loss")
_LOWEST = -1e4


def class_loss(logits: Tensor, windows: Tensor) -> Tensor:
    """Return the cross-entropy of the outputs' peaks within the window of each word.

    Silence takes part with a logit of zero, so that for one keyword it is the positive part of max-pooling.

    Parameters
    ----------
    logits : Tensor, shape (B, T, K)
    windows : Tensor, shape (B, T, K)
        As :func:`kws.train.targets.windows` marks them.
    """
    losses = []
    for n in range(1, int(windows.max()) + 1):
        is_inside = windows == n
        streams, words = torch.nonzero(is_inside.any(dim=1), as_tuple=True)
        # (P, T, 1): the steps of each word's window, for all outputs alike.
        steps = is_inside[streams, :, words].unsqueeze(2)
        peaks = torch.where(steps, logits[streams], _LOWEST).amax(dim=1)
        with_silence = torch.cat([peaks, peaks.new_zeros(len(peaks), 1)], dim=1)
        losses.append(functional.cross_entropy(with_silence, words, reduction="none"))
    found = torch.cat(losses) if losses else logits.new_zeros(0)
    return found.mean() if len(found) else logits.sum() * 0.0


class ClassLearner(Learner):
    """The learner with competition between the outputs once max-pooling begins."""

    def _criterion(self, logits: Tensor, batch: Batch, number: int) -> Tensor:
        loss = super()._criterion(logits, batch, number)
        if number < self._recipe.training.loss.warm_up_share * self._recipe.training.steps:
            return loss
        return loss + class_loss(logits, batch.windows.to(logits.device))


def learner_of(way: str, recipe: Recipe, corpus: Corpus, processes: Processes) -> Learner:
    """Return the learner of one way."""
    spec = make_spec(recipe, corpus)
    if way == "class-loss":
        return ClassLearner(recipe, spec, processes)
    if way == "default-loss":
        # What marks the batches stays: they are the same for all.
        loss = recipe.training.loss
        marks = {name: getattr(loss, name) for name in ("label_s", "before_s", "after_s", "ignore_s")}
        training = dataclasses.replace(recipe.training, loss=LossConfig(**marks))
        recipe = dataclasses.replace(recipe, training=training)
    return Learner(recipe, spec, processes)


def train(ways: list[str], recipe: Recipe, corpus: Corpus, out: Path) -> list[Path]:
    """Train a network each way on the same batches, and export them."""
    session = Session(recipe, corpus, make_streams_of(recipe), out)
    spec, processes = make_spec(recipe, corpus), Processes(recipe.training, cpu=True)
    learners = [learner_of(way, recipe, corpus, processes) for way in ways]
    maker = session._batches(spec, 0, processes, None)
    start_s = time.process_time()
    for number in range(recipe.training.steps):
        batch = maker[number]
        losses = [learner.step([batch], number) for learner in learners]
        if (number + 1) % 100 == 0:
            shown = " ".join(f"{loss:.3f}" for loss in losses)
            print(f"step {number + 1}: {shown} ({time.process_time() - start_s:.0f} CPU-s)", flush=True)
    validator = Validator(session.validation_streams(), spec, recipe.training.target_fa_per_h)
    paths = []
    for way, learner in zip(ways, learners, strict=True):
        trained = validator.judge(learner.averaged).apply(learner.averaged.trained_spec(spec))
        paths.append(out / f"{recipe.name}-{way}.onnx")
        export_model(Trained.of_model(trained, learner.averaged.model), paths[-1], audio=session.parity_audio())
    return paths


@dataclass(frozen=True)
class Questions:
    """What every network is asked: clips to choose the level of silence on, clips to report, streams."""

    validation: list[LabelledClip]
    test: list[LabelledClip]
    streams: list[WordStream]

    @classmethod
    def of(cls, corpus: Corpus) -> Questions:
        """Draw them as ``kws classify`` does."""
        every = labelled_clips(corpus.test, np.random.default_rng([1, 1]), every_unknown=True)
        return cls(
            labelled_clips(corpus.validation, np.random.default_rng([1, 0])),
            labelled_clips(corpus.test, np.random.default_rng([1, 1])),
            word_streams(every, np.random.default_rng([1, 2])),
        )


def judge(path: Path, questions: Questions) -> tuple[ClassReport, npt.NDArray[np.bool_]]:
    """Return the report of a model on the test side, and which of its clips it tells right."""
    runner = open_runner(path)
    level = find_silence_level(runner, questions.validation, "validation")
    confusion = confusion_of(runner, questions.test, level.value)
    told = classify(peak_scores(runner, questions.test), runner.spec.keywords, level.value)
    words = keyword_counts(count_words(Detector(runner), questions.streams))
    is_right = np.array([name == clip.label for name, clip in zip(told, questions.test, strict=True)])
    return ClassReport(runner.spec, "test", level, confusion, words), is_right


def main() -> None:
    """Train, ask and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "speech-commands-subset.toml")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--pool", type=int, default=0, help="streams made once and drawn again; 0 makes all afresh")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    recipe = load_recipe(options.recipe, options.data)
    cache = dataclasses.replace(recipe.training.cache, streams=options.pool)
    training = dataclasses.replace(recipe.training, steps=options.steps or recipe.training.steps, cache=cache)
    corpus = load_corpus(recipe.data, sides=SIDES)
    paths = train(options.ways, dataclasses.replace(recipe, training=training), corpus, options.out)
    questions = Questions.of(corpus)
    found = {way: judge(path, questions) for way, path in zip(options.ways, paths, strict=True)}
    for way, (report, _) in found.items():
        print(f"\n{way}\n{report.to_text()}")
    for first, other in itertools.combinations(found, 2):
        right, right_other = found[first][1], found[other][1]
        only, only_other = int((right & ~right_other).sum()), int((right_other & ~right).sum())
        print(f"right by one alone: {only} {first}, {only_other} {other} (p = {sign_test(only, only_other):.3f})")


if __name__ == "__main__":
    main()
