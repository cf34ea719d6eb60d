"""Two hearings of the same model: what is a difference, and what is nothing to compare."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.tiny_model import bursts, write_tiny_model
from tools.hearing import Hearing, NothingToCompareError, differences, largest_difference, take

TOOL = Path(__file__).resolve().parents[3] / "tools" / "hearing.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hearing")
    write_tiny_model(folder / "tiny.onnx")
    soundfile.write(folder / "talk.wav", bursts(), 16_000)
    return folder


@pytest.fixture(scope="module")
def heard(folder: Path) -> Hearing:
    return take(folder / "tiny.onnx", folder / "talk.wav")


@pytest.fixture
def there(heard: Hearing) -> Hearing:
    return copy.deepcopy(heard)


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), *map(str, arguments)], capture_output=True, text=True)


def test_it_takes_events_all_scores_and_versions(heard: Hearing, folder: Path) -> None:
    n_samples = soundfile.info(folder / "talk.wav").frames
    assert len(heard["events"]) == 2
    assert heard["audio_s"] == n_samples / 16_000
    n_scores = len(heard["scores"])
    assert n_scores and all(0 <= row[0] <= 1 for row in heard["scores"])
    assert heard["packages"]["numpy"] == np.__version__


def test_the_same_is_the_same(heard: Hearing, there: Hearing) -> None:
    there["machine"], there["cpu_s"], there["packages"] = "aarch64", 99.0, {"numpy": "1.0"}
    assert differences(heard, there) == []


def test_an_event_that_is_missing_and_one_that_is_new(heard: Hearing, there: Hearing) -> None:
    keyword, time_s, score = there["events"].pop()
    there["events"].append([keyword, time_s + 0.04, score])
    found = differences(heard, there)
    assert found == [f"not there: {keyword} at {time_s} s", f"only there: {keyword} at {time_s + 0.04} s"]


def test_another_keyword_at_the_same_time(heard: Hearing, there: Hearing) -> None:
    there["events"][0][0] = "other"
    assert len(differences(heard, there)) == 2


def test_an_event_told_twice(heard: Hearing, there: Hearing) -> None:
    there["events"].append(there["events"][0])
    assert any(line.startswith("only there") for line in differences(heard, there))


@pytest.mark.parametrize(("shift", "n_found"), [(0.9e-3, 0), (1.1e-3, 1), (-1.1e-3, 1), (float("nan"), 1)])
def test_one_score_of_all(shift: float, n_found: int, heard: Hearing, there: Hearing) -> None:
    there["scores"][7][0] += shift
    assert len(differences(heard, there, tolerance=1e-3)) == n_found


def test_the_score_of_an_event(heard: Hearing, there: Hearing) -> None:
    there["events"][1][2] += 0.002
    assert largest_difference(heard, there) == pytest.approx(0.002)
    assert differences(heard, there) == ["scores differ by 2.0e-03; accepted is 0.001"]


def test_fewer_scores(heard: Hearing, there: Hearing) -> None:
    there["scores"].pop()
    assert differences(heard, there) == ["scores differ by inf; accepted is 0.001"]


@pytest.mark.parametrize("part", ["model", "recording"])
def test_another_model_or_recording_is_nothing_to_compare(part: str, heard: Hearing, there: Hearing) -> None:
    there[part]["sha256"] = "0"
    with pytest.raises(NothingToCompareError, match=f"the {part} is not the same"):
        differences(heard, there)


def test_without_events_nothing_is_proven(heard: Hearing, there: Hearing) -> None:
    with pytest.raises(NothingToCompareError, match="no event"):
        differences({**heard, "events": []}, {**there, "events": []})


def test_the_command_says_same_and_exits_with_1_on_a_difference(folder: Path, there: Hearing) -> None:
    here = folder / "here.json"
    assert run("take", folder / "tiny.onnx", folder / "talk.wav", here).returncode == 0
    same = run("compare", here, here)
    assert same.returncode == 0 and "same: 2 events" in same.stdout
    there["scores"][0][0] += 0.5
    (folder / "there.json").write_text(json.dumps(there))
    different = run("compare", here, folder / "there.json")
    assert different.returncode == 1 and "DIFFERENT: scores differ" in different.stdout


def test_the_command_exits_with_2_where_it_cannot_tell(folder: Path) -> None:
    for arguments in (["take", folder / "missing.onnx", folder / "talk.wav", folder / "x.json"], ["compare", "a", "b"]):
        finished = run(*arguments)
        assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert not (folder / "x.json").exists()
