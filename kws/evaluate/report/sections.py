"""The parts of the report that show plots with their tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from kws.errors import DataError
from kws.evaluate import wording
from kws.evaluate.calibration import Calibration, Readings, calibrate, cross_calibrate, read_stretches, reliability
from kws.evaluate.counting import Counts
from kws.evaluate.curves import DetCurve, at_rates, det_curves
from kws.evaluate.intervals import wilson_interval
from kws.evaluate.report import plots
from kws.evaluate.subject import Outcome, Subject
from kws.evaluate.tables import (
    Breakdown,
    FalseAcceptsRow,
    WordsRow,
    breakdowns,
    by_level,
    by_model,
    count_all,
    false_accept_rows,
    words_rows,
)

MAX_PLOTTED_ROWS = 14
_RATES_PER_HOUR = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Model:
    """One model with all that was counted."""

    name: str
    subject: Subject
    outcomes: list[Outcome]
    words: list[WordsRow]
    false_accepts: list[FalseAcceptsRow]
    readings: Readings
    calibration: Calibration | None

    @classmethod
    def of(
        cls,
        name: str,
        subject: Subject,
        rng: np.random.Generator,
        n_resamples: int,
        fitted_on: Subject | None = None,
    ) -> Model:
        """Count a subject's trials."""
        found = count_all(subject)
        return cls(
            name,
            subject,
            found,
            words_rows(found, rng, n_resamples),
            false_accept_rows(found, rng, n_resamples),
            read_stretches(subject),
            _calibration(subject, fitted_on),
        )

    @property
    def threshold(self) -> str:
        """The threshold and where it comes from."""
        value, said = f"{self.subject.decision.threshold:.4f}", self.subject.threshold_from
        return said.removeprefix("threshold ") if value in said else f"{value}, {said}"

    @property
    def headline(self) -> str:
        """What it misses and how often it fires by mistake."""
        return wording.headline(self.words, self.false_accepts)

    @property
    def claims(self) -> list[str]:
        """What the figures show at most."""
        return wording.claims(self.words, self.false_accepts)

    @property
    def negatives(self) -> Counts | None:
        """False accepts and hours without the word, all sets together."""
        return self.false_accepts[-1].counts if self.false_accepts else None


def _calibration(subject: Subject, fitted_on: Subject | None) -> Calibration | None:
    # Where one side has no words, or nothing but words, there is nothing to fit on; that is no fault of the report.
    try:
        if fitted_on is not None:
            return calibrate(read_stretches(fitted_on), read_stretches(subject))
        return cross_calibrate(read_stretches(subject, "A"), read_stretches(subject, "B"))
    except DataError:
        return None


@dataclass(frozen=True)
class Table:
    """Text in rows; the first cell of each is its head."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it needs the whole width of the page."""
        return len(self.head) > 5


@dataclass(frozen=True)
class Section:
    """A titled part: text, plots with their captions, tables."""

    id: str
    title: str
    text: str
    plots: list[tuple[Markup, str]] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def curves_section(models: Sequence[Model]) -> Section | None:
    """Return the DET plots and what other thresholds would give; None without words or without hours.

    Of one model all conditions are in one plot; of two each condition has its own, with both.
    """
    curves: dict[str, list[plots.Curve]] = {}
    tables = []
    for model in models:
        found = det_curves(model.subject, [row.condition for row in model.words])
        for row, det in zip(model.words, found, strict=False):
            name, group = (row.condition, "") if len(models) == 1 else (model.name, row.condition)
            if model.negatives is not None:
                curves.setdefault(group, []).append(plots.Curve(name, det, row.counts, model.negatives))
        if found:
            tables.append(_thresholds_table(model.name if len(models) > 1 else "", found))
    if not curves:
        return None
    text = (
        f"Each line is a {'condition' if len(models) == 1 else 'model'} at all thresholds: further down, fewer words "
        "are missed; further left, it fires less often by mistake. The cross is the threshold in use, with 95 % "
        "intervals."
    )
    caption = "misses (probit axis) against false accepts an hour (logarithmic axis)."
    shown = [
        (Markup(plots.det_plot(f"det{i}", group)), f"{name}: {caption}" if name else caption.capitalize())
        for i, (name, group) in enumerate(curves.items())
    ]
    return Section("det", "Every other threshold", text, shown, tables)


def _thresholds_table(name: str, curves: Sequence[DetCurve]) -> Table:
    columns = [at_rates(curve, _RATES_PER_HOUR) for curve in curves]
    rows: dict[float, tuple[str, ...]] = {}
    for points in zip(*columns, strict=True):
        if points[0] is not None:
            threshold, _, per_hour = points[0]
            missed = tuple(f"{wording.percent(p[1])} %" for p in points if p is not None)
            rows[threshold] = (f"{threshold:.4f}", wording.rate(per_hour), *missed)
    head = ("threshold", "false accepts an hour", *(f"missed: {curve.condition}" for curve in curves))
    note = "Chosen by looking at these very recordings: expect a little worse elsewhere."
    return Table(f"Thresholds{f' of {name}' if name else ''}", head, tuple(rows.values()), note)


