"""``kws data import``: data sets of other people as clips with a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kws.cli.data_progress import jobs_of, progress_bar
from kws.errors import ConfigError

if TYPE_CHECKING:
    from data_tools.ingest import Imported

_SHOWN_FAILURES = 5


def import_(
    places: Annotated[list[str], typer.Argument(metavar="[KIND] SOURCE", help="Layout, and folder or file.")],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of the clips and their manifest.csv. With --link: SOURCE."),
    ] = None,
    link: Annotated[
        bool,
        typer.Option("--link", help="Leave the files in place; only the manifest is written, beside or above them."),
    ] = False,
    word: Annotated[
        str, typer.Option(help="The keyword: label of a Precise wake-word; looked for in transcripts.")
    ] = "",
    columns: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="COLUMN=VALUE", help="Set a column for all clips, such as licence=CC0-1.0."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take at most so many clips, spread evenly.")] = None,
    file_format: Annotated[str, typer.Option("--format", metavar="flac|wav", help="Format of copies.")] = "flac",
    jobs: Annotated[int, typer.Option(help="Clips that are read at a time; -1 for all cores.")] = -1,
) -> None:
    """Take over a data set: 16 kHz clips and a manifest with label, speaker, split, language, source and licence.

    KIND is speech-commands, precise, common-voice, librispeech, audacity or folders; without it the layout tells.
    Interrupted, the same command goes on where it stopped.

    Examples:

        kws data import speech_commands_v0.02 --out data/commands

        kws data import common-voice cv-corpus-17.0/en --out data/voices --word computer --limit 20000

        kws data import precise athena-data --word athena --set licence=CC0-1.0 --out data/athena

        kws data import audacity evening.wav --set speaker=anna --out data/evening

        kws data import folders recordings --link
    """
    from rich.console import Console

    from data_tools.ingest import KINDS, ImportOptions, Wanted, detect_kind, import_data
    from kws.config import require_one_of
    from kws.train.official_split import OfficialSplit

    if len(places) > 2:
        raise ConfigError(f"{len(places)} places were given; accepted is SOURCE, or KIND and SOURCE")
    place = Path(places[-1])
    if len(places) == 2:
        require_one_of("KIND", places[0], KINDS)
    if not place.exists():
        raise ConfigError(f"{place}: no such file or folder")
    kind = places[0] if len(places) == 2 else detect_kind(place)
    if out is None and not link:
        raise ConfigError("no --out is given; accepted is a folder for the clips, or --link to leave them in place")
    target = out or (place if place.is_dir() else place.parent)
    if not link and target.resolve().is_relative_to(place.resolve()):
        raise ConfigError(f"--out {target} lies in {place} itself; accepted is a folder elsewhere, or --link")
    options = ImportOptions(link, file_format, _columns(columns or []), jobs_of(jobs))
    console = Console(stderr=True)
    console.print(f"{place}: {KINDS[kind].title}", markup=False)
    entries = KINDS[kind].entries(place, Wanted(word, OfficialSplit().side))
    if limit is not None:
        entries = entries[:: -(-len(entries) // limit)]
    with progress_bar() as on_progress:
        found = import_data(entries, target, options, lambda done, total: on_progress("clips", done, total))
    _show(found, target)


def _columns(texts: list[str]) -> dict[str, str]:
    result: dict[str, str] = {}
    for text in texts:
        name, mark, value = text.partition("=")
        if not mark or not name or name in ("path", "sha1", "duration_s", "sample_rate", "format"):
            raise ConfigError(f"--set is {text!r}; accepted is COLUMN=VALUE with a column that is not measured")
        result[name] = value
    return result


def _show(found: Imported, target: Path) -> None:
    import sys

    from rich.console import Console

    from kws.cli.data_tally import show_licences, show_tally
    from kws.manifest import MANIFEST

    console = Console() if sys.stdout.isatty() else Console(width=120)
    show_tally(found.rows, console)
    show_licences(found.rows, console)
    known = f", {found.n_known} of them from before" if found.n_known else ""
    console.print(f"{target / MANIFEST}: {len(found.rows)} clips{known}", markup=False, highlight=False, soft_wrap=True)
    if found.failures:
        typer.echo(f"careful: {len(found.failures)} files could not be read and are left out:", err=True)
        for _, reason in found.failures[:_SHOWN_FAILURES]:
            typer.echo(f"  {reason}", err=True)
        if len(found.failures) > _SHOWN_FAILURES:
            typer.echo(f"  and {len(found.failures) - _SHOWN_FAILURES} more", err=True)
