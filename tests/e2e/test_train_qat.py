"""``python train.py --qat`` as a user drives it: from a checkpoint to one that int8 does less harm to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from export import load_trained
from export.onnx.int8_writer import write_onnx_int8
from kws.runtime.detector import Detector
from kws.train.checkpoint import load_checkpoint
from tests.beeps import RECIPE, assert_one_line, sound, train, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_project(tmp_path_factory.mktemp("project"))
    # Enough steps that an eighth of them is a fine-tune with two validations.
    (folder / "beep.toml").write_text(
        RECIPE.replace("steps = 60", "steps = 80").replace("validate_every = 20", "validate_every = 40")
    )
    result = train(folder / "beep.toml", "--out", folder / "run")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def tuned(project: Path) -> Path:
    result = train(project / "beep.toml", "--qat", project / "run" / "best.pt", "--out", project / "int8")
    assert result.returncode == 0, result.stderr
    return project / "int8"


def test_a_fine_tune_starts_from_the_checkpoint_and_moves_a_little(project: Path, tuned: Path) -> None:
    assert [entry["step"] for entry in json.loads((tuned / "history.json").read_text())] == [2, 4, 6, 8, 10]
    before, after = (load_checkpoint(folder / "best.pt")["ema"] for folder in (project / "run", tuned))
    assert before.keys() == after.keys()
    name = "conv.conv.weight"
    moved = (after[name] - before[name]).norm() / before[name].norm()
    assert 0.0 < moved < 0.3
    # The statistics of norms are frozen: on a device they are part of the weights.
    frozen = [key for key in before if "running" in key]
    assert frozen and all(torch.equal(before[key], after[key]) for key in frozen)


def test_its_checkpoint_is_one_like_any_other(tuned: Path, tmp_path: Path) -> None:
    spec, model = load_trained(tuned / "best.pt")
    write_onnx_int8(spec, model.to_graph(), tmp_path / "beep.onnx")
    detector = Detector.open(tmp_path / "beep.onnx")
    assert detector.spec.training["steps"] == 10
    detector.process(sound("beep", 99))
    assert (tuned / "beep.onnx").is_file()


def test_it_goes_on_with_the_same_checkpoint_only(project: Path, tuned: Path) -> None:
    assert_one_line(train(project / "beep.toml", "--out", tuned, "--resume"), "was made with another recipe")
    again = train(project / "beep.toml", "--qat", project / "run" / "best.pt", "--out", tuned, "--resume")
    assert again.returncode == 0, again.stderr


def test_what_cannot_be_fine_tuned(project: Path, tmp_path: Path) -> None:
    arguments = ("--out", tmp_path / "run", "--qat")
    assert_one_line(train(project / "beep.toml", *arguments, tmp_path / "none.pt"), "none.pt: no such checkpoint")
    (project / "wider.toml").write_text(RECIPE.replace("n_hidden = 16", "n_hidden = 24"))
    result = train(project / "wider.toml", *arguments, project / "run" / "best.pt")
    assert_one_line(result, "best.pt has the network", "the recipe asks for")
    assert not (tmp_path / "run" / "last.pt").exists()
