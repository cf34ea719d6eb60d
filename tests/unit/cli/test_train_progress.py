"""What a run shows, and the command it names when it stops."""

from __future__ import annotations

import io
import shlex
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from kws.cli.train import _Options, _resume_command, _stop_line
from kws.cli.train_progress import LINE_EVERY_S, Bar, Lines, open_display


def report(step: int, loss: float = 0.5) -> Any:
    return SimpleNamespace(step=step, loss=loss)


def test_lines_now_and_then() -> None:
    said: list[str] = []
    now_s = [100.0]
    # Goes on at step 200 of 1000.
    lines = Lines(said.append, 1000, 200, lambda: now_s[0])
    for step in range(201, 401):
        now_s[0] += 0.5
        lines.update(report(step))
    # 2 steps a second: the first, then one in half a minute.
    assert said[0] == "step 201/1000, loss 0.500, 2.0 steps/s, 0:06:40 left"
    assert [line.split("/")[0] for line in said] == ["step 201", "step 261", "step 321", "step 381"]
    assert LINE_EVERY_S == 30.0
    lines.update(report(1000))
    assert said[-1].startswith("step 1000/1000") and said[-1].endswith("0:00:00 left")


def test_a_terminal_gets_a_bar_and_a_file_gets_lines() -> None:
    assert isinstance(open_display(Console(file=io.StringIO()), 10, 0), Lines)
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120, color_system=None)
    bar = open_display(console, 10, 4)
    assert isinstance(bar, Bar)
    for step in (5, 6, 7):
        bar.update(report(step, 0.25))
    bar.close()
    bar.close()
    last = text.getvalue().split("\r")[-1]
    assert "7/10" in last and "loss 0.250" in last and "steps/s" in last


def options(**more: Any) -> _Options:
    values = dict(
        recipe=Path("my word.toml"), out=Path("runs/x"), data=None, resume=False, overwrite=True, workers=None
    )
    return _Options(
        **{**values, "cpu": False, "profile": None, "tensorboard": False, "live": False, "qat": None, **more}
    )


@pytest.mark.parametrize(
    ("program", "count", "more", "expected"),
    [
        ("train.py", 1, {}, "python train.py 'my word.toml' --out runs/x --resume"),
        (
            "/usr/bin/kws",
            1,
            dict(data=Path("/a b"), workers=3, cpu=True, profile="low", live=True, qat=Path("best.pt")),
            "kws train 'my word.toml' --out runs/x --data '/a b' --workers 3 --qat best.pt --profile low --cpu "
            "--live --resume",
        ),
        (
            "train.py",
            2,
            {},
            "accelerate launch --multi_gpu --num_processes 2 train.py 'my word.toml' --out runs/x --resume",
        ),
        (
            "/usr/bin/kws",
            4,
            {},
            "accelerate launch --multi_gpu --num_processes 4 /usr/bin/kws train 'my word.toml' --out runs/x --resume",
        ),
    ],
)
def test_the_command_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, program: str, count: int, more: dict[str, Any], expected: str
) -> None:
    monkeypatch.setattr(sys, "argv", [program])
    found = _resume_command(options(**more), SimpleNamespace(count=count))  # type: ignore[arg-type]
    assert found == expected and shlex.split(found)[-1] == "--resume"


def test_what_is_safe_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["train.py"])
    processes: Any = SimpleNamespace(count=1)

    def line(step: int, safe: int | None) -> str:
        trainer: Any = SimpleNamespace(step=step, safe_step=safe)
        return _stop_line(trainer, options(), processes)

    assert line(5, 5).startswith("stopped at step 5, saved; go on with: python train.py ")
    assert line(5, 3).startswith("stopped at step 5, step 3 is on disk; go on with: ")
    assert line(5, None) == "stopped at step 5; nothing was saved"
