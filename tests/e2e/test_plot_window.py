"""The plot window on a screen without hardware: what it shows, and that nothing it does hurts detection."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from matplotlib import image

from kws.audio import FloatArray
from kws.errors import ConfigError
from kws.runtime import Detector, Event
from kws.runtime.sinks import Status, Summary
from kws.runtime.sinks.plot import PlotSink
from tests.tiny_model import tiny_spec

ROOT = Path(__file__).resolve().parent.parent.parent
ASSETS = ROOT / "kws" / "assets"
BLOCK_SAMPLES = 1280
MARKER = np.array([0xFF, 0x4D, 0x6D]) / 255
CURVE = np.array([0x1F, 0x77, 0xB4]) / 255
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen of 1280 x 800 that nobody sees."""
    command = ["Xvfb", "-displayfd", "1", "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    try:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        pytest.fail("Xvfb is not installed: apt-get install xvfb")
    assert server.stdout is not None and server.stderr is not None
    number = server.stdout.readline().strip()
    if not number:
        pytest.fail(f"Xvfb does not start: {server.stderr.read()}")
    yield f":{number}"
    server.terminate()
    server.wait(PATIENCE_S)
    server.stdout.close()
    server.stderr.close()


@pytest.fixture
def on_display(display: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", display)
    for name in ("WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def screenshot(display: str, tmp_path: Path) -> Callable[[], FloatArray]:
    """Returns what is on the screen: (height, width, 3), 0 to 1."""

    def shoot() -> FloatArray:
        path = tmp_path / "screen.png"
        grab = ["-f", "x11grab", "-draw_mouse", "0", "-video_size", "1280x800", "-i", display]
        try:
            subprocess.run(["ffmpeg", "-y", "-v", "error", *grab, "-frames:v", "1", path], check=True)
        except FileNotFoundError:
            pytest.fail("ffmpeg is not installed: apt-get install ffmpeg")
        return np.asarray(image.imread(path))[:, :, :3]

    return shoot


def listen(sink: PlotSink, detector: Detector, scores: list[FloatArray], start_s: float, seconds: float) -> list[Event]:
    """Play a part of the demo to a detector and the sink, four times as fast as it was spoken."""
    samples, _ = soundfile.read(ASSETS / "demo.flac", dtype="float32", start=round(start_s * 16_000))
    found: list[Event] = []
    for start in range(0, round(seconds * 16_000), BLOCK_SAMPLES):
        block = samples[np.newaxis, start : start + BLOCK_SAMPLES]
        events = detector.process(block)
        sink.audio(block)
        for each in scores:
            sink.scores(each, detector.spec.name)
        scores.clear()
        for event in events:
            sink.event(event, detector.spec.name)
        sink.status(Status(start / 16_000))
        found += events
        time.sleep(0.02)
    return found


def share_of(colour: np.ndarray, picture: FloatArray) -> np.ndarray:
    """Return for each column the number of pixels of a colour."""
    return np.asarray((np.abs(picture - colour).max(axis=2) < 0.03).sum(axis=0))


def wait_for(is_true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline_s, "it never came"
        time.sleep(0.2)


def pid_of(sink: PlotSink) -> int:
    return sink._window._process.pid


@pytest.mark.usefixtures("on_display")
def test_window_shows_the_spectrogram_the_scores_and_the_detections(screenshot: Callable[[], FloatArray]) -> None:
    scores: list[FloatArray] = []
    detector = Detector.open(ASSETS / "computer.onnx", on_scores=scores.append)
    sink = PlotSink([detector.spec], "demo.flac")
    assert Path(psutil.Process(pid_of(sink)).cwd()) == ROOT
    # Ctrl-C goes to the session of the terminal: the window is in none.
    assert os.getsid(pid_of(sink)) != os.getsid(0)
    events = listen(sink, detector, scores, start_s=18.5, seconds=9.5)
    assert len(events) == 2
    # A line through both diagrams for each word, at the time axis' places.
    wait_for(lambda: bool((share_of(MARKER, screenshot()) > 300).sum() >= 2))
    picture = screenshot()
    lines = np.flatnonzero(share_of(MARKER, picture) > 300)
    assert lines[-1] - lines[0] > 400
    assert share_of(CURVE, picture).sum() > 500
    # The spectrogram lies between the lines: many colours, speech brighter than the pauses.
    inside = picture[60:340, lines[0] + 5 : lines[-1] - 5]
    assert len(np.unique((255 * inside).astype(int).reshape(-1, 3), axis=0)) > 100
    brightness = inside.mean(axis=(0, 2))
    assert brightness.max() > 1.5 * brightness.min()
    process = sink._window._process
    sink.end(Summary(9.5, 0))
    assert process.returncode == 0
    assert screenshot().max() == 0.0


@pytest.mark.usefixtures("on_display")
def test_window_that_is_killed_does_not_hurt(caplog: pytest.LogCaptureFixture) -> None:
    scores: list[FloatArray] = []
    detector = Detector.open(ASSETS / "computer.onnx", on_scores=scores.append)
    sink = PlotSink([detector.spec], "demo.flac")
    os.kill(pid_of(sink), signal.SIGKILL)
    assert len(listen(sink, detector, scores, start_s=0.0, seconds=4.5)) == 1
    sink.end(Summary(4.5, 0))
    assert [record.getMessage() for record in caplog.records] == [
        "the plot window is closed; detection goes on without it"
    ]


@pytest.mark.usefixtures("on_display")
def test_window_that_hangs_is_not_waited_for_and_catches_up(screenshot: Callable[[], FloatArray]) -> None:
    sink = PlotSink([tiny_spec()], "noise")
    noise = np.random.default_rng(0).normal(0.0, 0.1, (4, BLOCK_SAMPLES)).astype(np.float32)
    os.kill(pid_of(sink), signal.SIGSTOP)
    # 20 MB, far more than pipe and queue hold.
    for _ in range(2000):
        sink.audio(noise)
        sink.scores(np.full((4, 2, 1), 0.25, np.float32), "tiny")
        sink.event(Event("loud", 159.0, 0.5, 0), "tiny")
        sink.status(Status())
    os.kill(pid_of(sink), signal.SIGCONT)
    wait_for(lambda: sink._window._waiting.empty())
    # What was dropped was whole messages: what comes now is understood.
    sink.audio(noise)
    sink.event(Event("loud", 159.9, 0.5, 0), "tiny")
    wait_for(lambda: bool(share_of(MARKER, screenshot()).max() > 300))
    os.kill(pid_of(sink), signal.SIGSTOP)
    process = sink._window._process
    sink.end(Summary(160.0, 0))
    assert process.returncode == -signal.SIGKILL


def test_no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="no window can be opened: matplotlib shows no windows here") as caught:
        PlotSink([tiny_spec()], "noise")
    assert "\n" not in str(caught.value)
