"""The command: folders in, streams out, one line for what is wrong."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from kws.audio import write_audio
from kws.cli.synthesize import synthesize
from kws.errors import KwsError


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(synthesize)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name, n_samples in (("up", 4000), ("down", 5000), ("other", 3000), ("noise", 40_000), ("talk", 40_000)):
        (tmp_path / name).mkdir()
        write_audio(tmp_path / name / "1.wav", (rng.standard_normal(n_samples) * 0.1).astype(np.float32))
    return tmp_path


def test_the_command_writes_streams_of_all_keywords(run, folders):
    result = run(
        *("--keyword", f"up={folders / 'up'}", "--keyword", f"down={folders / 'down'}"),
        *("--negatives", folders / "other", "--backgrounds", folders / "noise", "--speech", folders / "talk"),
        *("--out", folders / "out", "--count", 12, "--duration", 2, "--seed", 1, "--jobs", 1),
    )
    assert result.exit_code == 0, result.output
    assert "12 streams of 2 s" in result.stdout
    with (folders / "out" / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12 and all(float(row["duration_s"]) == 2.0 for row in rows)
    assert {s["label"] for row in rows for s in json.loads(row["segments"])} == {"up", "down", ""}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"--keyword": "up"}, "accepted is NAME=DIR"),
        ({"--keyword": "=x"}, "accepted is NAME=DIR"),
        ({"--keyword": "up=nowhere"}, "nowhere: no such folder"),
        ({"--count": 0}, "n_streams is 0"),
        ({"--duration": 0.1}, "no room"),
        ({"--duration": "nan"}, "duration_s is nan"),
        ({"--seed": -1}, "seed is -1"),
        ({"--negatives": "nowhere"}, "nowhere: no such folder"),
    ],
)
def test_bad_input_is_one_clear_error(run, folders, changes, message):
    options = {"--keyword": f"up={folders / 'up'}", "--out": folders / "out"} | changes
    result = run(*(item for pair in options.items() for item in pair))
    # The command line's own handler turns these into one line and exit code 2.
    assert isinstance(result.exception, KwsError)
    assert message in str(result.exception) and "\n" not in str(result.exception)
    assert not (folders / "out").exists()


def test_the_help_shows_examples(run):
    assert "kws synthesize --keyword" in run("--help").output
