"""A report on data, to be read in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from data_tools.check import Count, Finding, Report

_COLOURS = {"error": "red", "warning": "yellow", "note": "cyan"}
_SHOWN_CLASSES = 30


def show(report: Report, console: Console, n_files: int) -> None:
    """Print what there is, and what was found, by severity."""
    _show_counts(report, console)
    for severity, colour in _COLOURS.items():
        findings = [finding for finding in report.findings if finding.severity == severity]
        if findings:
            console.print(f"\n[bold {colour}]{_number(len(findings), severity)}[/]")
        for finding in findings:
            _show_finding(finding, colour, console, n_files)
    counts = {s: sum(f.severity == s for f in report.findings) for s in _COLOURS}
    console.print("\n" + ", ".join(_number(count, severity) for severity, count in counts.items()))


def _show_counts(report: Report, console: Console) -> None:
    from rich.table import Table

    clips, hours = sum(c.n_clips for c in report.counts), sum(c.hours for c in report.counts)
    table = Table(title=f"{report.path}: {clips} clips, {hours:.2f} h", title_justify="left", box=None, pad_edge=False)
    table.add_column("role")
    table.add_column("class", no_wrap=True, overflow="ellipsis", min_width=16)
    table.add_column("split")
    for name in ("clips", "hours", "voices", "kHz", "clip s", "sound s", "dBFS"):
        table.add_column(name, justify="right", no_wrap=True)
    for count in report.counts[:_SHOWN_CLASSES]:
        table.add_row(*_row(count))
    console.print(table)
    if len(report.counts) > _SHOWN_CLASSES:
        console.print(f"and {len(report.counts) - _SHOWN_CLASSES} more; --json has them all")


def _row(count: Count) -> list[str]:
    rates = ", ".join(f"{rate / 1000:g}" for rate in count.rates_hz)
    figures = [f"{count.median_s:.2f}", f"{count.median_word_s:.2f}", f"{count.median_level_dbfs:.0f}"]
    voices = str(count.n_speakers or "?")
    return [
        count.role,
        count.label,
        count.split or "-",
        str(count.n_clips),
        f"{count.hours:.2f}",
        voices,
        rates,
        *figures,
    ]


def _show_finding(finding: Finding, colour: str, console: Console, n_files: int) -> None:
    from rich.markup import escape

    whole = not console.is_terminal
    console.print(f"[{colour}]{finding.code}[/]: {escape(finding.what)}", highlight=False, soft_wrap=whole)
    for place in finding.places[:n_files]:
        detail = f"  {escape(place.detail)}" if place.detail else ""
        console.print(f"    {escape(place.path)}[dim]{detail}[/]", highlight=False, soft_wrap=True)
    if len(finding.places) > n_files > 0:
        console.print(f"    [dim]and {len(finding.places) - n_files} more[/]", highlight=False)
    console.print(f"  → {escape(finding.advice)}", highlight=False, soft_wrap=whole)


def _number(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"
