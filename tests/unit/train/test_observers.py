"""Observers of training: what they write, and that nothing they do hurts a run."""

import io
import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from kws.errors import ConfigError, MissingPackageError
from kws.evaluate.counting import Counts
from kws.train import observers
from kws.train.batches import Batch
from kws.train.data_config import DataConfig
from kws.train.loop import StepReport
from kws.train.observers import Observer, Observers, live, open_observers, tensorboard
from kws.train.observers.batch_picture import batch_picture
from kws.train.observers.live_plot import Curves, Inbox, main
from kws.train.recipe import Recipe, TrainingConfig
from kws.train.validation import Outcome

DATA = DataConfig(root=".", keywords={"a": ("a",)}, negatives=("n",), noise=("z",))
RECIPE = Recipe(name="word", data=DATA, training=TrainingConfig(steps=100))
PATIENCE_S = 120.0


def outcome(misses: int = 3, cost: float = 0.25) -> Outcome:
    found = {"clean": Counts(20 - misses, misses, 0, 100.0), "noise": Counts(10, 10, 0, 100.0)}
    return Outcome({"a": 0.75}, found, Counts(0, 0, 4, 1800.0), cost)


def report(step: int, outcome: Outcome | None = None) -> StepReport:
    return StepReport(step, 1.0 / step, outcome, 2.0 / step, 1e-3)


def batch() -> Batch:
    """Two streams of four steps of two frames; three bands, two keywords."""
    inputs = torch.arange(48, dtype=torch.float32).reshape(2, 8, 3)
    windows = torch.zeros(2, 4, 2, dtype=torch.int8)
    windows[0, :, 0] = torch.tensor([0, 1, -1, 2])
    labels = torch.zeros(2, 4, 2)
    labels[1, 2, 1] = 1.0
    return Batch(inputs, windows, labels)


# Several as one


class Faulty(Observer):
    """Fails where it is told to, and remembers what it was told."""

    def __init__(self, fails_at: int = 0, fails_to_close: bool = False) -> None:
        self.seen: list[object] = []
        self._fails_at, self._fails_to_close = fails_at, fails_to_close

    def step(self, report: StepReport) -> None:
        self.seen.append(report.step)
        if report.step == self._fails_at:
            raise RuntimeError("no\nluck")

    def close(self) -> None:
        self.seen.append("closed")
        if self._fails_to_close:
            raise OSError("disk full")


def test_an_observer_that_raises_is_logged_once_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    bad, good, last = Faulty(fails_at=2), Faulty(), Faulty(fails_to_close=True)
    group = Observers({"bad": bad, "good": good, "last": last})
    for step in (1, 2, 3):
        group.step(report(step))
    assert group.names == ["good", "last"]
    group.close()
    group.close()
    assert bad.seen == [1, 2]
    assert good.seen == last.seen == [1, 2, 3, "closed"]
    assert caplog.messages == [
        "bad failed and is left out; training goes on: no luck",
        "last failed and is left out; training goes on: disk full",
    ]


def test_unknown_observers_and_missing_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigError, match=r"observer is 'tensorbord' \(did you mean 'tensorboard'\?\)"):
        open_observers(["tensorbord"], tmp_path, RECIPE)

    def missing(*arguments: str) -> None:
        raise MissingPackageError("tensorboard", "tensorboard", "log to TensorBoard")

    monkeypatch.setattr(tensorboard, "import_package", missing)
    with pytest.raises(MissingPackageError, match=r"\[tensorboard\]"):
        open_observers(["tensorboard"], tmp_path, RECIPE)
    # One that only comes along with a profile does not stop a run.
    assert open_observers([], tmp_path, RECIPE, wished=["tensorboard"]).names == []
    assert len(caplog.messages) == 1 and "without tensorboard: tensorboard is needed" in caplog.messages[0]


def test_what_is_asked_for_and_wished_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def kind(name: str):  # noqa: ANN202
        return lambda *arguments: opened.append(name) or Observer(*arguments)

    monkeypatch.setattr(observers, "OBSERVERS", {name: kind(name) for name in ("tensorboard", "live")})
    group = open_observers(["live"], tmp_path, RECIPE, wished=["tensorboard", "live"])
    assert opened == group.names == ["live", "tensorboard"]


