"""The plot window: a process of its own, told over a pipe, so that drawing never delays detection."""

from __future__ import annotations

import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np

from kws.audio import FloatArray, to_pcm16
from kws.config import require
from kws.errors import ConfigError, MissingPackageError
from kws.runtime.detector import Event
from kws.runtime.sinks.base import Sink, Status, Summary
from kws.runtime.sinks.best_scores import BestScores
from kws.runtime.sinks.plot_messages import Audio, Curve, Hello, Marker, Message, Scores, pack
from kws.spec import ModelSpec

logger = logging.getLogger(__name__)

_MODULE = "kws.runtime.sinks.plot_window"
# The first start of matplotlib on a slow machine makes its font cache, which takes tens of seconds.
_START_TIMEOUT_S = 120.0
_CLOSE_TIMEOUT_S = 0.8
# About ten seconds of audio and scores; what a window cannot take in that time is not shown.
_MAX_WAITING = 256
_MAX_BEHIND_SAMPLES = 2560


class PlotSink(Sink):
    """Open a window with a scrolling spectrogram, the scores against their thresholds, and the detections.

    The window lives in its own process. A window that is slow loses parts of the picture, one that is closed or
    dies is reported in one log line; detection goes on. It closes with the program.

    Parameters
    ----------
    specs : sequence of ModelSpec
        The models at work; their names differ.
    title : str
        Name of the source.
    seconds : float
        Length of what is seen at once, 1 to 120.

    Raises
    ------
    ConfigError
        If `seconds` is out of range, or no window can be opened here.
    MissingPackageError
        If matplotlib is not installed.
    """

    def __init__(self, specs: Sequence[ModelSpec], title: str, seconds: float = 10.0) -> None:
        require("seconds", seconds, 1.0, 120.0)
        self._models = {spec.name: _Model(index, spec) for index, spec in enumerate(specs)}
        self._end = 0
        self._window = _Window(_hello(specs, title, seconds))

    def audio(self, samples: FloatArray) -> None:
        """Show the next samples."""
        self._end += samples.shape[1]
        if samples.size:
            self._window.tell(Audio(self._end, to_pcm16(samples)))

    def scores(self, scores: FloatArray, model: str) -> None:
        """Keep the scores until it is known that the block has no more of them."""
        self._models[model].hear(scores)

    def event(self, event: Event, model: str) -> None:
        """Mark a detection."""
        self._window.tell(Marker(event.time_s, event.keyword, event.score))

    def status(self, status: Status) -> None:
        """Show the smoothed scores of the block, the highest over the channels."""
        for model in self._models.values():
            message = model.placed(self._end)
            if message is not None:
                self._window.tell(message)

    def end(self, summary: Summary) -> None:
        """Close the window."""
        self._window.close()

    def abort(self) -> None:
        """Close the window."""
        self._window.close()


class _Model:
    """One model's scores, placed on the time axis."""

    def __init__(self, index: int, spec: ModelSpec) -> None:
        self._index = index
        self._best = BestScores(spec)
        self._step_samples = spec.step_samples
        self._waiting: list[FloatArray] = []
        self._end = 0

    def hear(self, scores: FloatArray) -> None:
        """Take raw scores ``(C, T, K)``."""
        if scores.shape[1]:
            self._waiting.append(self._best.update(scores))

    def placed(self, audio_end: int) -> Scores | None:
        """Return the message for the scores that were heard since the last one, if any."""
        if not self._waiting:
            return None
        scores = np.concatenate(self._waiting)
        self._waiting.clear()
        # One score follows the other, a little behind the audio since models take blocks of their own size. After a
        # gap or a sleep, when that is not so, they start again at the end of the audio.
        self._end += len(scores) * self._step_samples
        if not audio_end - _MAX_BEHIND_SAMPLES - self._step_samples <= self._end <= audio_end:
            self._end = audio_end
        return Scores(self._end, self._index, scores)


class _Window:
    """The process: started, told, closed. A thread of its own writes, since a pipe can block."""

    def __init__(self, hello: Hello) -> None:
        self._waiting: queue.Queue[bytes | None] = queue.Queue(_MAX_WAITING)
        self._is_closing = False
        self._process = _start()
        self._writer = threading.Thread(target=self._write, name="plot", daemon=True)
        try:
            self._waiting.put_nowait(pack(hello))
            self._writer.start()
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise

    def tell(self, message: Message) -> None:
        """Pass a message on, or drop it where the window does not keep up."""
        if self._writer.is_alive() and not self._waiting.full():
            self._waiting.put_nowait(pack(message))

    def close(self) -> None:
        """End the process, in about a second at most; a second call does nothing."""
        self._is_closing = True
        if self._writer.is_alive():
            try:
                self._waiting.put_nowait(None)
                self._writer.join(_CLOSE_TIMEOUT_S / 2)
            except queue.Full:
                logger.debug("the plot window is far behind")
        try:
            self._process.wait(_CLOSE_TIMEOUT_S / 2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _write(self) -> None:
        pipe = _pipe(self._process.stdin)
        with pipe:
            try:
                while (message := self._waiting.get()) is not None:
                    _write_all(pipe, message)
            except OSError:
                if not self._is_closing:
                    logger.warning("the plot window is closed; detection goes on without it")

    def _wait_until_ready(self) -> None:
        timer = threading.Timer(_START_TIMEOUT_S, self._process.kill)
        timer.start()
        try:
            with _pipe(self._process.stdout) as pipe:
                line = pipe.readline()
        finally:
            timer.cancel()
        answer = json.loads(line) if line.endswith(b"\n") else {"error": "its process ended at once"}
        if "missing" in answer:
            raise MissingPackageError(answer["missing"], "plot", "open the plot window")
        if "error" in answer:
            raise ConfigError(f"--plot: no window can be opened: {answer['error']}")


def _start() -> subprocess.Popen[bytes]:
    # The folder that holds the package is the working folder, so that a clone that is not installed works too. The
    # session of its own keeps Ctrl-C in the terminal away from the window, which ends when the pipe does.
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
        raise ConfigError(f"--plot: no window can be opened: {error.strerror}") from None


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _write_all(pipe: IO[bytes], message: bytes) -> None:
    rest = memoryview(message)
    while rest:
        rest = rest[pipe.write(rest) :]


def _hello(specs: Sequence[ModelSpec], title: str, seconds: float) -> Hello:
    models = tuple(
        tuple(
            Curve(keyword if len(specs) == 1 else f"{keyword} ({spec.name})", spec.decision_of(keyword).threshold)
            for keyword in spec.keywords
        )
        for spec in specs
    )
    return Hello(title, seconds, models, tuple(spec.step_samples for spec in specs))
