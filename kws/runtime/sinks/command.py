"""A program that is started for each detection."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import sys
from typing import Any

from kws.config import require, shown
from kws.errors import ConfigError
from kws.runtime.detector import Event
from kws.runtime.sinks.template import Template, message
from kws.runtime.sinks.worker import WorkerSink

_log = logging.getLogger(__name__)


class CommandSink(WorkerSink[dict[str, Any]]):
    """Start a program without a shell; each argument is passed as it is, whatever a keyword is called.

    One program runs at a time. While it runs the newest detection waits, and the others are dropped. What it writes
    goes to our stderr, so that stdout stays clean. When listening ends, a program that runs is left to itself.

    Parameters
    ----------
    template : str
        Program and arguments, quoted as for a shell, with the placeholders of
        :data:`kws.runtime.sinks.template.PLACEHOLDERS` in the arguments.
    timeout_s : float
        The program, and what it started, is killed after that long.

    Raises
    ------
    ConfigError
        If the command is empty, has an open quote or an unknown placeholder, or its program is not there.
    """

    def __init__(self, template: str, timeout_s: float = 10.0) -> None:
        require("timeout", timeout_s, 0.001, 86_400.0)
        self._program, self._arguments = _parse(template)
        self._timeout_s = timeout_s
        self._is_aborted = False
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__(f"--exec {os.path.basename(self._program)}", n_queued=1)

    def abort(self) -> None:
        """Kill the program, if one runs."""
        super().abort()
        self._is_aborted = True
        if self._process is not None:
            _kill(self._process)

    def _item(self, event: Event, model: str) -> dict[str, Any]:
        return message(event, model)

    def _act(self, item: dict[str, Any]) -> None:
        output = _stderr()
        self._process = subprocess.Popen(
            [self._program, *(argument.fill(item) for argument in self._arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # A group of its own: a time-out ends all that it started, and Ctrl-C is for us.
            start_new_session=True,
        )
        if self._is_aborted:
            # Just before it was started.
            _kill(self._process)
        try:
            code = self._process.wait(self._timeout_s)
        except subprocess.TimeoutExpired:
            _kill(self._process)
            _log.warning("%s was killed after %g s", self._name, self._timeout_s)
            return
        if code and not self._is_aborted:
            _log.warning("%s ended with exit status %d", self._name, code)


def _parse(template: str) -> tuple[str, list[Template]]:
    """Return the path of the program, and its arguments."""
    try:
        words = shlex.split(template)
    except ValueError as error:
        raise ConfigError(f"--exec {shown(template)}: {error}; accepted are quotes in pairs") from None
    if not words:
        raise ConfigError(f"--exec {shown(template)} is empty; accepted is a program with arguments")
    program, *arguments = [Template(word, "--exec") for word in words]
    if program.has_placeholders:
        raise ConfigError(f"--exec {shown(template)}: placeholders are accepted in arguments, not in the program")
    path = shutil.which(program.fill({}))
    if path is None:
        raise ConfigError(f"--exec {shown(template)}: no program {shown(words[0])}; accepted is one on PATH, or a path")
    return path, arguments


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The number of a process that has ended may belong to another one.
    if process.poll() is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _stderr() -> int:
    """Return where a program may write: our stderr, or nowhere if that is no file."""
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        return subprocess.DEVNULL
