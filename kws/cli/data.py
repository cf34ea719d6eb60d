"""``kws data``: commands for recordings and data sets."""

from __future__ import annotations

import typer

from kws.cli.data_check import check

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _data() -> None:
    """Look after recordings and data sets.

    Examples:

        kws data check recordings

        kws data check recipes/my-word.toml --picture batch.png
    """


app.command("check")(check)
