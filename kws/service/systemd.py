"""A service of systemd: the text of its unit, and putting it in its place."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.config import shown
from kws.errors import ConfigError, KwsError
from kws.files import replacing
from kws.packages import one_line

MARKER = "# Written by kws install-service."
"""First line of every unit that was installed by this module; no other is ever removed."""

SYSTEM_FOLDER = Path("/etc/systemd/system")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_BARE_WORD = re.compile(r"[A-Za-z0-9_@+=:,./-]+")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r", "%": "%%"}
# An `enable --now` waits until the service says that it listens: longer than the 90 s that systemd gives it.
_SYSTEMCTL_TIMEOUT_S = 150.0

_UNIT = """\
{marker}
[Unit]
Description=Keyword spotting ({name})
After={after}
# However often it fails, it is started again.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
WorkingDirectory={folder}
Environment=PYTHONUNBUFFERED=1
WatchdogSec=30
Restart=on-failure
RestartSec=5
{backoff}# Ended as by Ctrl-C: what is half-done is finished first.
KillSignal=SIGINT
KillMode=mixed
TimeoutStopSec=15
SuccessExitStatus=130 143
NoNewPrivileges=yes
LockPersonality=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
{extra}
[Install]
WantedBy={target}
"""
# Longer and longer waits. Older versions complain of keys that they do not know.
_BACKOFF = "RestartSteps=5\nRestartMaxDelaySec=60\n"
_BACKOFF_VERSION = 254
# What needs a mount namespace is left to the system's own manager: a user's has none on many machines.
_SYSTEM_EXTRA = """\
User={user}
SupplementaryGroups=audio
ProtectSystem=full
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
PrivateTmp=yes
"""


def service_unit(name: str, command: Sequence[str], folder: Path, user: str | None = None, version: int = 0) -> str:
    """Return the text of a unit file.

    Parameters
    ----------
    name : str
        Name of the service.
    command : sequence of str
        Program, by its absolute path, and arguments. They reach the program as they are, whatever they hold.
    folder : Path
        Where it runs; relative paths in `command` are relative to it.
    user : str, optional
        For a unit of the system: who runs it. By default it is a unit of a user's own manager.
    version : int
        Of systemd; from 254 on, the waits between restarts grow from 5 s to a minute.

    Raises
    ------
    ConfigError
        If `name` is no name, a path is not absolute, or a word holds what no unit can.

    References
    ----------
    Manual pages systemd.service(5), systemd.exec(5) and systemd.syntax(7).
    """
    check_name(name)
    if not command or not os.path.isabs(command[0]):
        raise ConfigError(f"program is {shown(command[:1])}; accepted is an absolute path")
    for path in (command[0], str(folder)):
        if not path.isprintable():
            raise ConfigError(f"path {shown(path)} holds control characters, which no unit can hold")
    # The colon: $ is a plain character in all that follows.
    words = [f":{command[0]}", *command[1:]]
    sound = "sound.target"
    if user is None:
        sound += " pipewire.service pipewire-pulse.service wireplumber.service pulseaudio.service"
    return _UNIT.format(
        marker=MARKER,
        name=name,
        after=sound,
        command=" ".join(quote(word) for word in words),
        backoff=_BACKOFF if version >= _BACKOFF_VERSION else "",
        folder=str(folder).replace("%", "%%"),
        extra="" if user is None else _SYSTEM_EXTRA.format(user=user),
        target="default.target" if user is None else "multi-user.target",
    )


def quote(word: str) -> str:
    """Write one word of a command line as systemd reads it, variables (``$``) aside.

    Raises
    ------
    ConfigError
        If the word holds a character that no argument can.
    """
    if "\0" in word:
        raise ConfigError(f"argument {shown(word)} holds a zero byte, which no argument can")
    if _BARE_WORD.fullmatch(word):
        return word
    escaped = (_ESCAPES.get(c, c if c.isprintable() or ord(c) > 127 else f"\\x{ord(c):02x}") for c in word)
    return '"' + "".join(escaped) + '"'


def check_name(name: str) -> None:
    """Raise :class:`ConfigError` unless `name` can be that of a service."""
    if not _NAME.fullmatch(name) or name.endswith(".service"):
        accepted = "letters, digits, _, - and . (without .service at the end)"
        raise ConfigError(f"name is {shown(name)}; accepted are {accepted}")


def systemd_version() -> int:
    """Return the version of systemd, 0 where there is none."""
    try:
        said = subprocess.run(["systemctl", "--version"], capture_output=True, text=True, timeout=10.0).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.match(r"systemd (\d{1,6})", said)
    return int(match[1]) if match else 0


@dataclass(frozen=True)
class Installation:
    """The place of one service, of this user or of the system.

    Parameters
    ----------
    name : str
    is_user : bool
        Of the user's own manager; else of the system's.

    Raises
    ------
    ConfigError
        If `name` is no name.
    """

    name: str
    is_user: bool

    def __post_init__(self) -> None:
        check_name(self.name)

    @property
    def unit_path(self) -> Path:
        """Where the unit file lies."""
        if not self.is_user:
            return SYSTEM_FOLDER / f"{self.name}.service"
        config = os.environ.get("XDG_CONFIG_HOME", "")
        # As the specification says, a relative path there is to be ignored.
        home = Path(config) if os.path.isabs(config) else Path.home() / ".config"
        return home / "systemd" / "user" / f"{self.name}.service"

    def install(self, unit: str, starts: bool = True, replaces: bool = False) -> None:
        """Write the unit, and have the manager enable and start it.

        A unit that the manager does not even read is taken back; one that was read and does not start stays, so
        that its journal can be looked at.

        Parameters
        ----------
        unit : str
            Text of the unit.
        starts : bool
            Start it now, not only with the next login or boot.
        replaces : bool
            Whether a different unit of that name may be replaced; it is then restarted.

        Raises
        ------
        ConfigError
            If there is a different unit of that name, and it may not be replaced.
        KwsError
            If there is no systemd, the file cannot be written, or the manager refuses.
        """
        self._check_manager()
        old = self._read()
        if old is not None and old != unit and not replaces:
            raise ConfigError(f"{self.unit_path} is there and different; --force replaces it")
        try:
            self._write(unit)
            self._systemctl("daemon-reload")
        except KwsError:
            self._put_back(old)
            raise
        self._systemctl("enable", *(["--now"] if starts else []), self._unit_name)
        if starts and old is not None and old != unit:
            self._systemctl("restart", self._unit_name)

    def uninstall(self) -> None:
        """Stop and disable the service, and remove its unit.

        Raises
        ------
        ConfigError
            If there is none, or it was written by somebody else.
        KwsError
            If there is no systemd, or the manager refuses.
        """
        unit = self._read()
        if unit is None:
            raise ConfigError(f"{self.unit_path}: no such unit")
        if not unit.startswith(MARKER):
            raise ConfigError(f"{self.unit_path} was not written by kws install-service; it is left as it is")
        self._check_manager()
        self._systemctl("disable", "--now", self._unit_name)
        try:
            self.unit_path.unlink()
        except OSError as error:
            raise KwsError(f"{self.unit_path}: cannot be removed ({one_line(error)})") from None
        self._systemctl("daemon-reload")

    @property
    def _unit_name(self) -> str:
        return f"{self.name}.service"

    def _check_manager(self) -> None:
        if shutil.which("systemctl") is None:
            raise KwsError(
                "systemctl is not installed, so there is no systemd to run a service; nothing was changed. "
                "Start kws run by what this machine has instead; --dry-run shows the unit"
            )
        if not self.is_user and os.geteuid() != 0:
            raise KwsError("a service of the system needs root; use sudo, or --user for one of your own")

    def _read(self) -> str | None:
        try:
            return self.unit_path.read_text(encoding="utf-8", errors="surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise KwsError(f"{self.unit_path}: cannot be read ({one_line(error)})") from None

    def _write(self, unit: str) -> None:
        try:
            self.unit_path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.unit_path) as temporary:
                temporary.write_text(unit, encoding="utf-8", errors="surrogateescape")
                # Its command may hold a password.
                temporary.chmod(0o600)
        except OSError as error:
            raise KwsError(f"{self.unit_path}: cannot be written ({one_line(error)})") from None

    def _put_back(self, old: str | None) -> None:
        if old is not None:
            self._write(old)
        else:
            self.unit_path.unlink(missing_ok=True)

    def _systemctl(self, *arguments: str) -> None:
        command = ["systemctl", *(["--user"] if self.is_user else []), *arguments]
        shown_command = " ".join(command)
        try:
            finished = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SYSTEMCTL_TIMEOUT_S
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KwsError(f"{shown_command} failed ({one_line(error)})") from None
        if finished.returncode:
            said = " ".join((finished.stderr or finished.stdout).split()) or f"exit code {finished.returncode}"
            raise KwsError(f"{shown_command} failed: {said[:300]}")
