"""``kws label``: a page on this machine to label where keywords are, and what to do with the labels."""

from __future__ import annotations

import shlex
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from kws.errors import ConfigError

if TYPE_CHECKING:
    from data_tools.label import Guess, Proposer
    from data_tools.label.clips import Exported
    from data_tools.label.sound import OnProgress

_OPEN = "open"
_DEFAULT_KEYWORD = "keyword"

OutOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Labels lie here instead of beside the recordings.")
]
TargetArgument = Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A recording, or a folder of them.")]


class _OpenByDefault(TyperGroup):
    """``kws label DIR`` is ``kws label open DIR``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args and args[0] in self.commands else [_OPEN, *args])


app = typer.Typer(cls=_OpenByDefault, add_completion=False)


@app.callback()
def _label() -> None:
    """Label where keywords are in recordings."""


@app.command(_OPEN)
def open_page(
    target: TargetArgument,
    model: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Model that proposes regions; each is a key to accept or reject."),
    ] = None,
    floor: Annotated[
        float, typer.Option(metavar="0..1", help="Lowest score that is proposed; detections always are.")
    ] = 0.3,
    keyword: Annotated[list[str] | None, typer.Option(metavar="WORD", help="A word to label. Again for more.")] = None,
    out: OutOption = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on this machine; 0 is a free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Label where keywords are: a page in the browser, served to this machine only, until Ctrl-C.

    Every change is saved at once, as NAME.labels.json beside each recording. The other commands are
    kws label import (Audacity's label tracks) and kws label export (for kws eval, or label tracks).

    Examples:

        kws label radio.flac --keyword computer

        kws label recordings/ --model my-word.onnx --floor 0.2

        kws label import radio.flac radio.txt

        kws label export recordings/ --manifest test/manifest.csv
    """
    from data_tools.label import Session, list_places
    from data_tools.label.serving import serve

    places = list_places(target, out)
    proposer = None if model is None else _proposer(model, floor)
    words = [*(keyword or ())] or ([] if proposer else [_DEFAULT_KEYWORD])
    session = Session(places, words, proposer)
    if words == [_DEFAULT_KEYWORD] and not keyword:
        typer.echo(f"no --keyword was given: what you draw is called {_DEFAULT_KEYWORD!r}", err=True)

    def on_ready(address: str) -> None:
        what = "1 recording" if len(places) == 1 else f"{len(places)} recordings"
        typer.echo(f"{what} to label: {address}\nCtrl-C ends it; every change is saved already")
        if not no_browser:
            webbrowser.open(address)

    serve(session, port, on_ready)


@app.command("import")
def import_tracks(
    target: TargetArgument,
    tracks: Annotated[Path, typer.Argument(help="Label track of Audacity, or a folder with one NAME.txt a recording.")],
    out: OutOption = None,
) -> None:
    """Take over label tracks of Audacity; labels that are there already stay.

    Examples:

        kws label import radio.flac radio.txt

        kws label import recordings/ tracks/ --out labels/
    """
    from data_tools.label.tracks import import_all

    n_files, n_regions = import_all(target, tracks, out)
    typer.echo(f"{n_regions} labels taken over for {n_files} recordings")


@app.command("export")
def export(
    target: TargetArgument,
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Cut clips of words and negatives and describe them here.")
    ] = None,
    audacity: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write label tracks of Audacity, one NAME.txt a recording.")
    ] = None,
    out: OutOption = None,
) -> None:
    """Turn labels into what kws eval and kws train read, or into label tracks.

    Beside the manifest lie words/KEYWORD/ and negatives/.

    Examples:

        kws label export recordings/ --manifest test/manifest.csv

        kws label export recordings/ --audacity tracks/
    """
    from data_tools.label import list_places

    if manifest is None and audacity is None:
        raise ConfigError("nothing to export to: accepted are --manifest FILE, --audacity DIR, or both")
    places = list_places(target, out)
    if manifest is not None:
        _export_clips(places, manifest)
    if audacity is not None:
        from data_tools.label.tracks import export_all

        typer.echo(f"{export_all(places, audacity)} label tracks in {audacity}")


def _export_clips(places: Any, manifest: Path) -> None:
    from data_tools.label.clips import export_clips
    from kws.cli.data_progress import progress_bar

    with progress_bar() as on_progress:
        exported = export_clips(places, manifest, lambda done, total: on_progress("cutting", done, total))
    words = ", ".join(f"{n} of {word!r}" for word, n in sorted(exported.words.items())) or "no words"
    typer.echo(f"{manifest}: {words}, {exported.negatives_s / 60:.1f} minutes without")
    typer.echo(f"judge a model on it: {_eval_command(manifest.parent, exported)}")
    if exported.waiting:
        typer.echo(f"{exported.waiting} proposals wait for a decision: they are neither words nor negatives", err=True)
    if exported.incomplete:
        first, n_more = exported.incomplete[0], len(exported.incomplete) - 1
        names = f"{first} and {n_more} more are" if n_more else f"{first} is"
        typer.echo(f"{names} not marked as complete (D): no negatives are cut from there", err=True)


def _eval_command(folder: Path, exported: Exported) -> str:
    """Return the command that judges a model on what was exported."""
    from data_tools.label.clips import NEGATIVES, WORDS, folder_name

    places = {word: str(folder / WORDS / folder_name(word)) for word in sorted(exported.words)}
    # Of several keywords each folder is one's.
    given = [place if len(places) == 1 else f"{word}={place}" for word, place in places.items()]
    options = [f"--words {shlex.quote(text)}" for text in given]
    if exported.negatives_s:
        options.append(f"--negatives {shlex.quote(str(folder / NEGATIVES))}")
    return " ".join(["kws eval MODEL", *options])


def _proposer(model: Path, floor: float) -> Proposer:
    from data_tools.label import Guess, Proposer
    from data_tools.label.sound import sound_info
    from kws.config import require
    from kws.evaluate.candidates import candidates
    from kws.runtime import open_runner
    from kws.spec import UNKNOWN

    require("--floor", floor, 0.001, 1.0)
    spec = open_runner(model).spec

    def listen(path: Path, on_progress: OnProgress) -> list[Guess]:
        total_s = sound_info(path).duration_s
        found = candidates(model, path, floor, lambda heard_s: on_progress(min(1.0, heard_s / total_s)))
        return [Guess(one.keyword, one.time_s, one.score) for one in found]

    keywords = tuple(word for word in spec.keywords if word != UNKNOWN)
    return Proposer(f"{model.name} from {floor:g}", keywords, listen)
