"""``kws data``: commands for recordings and data sets."""

from __future__ import annotations

import typer

from kws.cli.data_check import check
from kws.cli.data_import import import_
from kws.cli.data_split import split

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _data() -> None:
    """Look after recordings and data sets.

    Examples:

        kws data import speech_commands_v0.02 --out data/commands

        kws data split data/commands

        kws data check data/commands
    """


app.command("import")(import_)
app.command("split")(split)
app.command("check")(check)
