"""``kws data check``: the doctor's report on a folder of recordings or on a recipe's data."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.data_progress import OnProgress, jobs_of, progress_bar
from kws.files import require_place, write_json

if TYPE_CHECKING:
    from data_tools.check import Listing, Report

EXIT_ERRORS_FOUND = 1
_TERMINAL = Path("-")
_PIPE_COLUMNS = 120


def check(
    data: Annotated[Path, typer.Argument(help="Folder of audio, or a TOML recipe.")],
    root: Annotated[
        Path | None, typer.Option("--data", help="Folder of the audio, instead of the recipe's data.root.")
    ] = None,
    keyword: Annotated[
        list[str] | None,
        typer.Option(help="Class of a folder that is a keyword; other words are then negatives. Again for more."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write all findings with all files as JSON; - for the terminal.")
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw a PNG: of a recipe a batch as the model sees it, of a folder clips and their sound."),
    ] = None,
    files: Annotated[int, typer.Option(min=0, help="How many files of each finding are shown.")] = 4,
    jobs: Annotated[int, typer.Option(help="Processes that read; -1 for all cores.")] = -1,
) -> None:
    """Find what is wrong with recordings before hours of training show it.

    Exit code 0: no errors, perhaps warnings; 1: errors were found; 2: it could not be checked.

    Examples:

        kws data check recordings/

        kws data check recordings/ --keyword computer --json report.json

        kws data check recipes/my-word.toml --data recordings/ --picture batch.png
    """
    from rich.console import Console

    from kws.cli.data_show import show

    is_recipe = data.suffix.lower() == ".toml"
    _refuse(root is not None and not is_recipe, f"--data is {root}", "a recipe before it, such as recipes/my-word.toml")
    _refuse(bool(keyword) and is_recipe, "--keyword is given with a recipe", "a folder; a recipe names its keywords")
    n_jobs = jobs_of(jobs)
    for target in (json_file, picture):
        _require_place(target)
    with progress_bar() as on_progress:
        if is_recipe:
            from kws.cli.data_recipe import check_recipe

            report = check_recipe(data, root, picture, n_jobs, on_progress)
        else:
            report = _check_folder(data, keyword or [], picture, n_jobs, on_progress)
    if json_file == _TERMINAL:
        typer.echo(json.dumps(report.to_json(), indent=1, ensure_ascii=False))
    else:
        # A pipe has no width: lines stay whole there.
        show(report, Console() if sys.stdout.isatty() else Console(width=_PIPE_COLUMNS), files)
    if json_file not in (None, _TERMINAL):
        write_json(json_file, report.to_json())
    if report.has_errors:
        raise typer.Exit(EXIT_ERRORS_FOUND)


def _check_folder(
    folder: Path, keywords: list[str], picture: Path | None, jobs: int, on_progress: OnProgress
) -> Report:
    from data_tools.check import check_data, list_folder

    listing = list_folder(folder, keywords)
    report = check_data(listing, jobs=jobs, on_progress=on_progress)
    if picture is not None:
        _draw_clips(listing, picture)
    return report


def _draw_clips(listing: Listing, picture: Path) -> None:
    from data_tools.check.examples import example_clips
    from data_tools.check.picture import draw_clips

    draw_clips(picture, example_clips(listing))


def _refuse(is_wrong: bool, what: str, accepted: str) -> None:
    from kws.errors import ConfigError

    if is_wrong:
        raise ConfigError(f"{what}; accepted is {accepted}")


def _require_place(target: Path | None) -> None:
    """Find a place that cannot be written before minutes of reading."""
    if target is not None and target != _TERMINAL:
        require_place(target)