def groups_sections(models: Sequence[Model]) -> list[Section]:
    """Return misses by level, and by speaker and every other attribute that the trials know."""
    sections = []
    levels = by_level(models[0].outcomes)
    if levels and len(models) == 1:
        rows = tuple(
            (f"{kind}, {snr_db:g} dB", *_counts_cells(counts))
            for kind, points in levels.items()
            for snr_db, counts in points
        )
        table = Table("Misses by level", ("sound and level", "missed", "95 % interval"), rows)
        plot = (Markup(plots.snr_plot("snr", levels)), "Bars are 95 % intervals (Wilson).")
        sections.append(Section("by-level", "By level of the other sound", "", [plot], [table]))
    tables = [breakdowns(model.outcomes) for model in models]
    groups = tables[0] if len(models) == 1 else by_model(tables, [model.name for model in models])
    return [*sections, *(_group_section(index, group) for index, group in enumerate(groups))]


def _group_section(index: int, group: Breakdown) -> Section:
    rows = tuple((value, *(_count_cell(c) for c in counts)) for value, counts in group.rows)
    note = f"{group.n_more} more with fewer misses are not shown." if group.n_more else ""
    table = Table(f"Misses by {group.label}", (group.label, *group.series), rows, note)
    shown = []
    if len(group.rows) <= MAX_PLOTTED_ROWS:
        names, counts = [value for value, _ in group.rows], [c for _, c in group.rows]
        svg = plots.rate_plot(f"group{index}", [_short(name) for name in names], group.series, counts, group.label)
        shown.append((Markup(svg), "Bars are 95 % intervals (Wilson)."))
    return Section(f"by-{index}", f"By {group.label}", "", shown, [table])


def _short(name: str, n_chars: int = 22) -> str:
    # The end of a path tells more than its beginning.
    return name if len(name) <= n_chars else "…" + name[-n_chars + 1 :]


def _count_cell(counts: Counts) -> str:
    if not counts.n_words:
        return "–"
    return f"{counts.n_misses} of {counts.n_words} ({wording.percent(counts.false_reject_rate)} %)"


def _counts_cells(counts: Counts) -> tuple[str, str]:
    low, high = wilson_interval(counts.n_misses, counts.n_words)
    return _count_cell(counts), f"{wording.percent(low)}–{wording.percent(high)} %"


def scores_section(models: Sequence[Model]) -> list[Section]:
    """Return the delay of the events, the scores, and how far they can be read as probabilities."""
    return [s for s in (_delay_section(models), _score_section(models), _calibration_section(models)) if s is not None]


def _delay_section(models: Sequence[Model]) -> Section | None:
    if len(models) == 1:
        delays = {row.condition: row.delays_s for row in models[0].words if row.delays_s}
    else:
        delays = {m.name: tuple(d for row in m.words for d in row.delays_s) for m in models}
        delays = {name: values for name, values in delays.items() if values}
    if not delays:
        return None
    rows = tuple(
        (name, str(len(values)), *(f"{1000 * q:.0f} ms" for q in np.quantile(values, [0.5, 0.9, 0.99])))
        for name, values in delays.items()
    )
    head = ("condition" if len(models) == 1 else "model", "hits", "median", "90 %", "99 %")
    drawn = delays if len(models) > 1 else {"all conditions": tuple(d for values in delays.values() for d in values)}
    plot = (Markup(plots.delay_plot("delay", drawn)), "Of the words that were told.")
    text = "From the end of the word to the event, in the time of the audio; computing and sound card come on top."
    return Section("delay", "How soon", text, [plot], [Table("Delay from the end of the word", head, rows)])


def _score_section(models: Sequence[Model]) -> Section:
    shown = [
        (
            Markup(plots.score_plot(f"scores{i}", model.readings, model.subject.decision.threshold)),
            f"{model.name}: {model.readings.n_words} stretches with the word, {model.readings.n_others} without.",
        )
        for i, model in enumerate(models)
    ]
    window = models[0].subject.window
    text = (
        f"The highest smoothed score of each stretch of {window.early_s + window.late_s:g} s, with the word and "
        "without: the further apart the two are, the less the threshold matters."
    )
    return Section("scores", "Scores", text, shown)


def _calibration_section(models: Sequence[Model]) -> Section | None:
    shown, rows = [], []
    for i, model in enumerate(models):
        if not 0 < model.readings.n_words < len(model.readings.scores):
            return None
        found = model.calibration
        before = found.before if found else reliability(model.readings)
        svg = plots.reliability_plot(f"reliability{i}", before, found.after if found else None)
        temperature = f"temperature {found.temperature:.2f}" if found else "no other recordings to fit a temperature on"
        shown.append((Markup(svg), f"{model.name}: {temperature}."))
        mass = reliability(model.readings, binning="equal-mass").calibration_error
        cells = [f"{100 * before.calibration_error:.1f}", f"{100 * mass:.1f}", f"{before.negative_log_likelihood:.3f}"]
        rows.append((f"{model.name} as it is", *cells, f"{before.brier:.4f}"))
        if found:
            after = found.after
            cells = [f"{100 * after.calibration_error:.1f}", "–", f"{after.negative_log_likelihood:.3f}"]
            rows.append((f"{model.name}, temperature {found.temperature:.2f}", *cells, f"{after.brier:.4f}"))
    head = ("scores", "error, bins of equal width (points)", "error, bins of equal mass (points)", "NLL", "Brier")
    text = (
        "Can a score of 0.8 be read as “8 in 10 such stretches hold the word”? On the line it can, were every second "
        "stretch a word. A temperature divides the logit of the score; it was fitted on other recordings than it is "
        "shown on (the other half of the speakers, or a set of its own). No event changes if the threshold moves along."
    )
    return Section(
        "calibration", "Scores as probabilities", text, shown, [Table("Calibration error", head, tuple(rows))]
    )
