"""``kws install-service``: let systemd start ``kws run`` and watch over it."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kws.errors import ConfigError


def install_service(
    run_options: Annotated[
        list[str] | None, typer.Argument(metavar="RUN-OPTIONS", help="Options of kws run, after --.")
    ] = None,
    user: Annotated[
        bool, typer.Option("--user", help="A service of your own, which needs no root; the sound of your login.")
    ] = False,
    name: Annotated[str, typer.Option(metavar="NAME", help="Name of the service.")] = "kws",
    run_as: Annotated[
        str | None,
        typer.Option(metavar="USER", help="Without --user: who runs it. By default who called sudo."),
    ] = None,
    start: Annotated[
        bool, typer.Option("--start/--no-start", help="Start it now, not only with the next login or boot.")
    ] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a different unit of that name.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the unit; change nothing.")] = False,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Stop the service and remove it.")] = False,
) -> None:
    """Install `kws run` as a service of systemd, which starts it at login or boot, and anew when it fails.

    It runs in the folder in which this is called, and waits for its microphone (--wait is added).

    Examples:

        kws install-service --user -- --device usb --exec 'aplay ding.wav'

        kws install-service --user --dry-run

        kws install-service --user --uninstall
    """
    from kws.service import Installation, service_unit, systemd_version

    place = Installation(name, user)
    if uninstall:
        place.uninstall()
        typer.echo(f"{place.unit_path} is removed, and {name} stopped.")
        return
    options = _checked_options(list(run_options or []))
    command = [*_program(), "run", *options]
    unit = service_unit(name, command, Path.cwd(), None if user else _who(run_as), systemd_version())
    if dry_run:
        typer.echo(unit, nl=False)
        return
    place.install(unit, starts=start, replaces=force)
    _tell(name, place.unit_path, user, start)


def _checked_options(given: list[str]) -> list[str]:
    """Parse the options as `kws run` would, so that a mistake is said now and not in the journal."""
    from kws.cli import load_command
    from kws.cli.models import open_detectors
    from kws.cli.run_parts import check_actions, prepare

    # The parser takes its list apart.
    parsed = load_command("run").make_context("kws run", list(given)).params
    not_checked = ("demo_if_no_microphone", "verbose", "version")
    setup = prepare(**{name: value for name, value in parsed.items() if name not in not_checked})
    if parsed["view"] or parsed["plot"]:
        raise ConfigError("--view and --plot are for people who watch; a service has no terminal and no screen")
    open_detectors(setup.models, setup.rules, setup.listening.plan.fusion)
    check_actions(setup.actions)
    is_microphone = parsed["source"] is None
    if parsed["source"] == "-":
        raise ConfigError("--source - reads a pipe, which a service has not; accepted are the microphone and a file")
    return [*given, "--wait"] if is_microphone and not parsed["wait"] else given


def _program() -> Sequence[str]:
    # Not resolved: the link in a virtual environment is what makes it one.
    python = os.path.abspath(sys.executable)
    script = Path(sysconfig.get_path("scripts")) / "kws"
    return [python, str(script)] if script.is_file() else [python, "-c", "from kws.cli import main; main()"]


def _who(run_as: str | None) -> str:
    who = run_as or os.environ.get("SUDO_USER", "")
    if not who:
        raise ConfigError("a service of the system needs --run-as USER; --user installs one of your own")
    # `User=` takes no quotes.
    if not all(c.isalnum() or c in "_-." for c in who):
        raise ConfigError(f"--run-as is {who!r}; accepted are letters, digits, _, - and .")
    return who


def _tell(name: str, unit_path: Path, is_user: bool, is_started: bool) -> None:
    flag = " --user" if is_user else ""
    typer.echo(f"{unit_path} is installed, and {name} {'is listening' if is_started else 'starts next time'}.")
    typer.echo(f"  systemctl{flag} status {name}")
    typer.echo(f"  journalctl{flag} -u {name} -f")
    if is_user:
        typer.echo("It starts when you log in. On a machine where nobody does, let it start at boot:")
        typer.echo("  loginctl enable-linger")
