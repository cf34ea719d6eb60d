"""What ``kws eval`` prints and writes."""

from __future__ import annotations

import datetime
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table

from kws import __version__
from kws.errors import ConfigError
from kws.files import write_json

if TYPE_CHECKING:
    from kws.cli.eval_parts import Found
    from kws.evaluate.document import Rows
    from kws.evaluate.evaluation import Evaluation

_MAX_GROUPS = 20
STDOUT = Path("-")
"""In the place of a file: standard output."""


def show(found: Found, by: tuple[str, ...], json_file: Path | None, report: Path | None) -> None:
    """Print the figures, and write those files that are wanted.

    Raises
    ------
    DataError, OSError
        If a file cannot be written.
    """
    from kws.evaluate.document import Rows, document

    rows = [Rows(evaluation, found.settings.seed) for evaluation in found.evaluations]
    # With the document on stdout, people read stderr.
    console = Console(stderr=json_file == STDOUT)
    for one in rows:
        print_rows(console, one, by)
    for comparison in found.comparisons:
        console.print()
        console.print(f"{comparison.names[1]} against {comparison.names[0]}", style="bold", highlight=False)
        for line in comparison.sentences():
            console.print(f"- {line}", markup=False, highlight=False, soft_wrap=True)
    for note in found.notes:
        console.print(f"careful: {note}", style="yellow", markup=False, highlight=False, soft_wrap=True)
    speed = found.audio_hours * 3600 * len({e.model for e in found.evaluations}) / max(found.elapsed_s, 1e-9)
    took = f"{found.audio_hours:.2f} h in {found.elapsed_s:.0f} s, {speed:.0f} times real time"
    console.print(f"{took}; every event is the detector's", style="dim", highlight=False)
    if json_file is not None:
        values = document(__version__, rows, found.material, found.settings, found.chosen_on, found.comparisons)
        _write_json({**values, "notes": found.notes}, json_file)
    if report is not None:
        _write_reports(found, report, console)


def _write_json(values: dict[str, Any], path: Path) -> None:
    if path == STDOUT:
        sys.stdout.write(json.dumps(values, indent=1, ensure_ascii=False) + "\n")
    else:
        write_json(path, values)


def _write_reports(found: Found, path: Path, console: Console) -> None:
    import numpy as np

    from kws.evaluate.report import write_report

    n_models = len({e.model for e in found.evaluations})
    if n_models > 2:
        raise ConfigError(f"--report shows one model or two; {n_models} were given")
    n_keywords = len(found.evaluations) // n_models
    for index in range(n_keywords):
        first = found.evaluations[index]
        other = found.evaluations[n_keywords + index].subject if n_models == 2 else None
        # One file a keyword where a model has several.
        place = path if n_keywords == 1 else path.with_name(f"{path.stem}-{first.keyword}{path.suffix}")
        write_report(
            place,
            first.subject,
            other,
            rng=np.random.default_rng([found.settings.seed, 4]),
            facts=_facts(found, first),
            notes=found.notes,
            fitted_on=_fitted_on(first),
        )
        console.print(f"report: {place}", style="dim", markup=False, highlight=False, soft_wrap=True)


def _fitted_on(evaluation: Evaluation) -> Any:
    """Return what scores are calibrated on: other recordings, if they hold words and none."""
    subject = evaluation.subject_elsewhere
    return subject if subject is not None and subject.positives and subject.negatives else None


def _facts(found: Found, evaluation: Evaluation) -> list[tuple[str, str]]:
    data = [
        f"{name}: {part['recordings']} recordings, {part['hours']:.2f} h"
        for name, part in found.material.describe().items()
    ]
    return [
        ("keyword", evaluation.keyword),
        ("data", "; ".join(data)),
        ("date", datetime.date.today().isoformat()),
        ("seed", str(found.settings.seed)),
    ]


def print_rows(console: Console, rows: Rows, by: tuple[str, ...]) -> None:
    """Print the figures of one model and keyword."""
    evaluation = rows.evaluation
    console.print()
    console.print(f"[bold]{evaluation.subject.name}[/bold] {evaluation.keyword!r}", highlight=False)
    style = "bold yellow" if evaluation.threshold.is_same_data or not evaluation.threshold.is_within_limit else None
    console.print(evaluation.threshold.sentence, style=style, highlight=False, markup=False, soft_wrap=True)
    if rows.words:
        console.print(_words(rows))
    if rows.false_accepts:
        console.print(_false_accepts(rows))
    for attribute in by:
        table = _groups(rows, attribute)
        if table is None:
            console.print(f"no trial says anything of {attribute!r}", markup=False, highlight=False)
        else:
            console.print(table)
    for claim in rows.claims:
        console.print(f"- {claim}", markup=False, highlight=False, soft_wrap=True)


def _words(rows: Rows) -> Table:
    import numpy as np

    table = _table("words", "said", "missed", "%", "95 %", "95 % by rec.", "delay ms", "90 %", "99 %")
    for row in rows.words:
        counts, drawn = row.counts, row.by_recording
        late = ["–"] * 3
        if row.delays_s:
            late = [f"{1000 * q:.0f}" for q in np.quantile(row.delays_s, [0.5, 0.9, 0.99])]
        table.add_row(
            row.condition,
            str(counts.n_words),
            str(counts.n_misses),
            f"{100 * counts.false_reject_rate:.1f}",
            f"{100 * row.low:.1f}–{100 * row.high:.1f}",
            f"{100 * drawn.low:.1f}–{100 * drawn.high:.1f}" if drawn.low < drawn.high else "–",
            *late,
        )
    return table


def _false_accepts(rows: Rows) -> Table:
    table = _table("without the word", "hours", "false accepts", "an hour", "95 %")
    for row in rows.false_accepts:
        counts = row.counts
        table.add_row(
            row.name,
            f"{counts.hours:.2f}",
            str(counts.n_false_accepts),
            f"{counts.false_accepts_per_hour:.2f}",
            f"{row.low:.2f}–{row.high:.2f}",
        )
    return table


def _groups(rows: Rows, attribute: str) -> Table | None:
    found = next((table for table in rows.breakdowns if table.attribute == attribute), None)
    if found is None:
        return None
    table = _table(f"missed by {found.label}", *found.series)
    for value, series in found.rows[:_MAX_GROUPS]:
        table.add_row(value, *(f"{c.n_misses}/{c.n_words}" if c.n_words else "–" for c in series))
    n_more = len(found.rows) - _MAX_GROUPS + found.n_more
    if n_more > 0:
        table.add_row(f"{n_more} more: see --json", *[""] * len(found.series))
    return table


def _table(first: str, *others: str) -> Table:
    # Narrow: nine columns have to fit into eighty characters.
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table
