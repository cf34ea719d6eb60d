"""The report: one HTML file that needs nothing else, for one model or for two on the same trials."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from kws.errors import DataError
from kws.evaluate import wording
from kws.evaluate.compare import Comparison, at_equal_false_accepts, compare
from kws.evaluate.report.clips import AFTER_S, BEFORE_S
from kws.evaluate.report.mistakes import MAX_SHOWN, Listing, Mistake, list_mistakes, mistakes_of, mistakes_of_one
from kws.evaluate.report.sections import Model, Section, curves_section, groups_sections, scores_section
from kws.evaluate.subject import Subject
from kws.files import replacing

_FOLDER = Path(__file__).parent


def write_report(
    path: str | os.PathLike[str],
    subject: Subject,
    other: Subject | None = None,
    *,
    rng: np.random.Generator,
    facts: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    fitted_on: Subject | None = None,
    n_resamples: int = 10_000,
) -> None:
    """Write what is known about a model, or about two models on the same trials, as one HTML file.

    The file holds its plots and clips itself, asks nothing of any other place, and runs no script.

    Parameters
    ----------
    path : path
        Replaced whole.
    subject : Subject
        Scores, rule and threshold.
    other : Subject, optional
        A second model on the same trials; it is measured against the first.
    rng : Generator
        For the bootstrap.
    facts : sequence of (str, str)
        What stands in the head: data, date, seed, version; in this order.
    notes : sequence of str
        What must be said about the figures, before anything else.
    fitted_on : Subject, optional
        The first model's scores of other recordings, with words and without, on which the temperature is fitted. By
        default it is fitted on each half of the speakers for the other, where the trials have folds.
    n_resamples : int
        Of each bootstrap.

    Raises
    ------
    DataError
        If there are no trials, or those of the two models differ.
    OSError
        If the file cannot be written.
    """
    if not any(len(item.scores) for item in subject.scored):
        raise DataError("a report needs at least one trial with scores; there is none")
    names = [subject.name]
    models = [Model.of(subject.name, subject, rng, n_resamples, fitted_on)]
    comparisons: list[Comparison] = []
    if other is not None:
        comparisons = _comparisons(subject, other, rng, n_resamples)
        names = list(comparisons[0].names)
        models = [Model.of(names[0], subject, rng, n_resamples, fitted_on), Model.of(names[1], other, rng, n_resamples)]
    html = _template().render(
        style=Markup((_FOLDER / "page.css").read_text(encoding="utf-8")),
        models=models,
        comparisons=comparisons,
        facts=facts,
        notes=notes,
        sections=_sections(models),
        listings=_listings(models, comparisons[0] if comparisons else None),
        limits={"shown": MAX_SHOWN, "before_s": BEFORE_S, "after_s": AFTER_S},
        n_resamples=n_resamples,
    )
    _write(Path(path), html)


def _comparisons(a: Subject, b: Subject, rng: np.random.Generator, n_resamples: int) -> list[Comparison]:
    """Return the comparison at each model's own threshold, and the one at equal false accepts where there are hours."""
    found = [compare(a, b, rng, n_resamples)]
    if a.negatives:
        found.append(compare(*at_equal_false_accepts(a, b), rng, n_resamples))
    return found


def _sections(models: Sequence[Model]) -> list[Section]:
    sections = [curves_section(models), *groups_sections(models), *scores_section(models)]
    return [section for section in sections if section is not None]


def _listings(models: Sequence[Model], comparison: Comparison | None) -> list[tuple[str, str, str, Listing]]:
    """Return id, title, what it is, and the list, of the misses and of the false accepts."""
    subjects, names = [model.subject for model in models], [model.name for model in models]
    if comparison is None:
        misses, false_accepts = mistakes_of(subjects[0])
        texts = (
            ("misses", "Each miss", "By condition, the word with the lowest score first."),
            ("false-accepts", "Each false accept", _where(false_accepts)),
        )
    else:
        misses, false_accepts = mistakes_of_one(comparison)
        texts = (
            ("misses", "Words that only one model missed", "Each at its own threshold."),
            ("false-accepts", "False accepts that only one model made", "Each at its own threshold."),
        )
    listed = [list_mistakes(found, subjects, names) for found in (misses, false_accepts)]
    return [(*text, listing) for text, listing in zip(texts, listed, strict=True)]


def _where(false_accepts: Sequence[Mistake]) -> str:
    counted = sum(mistake.is_counted for mistake in false_accepts)
    return (
        f"{counted} in the recordings without the word, which the rate counts; {len(false_accepts) - counted} in "
        "recordings with words, before or long after one. The highest score first."
    )


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=wording.percent, rate=wording.rate, hours=wording.hours)
    return environment.get_template("page.html.j2")


def _write(path: Path, html: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(html, encoding="utf-8")
