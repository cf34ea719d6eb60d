"""``kws data split``: train, val and test by speaker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from kws.cli.data_progress import jobs_of, progress_bar


def split(
    data: Annotated[Path, typer.Argument(metavar="DIR|MANIFEST", help="Folder with a manifest.csv, or a manifest.")],
    val: Annotated[float, typer.Option(help="Share of the clips for validation.")] = 0.15,
    test: Annotated[float, typer.Option(help="Share of the clips for the test.")] = 0.15,
    seed: Annotated[int, typer.Option(help="Another one draws another split.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Divide also what has a side already.")] = False,
    judge_synthetic: Annotated[
        bool, typer.Option("--judge-synthetic", help="Synthetic clips may be on val and test too.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Leave out rows of missing files and repeated rows of one file.")
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Find copies by equal samples only, without listening to all clips.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the split and write nothing.")] = False,
    jobs: Annotated[int, typer.Option(help="Processes that read; -1 for all cores.")] = -1,
) -> None:
    """Divide a data set into train, val and test: whole speakers and recordings, never clips.

    Sides that the manifest states are kept, the rest goes where each label comes nearest to its shares. The same seed
    gives the same split. A speaker or recording on two sides is refused.

    Examples:

        kws data split data/commands

        kws data split recordings --val 0.2 --test 0 --seed 7 --dry-run

        kws data split recordings/manifest.csv --again
    """
    from rich.console import Console

    from data_tools.split import SplitOptions, read_rows, split_rows
    from kws.cli.data_tally import show_tally
    from kws.manifest import write_manifest

    options = SplitOptions(val, test, seed, again, judge_synthetic, not quick, jobs_of(jobs))
    path, rows, n_dropped = read_rows(data, drop)
    with progress_bar() as on_progress:
        result = split_rows(rows, path.parent, options, on_progress)
    if not dry_run:
        write_manifest(path, result.rows)
    show_tally(result.rows, Console() if sys.stdout.isatty() else Console(width=120))
    dropped = f", {n_dropped} rows left out" if n_dropped else ""
    written = "not written" if dry_run else "written"
    typer.echo(f"{path}: {result.n_placed} clips placed, {result.n_kept} kept their side{dropped}; {written}")
    for note in result.notes:
        typer.echo(f"careful: {note}", err=True)
