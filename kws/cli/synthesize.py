"""``kws synthesize``: labelled streams from folders of clips."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import typer


def synthesize(
    keyword: Annotated[
        list[str], typer.Option(metavar="NAME=DIR", help="Clips of a keyword; may be given several times.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the streams and manifest.csv.")],
    negatives: Annotated[list[Path] | None, typer.Option(help="Clips that are no keyword.")] = None,
    backgrounds: Annotated[list[Path] | None, typer.Option(help="Recordings of noise.")] = None,
    speech: Annotated[list[Path] | None, typer.Option(help="Recordings of background talkers.")] = None,
    count: Annotated[int, typer.Option(help="Number of streams.")] = 100,
    duration: Annotated[float, typer.Option(help="Length of a stream in seconds.")] = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same files.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes to use; -1 for all cores.")] = 1,
) -> None:
    """Make labelled streams: keywords and negatives at random places in noise, as FLAC with one manifest.

    A run that was stopped continues when the same command is given again.

    Examples:

        kws synthesize --keyword computer=clips/computer --negatives clips/other --backgrounds noise --out streams

        kws synthesize --keyword up=clips/up --keyword down=clips/down --out streams --count 1000 --jobs -1
    """
    from data_tools.synthesize.clips import load_folders
    from data_tools.synthesize.settings import SynthesisConfig
    from data_tools.synthesize.stream import StreamSynthesizer
    from data_tools.synthesize.to_disk import write_streams

    config = SynthesisConfig(duration_s=duration)
    synthesizer = StreamSynthesizer(
        {name: load_folders(folders) for name, folders in _folders_by_name(keyword).items()},
        load_folders(negatives or []),
        load_folders(backgrounds or []),
        load_folders(speech or []),
        config,
    )
    with _progress_bar() as on_progress:
        manifest = write_streams(synthesizer, out, count, seed, n_jobs=jobs, on_progress=on_progress)
    typer.echo(f"{count} streams of {duration:g} s: {manifest}")


@contextlib.contextmanager
def _progress_bar() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("synthesizing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _folders_by_name(options: list[str]) -> dict[str, list[Path]]:
    from kws.errors import ConfigError

    folders: dict[str, list[Path]] = {}
    for option in options:
        name, equals, folder = option.partition("=")
        if not (name and equals and folder):
            raise ConfigError(f"--keyword is {option!r}; accepted is NAME=DIR, such as computer=clips/computer")
        folders.setdefault(name, []).append(Path(folder))
    return folders
