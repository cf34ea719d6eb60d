"""The data of a recipe: its folders with their roles, and a batch as its model sees it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_tools.check import Finding, Listing, Report
    from data_tools.check.batch import BatchView
    from data_tools.check.run import OnProgress
    from kws.train.corpus import Corpus
    from kws.train.recipe import Recipe

_SHOWN_STREAMS = 64


def check_recipe(path: Path, root: Path | None, picture: Path | None, jobs: int, on_progress: OnProgress) -> Report:
    """Check the data of a recipe and a batch made of it; draw the batch if a picture is asked for."""
    from data_tools.check import Limits, check_data, ordered
    from data_tools.synthesize import SynthesisConfig
    from kws.config import SAMPLE_RATE_HZ, from_dict
    from kws.models import build_model
    from kws.train.augment import AugmentationChain
    from kws.train.recipe import load_recipe

    recipe = load_recipe(path, root)
    synthesis = from_dict(SynthesisConfig, recipe.synthesis, "synthesis")
    AugmentationChain.from_dict(recipe.augment)
    listing = _list(recipe)
    network = build_model(recipe.model.resolve(), recipe.front_end.n_bands, len(recipe.keywords))
    looks_back_s = network.receptive_field_frames * recipe.front_end.hop_samples / SAMPLE_RATE_HZ
    limits = Limits(synthesis.duration_s, looks_back_s if math.isfinite(looks_back_s) else None)
    report = check_data(listing, limits, jobs, on_progress)
    findings = [*report.findings, *_check_batch(recipe, picture, on_progress)]
    return dataclasses.replace(report, path=str(path), findings=ordered(findings))


def _list(recipe: Recipe) -> Listing:
    from data_tools.check import KEYWORD, NEGATIVE, NOISE, RIR, Group, list_groups
    from kws.train.folders import expand
    from kws.train.sides import SideRule

    data, root = recipe.data, Path(recipe.data.root)
    named = [folder for folders in data.keywords.values() for folder in folders]
    named += [*data.noise, *data.rirs, *data.negatives, *data.validation_negatives]
    groups = [
        *(Group(KEYWORD, name, folders) for name, folders in data.keywords.items()),
        Group(NEGATIVE, "", tuple(expand(root, data.unknown, named))),
        Group(NEGATIVE, "", tuple(expand(root, data.negatives, [*named, *data.unknown]))),
        Group(NEGATIVE, "", data.validation_negatives),
        Group(NOISE, "", data.noise),
        Group(RIR, "", data.rirs),
    ]
    rule = SideRule(data)

    def place_of(name: str) -> tuple[str, str]:
        # Noise that is cut by time is on all sides, with a stretch for each.
        return "" if rule.is_cut_by_time(name) else rule.side(name), rule.speaker(name)

    return list_groups(root, groups, data.manifest, place_of)


def _check_batch(recipe: Recipe, picture: Path | None, on_progress: OnProgress) -> list[Finding]:
    """Load the data as training does and look at a batch; what keeps training from starting is a finding."""
    from data_tools.check import Finding, Severity
    from data_tools.check.batch import check_batch
    from kws.errors import KwsError
    from kws.train.corpus import load_corpus

    try:
        corpus = load_corpus(recipe.data, lambda done, total: on_progress("loading as training does", done, total))
        batch = make_batch(recipe, corpus)
    except KwsError as error:
        advice = "correct this first" + (f"; {picture} is not drawn" if picture is not None else "")
        return [Finding("training-stops", Severity.ERROR, f"training would not start: {error}", advice)]
    if picture is not None:
        from data_tools.check.picture import draw_batch

        draw_batch(picture, batch)
    return list(check_batch(batch))


def make_batch(recipe: Recipe, corpus: Corpus) -> BatchView:
    """Make the streams that training with another seed could begin with, in the form that the network takes."""
    import numpy as np

    from data_tools.check.batch import BatchView
    from kws.audio import to_float32
    from kws.cli.streams import make_streams_of
    from kws.config import SAMPLE_RATE_HZ
    from kws.train.augment import AugmentationChain
    from kws.train.batches import ExampleMaker, clip_hook
    from kws.train.material import prepare_material
    from kws.train.session import make_spec

    rng = np.random.default_rng(recipe.seed)
    chain = AugmentationChain.from_dict(recipe.augment, [to_float32(clip.samples) for clip in corpus.rirs])
    material = prepare_material(corpus.train, rng, recipe.material, recipe.data.spoken_share)
    source = make_streams_of(recipe)(material, clip_hook(chain))
    spec = make_spec(recipe, corpus)
    made = ExampleMaker(source, chain, spec, recipe.training.loss).make(_SHOWN_STREAMS, rng)
    inputs = np.stack([chain.apply("features", item, rng) for item in made.inputs])
    if recipe.front_end.compression == "pcen":
        # The network compresses the energies itself.
        inputs = np.log(inputs + recipe.front_end.floor)
    duration_s = made.windows.shape[1] * spec.step_samples / SAMPLE_RATE_HZ
    return BatchView(inputs, made.windows, made.labels, spec.keywords, duration_s)