# TensorBoard


def events(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    found.Reload()
    return found


def scalars(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, pytest.approx(event.value, rel=1e-6)) for event in found.Scalars(tag)]


def test_tensorboard_has_every_figure(tmp_path: Path) -> None:
    group = open_observers(["tensorboard"], tmp_path, RECIPE)
    group.begin(batch)
    group.step(report(1))
    group.step(report(2, outcome()))
    group.close()
    found = events(tmp_path)
    expected = {
        "loss/smoothed": [(1, 1.0), (2, 0.5)],
        "loss/step": [(1, 2.0), (2, 1.0)],
        "learning rate": [(1, 1e-3), (2, 1e-3)],
        "false reject rate/clean": [(2, 0.15)],
        "false reject rate/noise": [(2, 0.5)],
        "false accepts/count": [(2, 4.0)],
        "false accepts/per hour": [(2, 8.0)],
        "threshold/a": [(2, 0.75)],
        "cost": [(2, 0.25)],
    }
    assert {tag: scalars(found, tag) for tag in found.Tags()["scalars"]} == expected
    (tag,) = found.Tags()["images"]
    (picture,) = found.Images(tag)
    assert (picture.width, picture.height, picture.step) == (8, batch_picture(batch()).shape[0], 1)


def test_a_run_that_goes_on_goes_on_in_the_same_curves(tmp_path: Path) -> None:
    first = open_observers(["tensorboard"], tmp_path, RECIPE)
    for step in (1, 2, 3, 4):
        first.step(report(step))
    first.close()
    # It was killed, and its last save was at step 2: steps 3 and 4 are made once more.
    time.sleep(1.1)
    second = open_observers(["tensorboard"], tmp_path, RECIPE)
    for step in (3, 4, 5):
        second.step(report(step))
    second.close()
    assert [event.step for event in events(tmp_path).Scalars("loss/smoothed")] == [1, 2, 3, 4, 5]


def test_tensorboard_without_a_step_writes_nothing(tmp_path: Path) -> None:
    open_observers(["tensorboard"], tmp_path, RECIPE).close()
    assert list(tmp_path.iterdir()) == []


# The picture of a batch


def test_picture_shows_low_bands_at_the_bottom_and_marks_under_their_frames() -> None:
    picture = batch_picture(batch())
    # Per stream: 3 bands of 2 rows, 2 keywords of 2 strips of 6 rows, and a gap of 8.
    assert picture.shape == (2 * (6 + 24 + 8), 8, 3) and picture.dtype == np.uint8
    # Darkest is the lowest band of the first frame, brightest the highest band of the last.
    assert picture[5, 0].tolist() == [0, 0, 4]
    assert picture[0, 7].tolist() == [252, 253, 191]
    green, grey, low, red = [0, 140, 60], [160] * 3, [230] * 3, [200, 40, 60]
    assert picture[6].tolist() == [low, low, green, green, grey, grey, green, green]
    assert picture[11].tolist() == picture[6].tolist()
    assert picture[12].tolist() == [low] * 8
    second = 38 + 6
    assert picture[second].tolist() == [low] * 8
    assert picture[second + 18].tolist() == [low] * 4 + [red] * 2 + [low] * 2


def test_picture_of_silence_and_of_many_streams() -> None:
    silent = Batch(torch.zeros(50, 8, 3), torch.zeros(50, 4, 1, dtype=torch.int8), torch.zeros(50, 4, 1))
    picture = batch_picture(silent)
    assert picture.shape == (8 * (6 + 12 + 8), 8, 3)
    assert picture[0, 0].tolist() == [0, 0, 4]


# The live plot


def test_curves_of_many_steps_are_thinned_and_keep_their_shape() -> None:
    curves = Curves()
    for step in range(1, 50_001):
        curves.take({"step": step, "loss": 2.0 * step, "smoothed": float(step)})
    assert 1000 <= len(curves.steps) <= 2000
    assert curves.smoothed == curves.steps and curves.losses == [2.0 * step for step in curves.steps]
    assert len(set(np.diff(curves.steps))) == 1
    assert curves.steps[0] <= 64 and curves.steps[-1] > 49_900


