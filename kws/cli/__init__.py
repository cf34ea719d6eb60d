"""The command line: finds a command, runs it, and turns what goes wrong into one line and an exit code.

A command is one file here, ``<name>.py``, with one function of the same name (``_`` for ``-``), or with an ``app``
that holds several. It is imported only when it is called, so that `kws run` never pays for what `kws train` needs.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from kws import __version__
from kws.errors import KwsError, MissingPackageError

_EXTRAS = {
    "torch": "train",
    "accelerate": "train",
    "onnx": "train",
    "matplotlib": "train",
    "onnxruntime": "onnx",
    "joblib": "data",
    "scipy": "eval",
    "jinja2": "eval",
    "tensorboard": "tensorboard",
}
COMMANDS = (
    "run",
    "train",
    "eval",
    "mine",
    "classify",
    "data",
    "record",
    "label",
    "export",
    "verify",
    "synthesize",
    "speak",
    "devices",
    "serve",
    "install-service",
)
EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 128 + signal.SIGINT
# SIGPIPE has no name on Windows.
EXIT_BROKEN_PIPE = 128 + 13


# The terminal was closed; Windows has no such signal.
_END_SIGNALS = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]


class _Terminated(KeyboardInterrupt):
    """A signal that ends everything as Ctrl-C does, with files whole and a summary."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _terminate(number: int, _frame: object) -> None:
    raise _Terminated(number)


def load_command(name: str) -> Any:
    """Import a command's file and return the command, ready to be invoked."""
    function = name.replace("-", "_")
    module = importlib.import_module(f"{__name__}.{function}")
    app = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False)
        app.command(name)(getattr(module, function))
    command = typer.main.get_command(app)
    command.name = name
    return command


class _LazyGroup(TyperGroup):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load_command(cmd_name) if cmd_name in COMMANDS else None


def show_version(is_wanted: bool) -> None:
    """Print the version and leave, if asked to."""
    if is_wanted:
        typer.echo(f"kws-toolkit {__version__}")
        raise typer.Exit


VersionOption = Annotated[
    bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
]

app = typer.Typer(cls=_LazyGroup, add_completion=False)


@app.callback(invoke_without_command=True)
def _kws(ctx: typer.Context, version: VersionOption = False) -> None:
    """Your own wake word: from a few recordings to a real-time detector."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


def main(command: str | None = None, arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; this never returns.

    Parameters
    ----------
    command : str, optional
        Run only this command, as `run.py` does; by default the first argument names it.
    arguments : sequence of str, optional
        By default those of the process.
    """
    for number in _END_SIGNALS:
        # Who started it with `nohup` wants it to go on.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _terminate)
    program = os.path.basename(sys.argv[0]) if command else "kws"
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parser = load_command(command) if command else typer.main.get_command(app)
        code = _invoke(parser, program, given)
        sys.stdout.flush()
    except _Terminated as terminated:
        code = 128 + terminated.number
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone, such as `head`. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EXIT_BROKEN_PIPE
    except (KwsError, OSError) as error:
        code = _fail(str(error))
    except ModuleNotFoundError as error:
        code = _fail(_missing(error))
    sys.exit(code)


def _missing(error: ModuleNotFoundError) -> str:
    """Name the extra that brings a package which a command imports at its top; an own module is a bug."""
    package = (error.name or "").partition(".")[0]
    if package not in _EXTRAS:
        raise error
    return str(MissingPackageError(package, _EXTRAS[package], "run this command"))


def _invoke(parser: Any, program: str, arguments: list[str]) -> int:
    # Not the parser's own main: it would print usage errors on several lines and hide a broken pipe.
    try:
        with parser.make_context(program, arguments) as context:
            parser.invoke(context)
    except typer.Exit as leave:
        return int(leave.exit_code)
    except typer.Abort:
        return EXIT_INTERRUPTED
    except _usage_error() as error:
        context = getattr(error, "ctx", None)
        return _fail(f"{error.format_message()} (see {context.command_path if context else program} --help)")
    return 0


def _usage_error() -> Any:
    # Newer versions of typer carry their own copy of click: the base of its public errors is in both.
    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _fail(message: str) -> int:
    line = " ".join(message.split())
    sys.stderr.write(f"error: {line}\n")
    return EXIT_BAD_INPUT
