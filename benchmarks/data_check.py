"""How well `kws data check` finds copies of recordings and mistakes in batches, on real recordings.

    python benchmarks/data_check.py recipes/computer.toml --data ../shared/data --pictures docs/images

First the fingerprint: speech clips of the recipe, each in eight disguises, against its original, and all originals
against each other. Then batches of the recipe as they are, with a reshape where a transpose was meant, and with labels
that come half a second late; `--pictures` draws one of each.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from data_tools.check.batch import BatchView, check_batch, figures  # noqa: E402
from data_tools.check.fingerprint import PRINT_RATE_HZ, candidates, fingerprint  # noqa: E402
from data_tools.check.likeness import MIN_CORRELATION, correlation  # noqa: E402
from data_tools.check.picture import draw_batch  # noqa: E402
from data_tools.synthesize import SynthesisConfig  # noqa: E402
from kws.audio import FloatArray, resample, to_float32  # noqa: E402
from kws.cli.data_recipe import make_batch  # noqa: E402
from kws.config import SAMPLE_RATE_HZ, from_dict  # noqa: E402
from kws.train.corpus import Corpus, load_corpus  # noqa: E402
from kws.train.recipe import Recipe, load_recipe  # noqa: E402

LATE_S = 0.5
COLOURS = 96
DRAWN_SEED = 3

Disguise = Callable[[FloatArray, np.random.Generator], FloatArray]


def noisy(samples: FloatArray, snr_db: float, rng: np.random.Generator) -> FloatArray:
    return samples + np.float32(np.std(samples) * 10 ** (-snr_db / 20)) * rng.standard_normal(len(samples), np.float32)


def through_mp3(samples: FloatArray, compression: float) -> FloatArray:
    coded = io.BytesIO()
    soundfile.write(coded, samples, SAMPLE_RATE_HZ, format="MP3", compression_level=compression)
    coded.seek(0)
    return soundfile.read(coded, dtype="float32")[0]


DISGUISES: dict[str, Disguise] = {
    "12 dB quieter": lambda x, rng: 0.25 * x,
    "77 ms later": lambda x, rng: np.concatenate([np.zeros(1234, np.float32), x]),
    "0.1 s cut off at both ends": lambda x, rng: x[1600:-1600],
    "through 8 kHz": lambda x, rng: resample(resample(x, SAMPLE_RATE_HZ, 8000), 8000, SAMPLE_RATE_HZ),
    "mp3, medium": lambda x, rng: through_mp3(x, 0.5),
    "mp3, strongest": lambda x, rng: through_mp3(x, 0.95),
    "white noise at 20 dB": lambda x, rng: noisy(x, 20.0, rng),
    "white noise at 10 dB": lambda x, rng: noisy(x, 10.0, rng),
}


def is_found(one: FloatArray, other: FloatArray) -> bool:
    """Tell whether two clips would be told as the same recording."""
    prints = {name: fingerprint(x, SAMPLE_RATE_HZ) for name, x in (("one", one), ("other", other))}
    eighth = [resample(x, SAMPLE_RATE_HZ, PRINT_RATE_HZ) for x in (one, other)]
    return bool(candidates(prints)) and correlation(*eighth) >= MIN_CORRELATION


def measure_copies(corpus: Corpus, n_clips: int) -> None:
    rng = np.random.default_rng(0)
    clips = [c for side in (corpus.train, corpus.validation) for c in side.negatives if len(c.samples) > 8000]
    chosen = [to_float32(clips[i].samples) for i in rng.choice(len(clips), n_clips, replace=False)]
    for name, disguise in DISGUISES.items():
        found = sum(is_found(x, disguise(x, rng)) for x in chosen)
        print(f"{name:28} {found:4} of {n_clips} found", flush=True)
    prints = {str(i): fingerprint(x, SAMPLE_RATE_HZ) for i, x in enumerate(chosen)}
    eighth = {str(i): resample(x, SAMPLE_RATE_HZ, PRINT_RATE_HZ) for i, x in enumerate(chosen)}
    proposed = candidates(prints)
    likeness = [correlation(eighth[a], eighth[b]) for a, b in proposed]
    told = sum(value >= MIN_CORRELATION for value in likeness)
    n_pairs = n_clips * (n_clips - 1) // 2
    print(f"of {n_pairs} pairs of different clips {len(proposed)} were compared and {told} told as the same")


def mistakes(batch: BatchView) -> dict[str, BatchView]:
    """Return a batch as it is, and with each mistake really made."""
    transposed = np.ascontiguousarray(batch.features.transpose(0, 2, 1))
    steps = round(LATE_S / batch.step_s)
    pad = ((0, 0), (steps, 0), (0, 0))
    late = {name: np.pad(getattr(batch, name), pad)[:, :-steps] for name in ("windows", "labels")}
    return {
        "right": batch,
        "scrambled": dataclasses.replace(batch, features=transposed.reshape(batch.features.shape)),
        "late": dataclasses.replace(batch, **late),
    }


def measure_batches(recipe: Recipe, corpus: Corpus, n_seeds: int, pictures: Path | None) -> None:
    synthesis = from_dict(SynthesisConfig, recipe.synthesis, "synthesis")
    for seed in range(1, n_seeds + 1):
        batch = make_batch(dataclasses.replace(recipe, seed=seed), corpus, synthesis)
        for name, view in mistakes(batch).items():
            found = figures(view)
            codes = ", ".join(finding.code for finding in check_batch(view)) or "-"
            print(
                f"seed {seed}, {name:9}: frames {found.frame_correlation:.2f}, bands {found.band_correlation:.2f}, "
                f"lag {found.label_lag_s:+.2f} s, {found.n_ends} words: {codes}",
                flush=True,
            )
            if pictures is not None and seed == DRAWN_SEED:
                path = pictures / f"data-check-{name}.png"
                draw_batch(path, view, 2)
                Image.open(path).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pictures", type=Path, help="folder for three pictures")
    options = parser.parse_args()
    recipe = load_recipe(options.recipe, options.data)
    corpus = load_corpus(recipe.data)
    measure_batches(recipe, corpus, options.seeds, options.pictures)
    measure_copies(corpus, options.clips)


if __name__ == "__main__":
    main()