def test_best_validation_is_the_newest_of_the_cheapest() -> None:
    curves = Curves()
    assert curves.best is None
    for step, cost in ((1, 0.5), (2, 0.25), (3, 0.25), (4, 0.75)):
        curves.take({"step": step, "cost": cost, "frr": {}})
    assert curves.best is not None and curves.best["step"] == 3


def lines(folder: Path, *messages: dict) -> list[bytes]:
    hello = {"title": "word", "steps": 100, "picture": str(folder / "live.png")}
    return [json.dumps(message).encode() + b"\n" for message in (hello, *messages)]


def test_a_torn_last_message_is_left_out(tmp_path: Path) -> None:
    inbox = Inbox([*lines(tmp_path, {"step": 1, "loss": 1.0, "smoothed": 1.0}), b'{"step": 2'])
    assert inbox.has_ended.wait(PATIENCE_S)
    curves = Curves()
    assert inbox.move_to(curves) and not inbox.move_to(curves)
    assert curves.steps == [1]


def test_without_a_display_a_picture_is_drawn_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    answers = io.StringIO()
    validation = {"step": 2, **outcome().to_dict()}
    main(lines(tmp_path, {"step": 1, "loss": 1.0, "smoothed": 1.0}, validation), answers)
    assert answers.getvalue().startswith("no window can be opened (") and "live.png instead" in answers.getvalue()
    assert image.imread(tmp_path / "live.png").shape == (420, 1100, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["live.png"]


class FakePlot:
    """Starts a Python program in place of the process that draws."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, program: str, *arguments: object) -> None:
        self._command = [sys.executable, "-c", program, *map(str, arguments)]
        monkeypatch.setattr(live, "_start", self.start)

    def start(self) -> subprocess.Popen[bytes]:
        self.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        return self.process


RECORDER = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"


def test_what_the_live_plot_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FakePlot(monkeypatch, RECORDER, tmp_path / "told")
    # What an earlier part of the run left behind; step 40 was never saved and comes again.
    earlier = [{"step": step, "loss": 0.5, **outcome().to_dict()} for step in (10, 20, 40)]
    (tmp_path / "history.json").write_text(json.dumps(earlier))
    group = open_observers(["live"], tmp_path, RECIPE)
    group.step(StepReport(30, 0.75, outcome(cost=0.5)))
    group.step(report(31))
    group.close()
    told = [json.loads(line) for line in (tmp_path / "told").read_text().splitlines()]
    assert told[0] == {"title": "word", "steps": 100, "picture": str(tmp_path / "live.png")}
    assert [(m["step"], m["smoothed"]) for m in told[1:3]] == [(10, 0.5), (20, 0.5)]
    # A validation that is made up for after an interruption comes without a step.
    assert told[3] == {"step": 30, **outcome(cost=0.5).to_dict()}
    assert told[4] == {"step": 31, "loss": pytest.approx(2 / 31), "smoothed": pytest.approx(1 / 31)}
    assert len(told) == 5


def test_a_plot_that_dies_is_reported_once_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = FakePlot(monkeypatch, "import sys; sys.stdin.buffer.readline()")
    group = open_observers(["live"], tmp_path, RECIPE)
    fake.process.wait(PATIENCE_S)
    deadline_s = time.monotonic() + PATIENCE_S
    step = 0
    while not caplog.messages and time.monotonic() < deadline_s:
        step += 1
        group.step(report(step))
    for _ in range(100):
        group.step(report(step))
    group.close()
    assert caplog.messages == ["the live plot is closed; training goes on without it"]


def test_a_plot_that_never_reads_delays_nothing_but_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(live, "_CLOSE_TIMEOUT_S", 0.2)
    fake = FakePlot(monkeypatch, "import time; time.sleep(600)")
    group = open_observers(["live"], tmp_path, RECIPE)
    # Far more than pipe and queue hold.
    for step in range(1, 5001):
        group.step(report(step, outcome()))
    group.close()
    assert fake.process.poll() is not None
    assert all(record.levelno <= logging.WARNING for record in caplog.records)


def test_a_plot_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live.sys, "executable", str(tmp_path / "nothing"))
    with pytest.raises(ConfigError, match="--live: no process can be started: No such file"):
        open_observers(["live"], tmp_path, RECIPE)
