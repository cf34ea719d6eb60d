"""Curves that grow while a run trains, drawn by a process of their own: whatever happens to it, training goes on."""

from __future__ import annotations

import json
import logging
import math
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from kws.errors import ConfigError
from kws.train.observers.base import Observer

if TYPE_CHECKING:
    from kws.train.loop import StepReport
    from kws.train.recipe import Recipe

_log = logging.getLogger(__name__)

PICTURE = "live.png"
_MODULE = "kws.train.observers.live_plot"
_MAX_WAITING = 1024
# At the end: for the last picture.
_CLOSE_TIMEOUT_S = 10.0


class LivePlot(Observer):
    """Opens a window with the loss and the false reject rates; where there is no display, redraws ``live.png``.

    Parameters
    ----------
    out : Path
        Folder of the run.
    recipe : Recipe

    Raises
    ------
    ConfigError
        If no process can be started.
    """

    def __init__(self, out: Path, recipe: Recipe) -> None:
        super().__init__(out, recipe)
        self._has_begun = False
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_MAX_WAITING)
        self._process = _start()
        self._writer = threading.Thread(target=self._write, name="live plot", daemon=True)
        self._reader = threading.Thread(target=self._read, name="live plot answers", daemon=True)
        self._writer.start()
        self._reader.start()
        steps = recipe.training.steps
        self._tell({"title": recipe.name, "steps": steps, "picture": str((out / PICTURE).absolute())})

    def step(self, report: StepReport) -> None:
        """Show a step, and its validation."""
        if not self._has_begun:
            self._has_begun = True
            self._tell_history(report.step)
        if math.isfinite(report.step_loss):
            self._tell({"step": report.step, "loss": report.step_loss, "smoothed": report.loss})
        if report.outcome is not None:
            self._tell({"step": report.step, **report.outcome.to_dict()})

    def close(self) -> None:
        """Close the window, or have the last picture drawn."""
        if self._writer.is_alive():
            try:
                self._waiting.put(None, timeout=_CLOSE_TIMEOUT_S)
                self._writer.join(_CLOSE_TIMEOUT_S)
            except queue.Full:
                _log.debug("the live plot is far behind")
        try:
            self._process.wait(_CLOSE_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _tell_history(self, step: int) -> None:
        """Show the validations of the part of the run before an interruption."""
        try:
            history = json.loads((self.out / "history.json").read_text())
        except (OSError, ValueError):
            return
        for entry in history:
            if entry["step"] < step:
                self._tell({**entry, "smoothed": entry["loss"]})

    def _tell(self, message: dict[str, Any]) -> None:
        # A picture that does not keep up misses points; training never waits for it.
        if self._writer.is_alive() and not self._waiting.full():
            self._waiting.put_nowait(json.dumps(message).encode() + b"\n")

    def _write(self) -> None:
        try:
            with _pipe(self._process.stdin) as pipe:
                while (line := self._waiting.get()) is not None:
                    rest = memoryview(line)
                    while rest:
                        rest = rest[pipe.write(rest) :]
        except OSError:
            _log.warning("the live plot is closed; training goes on without it")

    def _read(self) -> None:
        with _pipe(self._process.stdout) as pipe:
            for line in pipe:
                _log.warning("live plot: %s", line.decode(errors="replace").strip())


def _start() -> subprocess.Popen[bytes]:
    # From the folder that holds the package, so that a clone that is not installed works too. A session of its own
    # keeps Ctrl-C in the terminal away from it: it ends when the pipe does.
    detached: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        detached = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    try:
        return subprocess.Popen(
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd=Path(__file__).resolve().parents[3],
            **detached,
        )
    except OSError as error:
        raise ConfigError(f"--live: no process can be started: {error.strerror}") from None


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
