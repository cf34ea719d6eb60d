"""What ``kws speak`` prints: which voices there are, what became of the clips, and what a recipe needs."""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from data_tools.speak import Summary
    from kws.cli.speak_parts import Prepared

_PIPE_COLUMNS = 120
_WARNING = (
    "Synthetic clips alone do not predict how a model does in a real room with real people: record at least a few "
    "people, and judge it on those (kws eval)."
)


def show_start(prepared: Prepared) -> None:
    """Say which engines speak and what else could be installed."""
    langs = " and ".join(dict.fromkeys(prepared.langs))
    others = [engine for engine in prepared.engines if engine not in prepared.phrase_engines]
    negatives = f"; for negatives also {', '.join(others)}" if others else ""
    typer.echo(f"engines: {', '.join(prepared.phrase_engines)}{negatives} (language {langs})", err=True)
    for engine, why in prepared.absent.items():
        typer.echo(f"could be added: {engine}: {why}", err=True)
    for notice in prepared.notices:
        typer.echo(f"note: {notice}", err=True)


def show_summary(summary: Summary, prepared: Prepared, out: Path) -> None:
    """Print the table of voices, what was rejected, the warning, and lines of TOML."""
    from rich.console import Console

    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS)
    console.print(_table(summary))
    rows = [row for kind in summary.rows.values() for row in kind]
    typer.echo(_diversity(rows))
    _show_rejected(summary)
    for kind, found in summary.rows.items():
        if len(found) < summary.wanted.of(kind):
            typer.echo(f"only {len(found)} of {summary.wanted.of(kind)} {kind}: there is no more that passes")
    typer.echo(f"\n{_WARNING}\n")
    typer.echo(_toml(prepared.plan.label, out))


def _table(summary: Summary) -> object:
    from rich.table import Table

    table = Table(title="clips")
    for heading in ("engine", "speakers", "languages", *summary.rows, "rejected", "pitch in Hz"):
        table.add_column(heading, justify="left" if heading in ("engine", "languages") else "right")
    by_engine: dict[str, list[dict[str, str]]] = defaultdict(list)
    for rows in summary.rows.values():
        for row in rows:
            by_engine[row["source"]].append(row)
    rejected: Counter[str] = Counter()
    for (_, engine, _), count in summary.rejected.items():
        rejected[engine] += count
    for engine in sorted({*by_engine, *rejected}, key=lambda name: -len(by_engine[name])):
        rows = by_engine[engine]
        counts = [sum(row["source"] == engine for row in found) for found in summary.rows.values()]
        table.add_row(
            engine,
            str(len({row["speaker"] for row in rows})),
            _some(sorted({row["lang"] for row in rows})),
            *map(str, counts),
            str(rejected[engine]),
            _spread(rows),
        )
    return table


def _diversity(rows: list[dict[str, str]]) -> str:
    engines, speakers, langs = ({row[column] for row in rows} for column in ("source", "speaker", "lang"))
    return (
        f"{len(rows)} clips by {len(engines)} engines, {len(speakers)} speakers, {len(langs)} languages and accents; "
        f"pitch {_spread(rows)} Hz (10th percentile, median, 90th)"
    )


def _spread(rows: list[dict[str, str]]) -> str:
    pitches = sorted(float(row["pitch_hz"]) for row in rows if float(row["pitch_hz"]) > 0.0)
    if not pitches:
        return "-"
    low, high = (pitches[round(share * (len(pitches) - 1))] for share in (0.1, 0.9))
    return f"{low:.0f} / {median(pitches):.0f} / {high:.0f}"


def _show_rejected(summary: Summary) -> None:
    reasons: Counter[str] = Counter()
    for (_, _, reason), count in summary.rejected.items():
        reasons[reason] += count
    if reasons:
        typer.echo("rejected: " + ", ".join(f"{count} {reason}" for reason, count in reasons.most_common()))


def _some(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f", +{len(names) - 4}" if len(names) > 4 else "")


def _toml(label: str, out: Path) -> str:
    """Return the lines of a recipe, wherever it lies."""
    from data_tools.speak.plan import SENTENCES

    name, folder, sentences = (
        json.dumps(text, ensure_ascii=False)
        for text in (label, out.resolve().as_posix(), (out.resolve() / SENTENCES).as_posix())
    )
    return f"""In a recipe, such as a copy of recipes/from-nothing.toml:

[data.keywords]
{name} = []            # folders of recordings by people, as soon as there are any

[data.spoken]
{name} = {folder}
# With a hundred recordings by people leave [data.spoken] out, and let the sentences judge, by this line under [data]:
# validation_negatives = [{sentences}]"""
