"""``python train.py`` as a user drives it: train, stop, resume, export, and every wrong input."""

import json
import shutil
from pathlib import Path

import pytest

from kws.runtime.detector import Detector
from tests.beeps import RECIPE, assert_one_line, sound, train, write_project


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def run_folder(project: Path) -> Path:
    result = train(project / "beep.toml", "--out", project / "run")
    assert result.returncode == 0, result.stderr
    return project / "run"


def test_a_run_leaves_a_model_that_runs(run_folder: Path) -> None:
    assert {"last.pt", "best.pt", "history.json", "curves.png", "beep.onnx"} <= {p.name for p in run_folder.iterdir()}
    detector = Detector.open(run_folder / "beep.onnx")
    assert detector.spec.keywords == ("beep",)
    assert detector.spec.training["train"]["keywords"]["beep"]["clips"] >= 8
    assert 0.0 < detector.spec.decision_of("beep").threshold < 1.0
    detector.process(sound("beep", 99))


def test_history_counts_words_and_hours(run_folder: Path) -> None:
    history = json.loads((run_folder / "history.json").read_text())
    assert [entry["step"] for entry in history] == [20, 40, 60]
    assert all(entry["words"]["clean"] >= 1 and entry["negative_hours"] > 0 for entry in history)


def test_a_run_is_never_overwritten(project: Path, run_folder: Path) -> None:
    before = (run_folder / "last.pt").read_bytes()
    assert_one_line(train(project / "beep.toml", "--out", run_folder), "--resume")
    assert (run_folder / "last.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("batch_size = 16", "batchsize = 16", ("batchsize", "'batch_size'")),
        ("duration_s = 2.0", "duration = 2.0", ("duration", "'duration_s'")),
        ("[augment.gain]", "[augment.gian]", ("gian", "'gain'")),
        ('negatives = ["other"]', 'negatives = ["nowhere"]', ("nowhere", "no such folder")),
        ('root = "audio"', 'root = "audia"', ("audia", "no such folder")),
        ("steps = 60", "steps = -1", ("training.steps is -1",)),
        ('name = "beep"', 'name = "beep', ("is no TOML",)),
    ],
)
def test_wrong_recipes(project: Path, tmp_path: Path, old: str, new: str, parts: tuple[str, ...]) -> None:
    recipe = project / f"wrong-{tmp_path.name}.toml"
    recipe.write_text(RECIPE.replace(old, new))
    assert_one_line(train(recipe, "--out", tmp_path / "run"), *parts)
    assert not (tmp_path / "run" / "last.pt").exists()


def test_too_few_recordings(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "audio", tmp_path / "audio")
    for seed in range(7, 16):
        (tmp_path / "audio" / "beep" / f"beep-{seed}.flac").unlink()
    result = train(project / "beep.toml", "--data", tmp_path / "audio", "--out", tmp_path / "run")
    assert_one_line(result, "7 clips", "at least 8")
    assert not (tmp_path / "run").exists(), "nothing was begun"


def test_copies_of_a_recording_are_left_out(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project / "audio", tmp_path / "audio")
    clips = sorted((tmp_path / "audio" / "beep").iterdir())
    for number in range(20):
        shutil.copy(clips[3], tmp_path / "audio" / "beep" / f"copy-{number}.flac")
    recipes = {
        "without": RECIPE.replace("steps = 60", "steps = 2").replace("keep_copies = true", ""),
        "with": RECIPE.replace("steps = 60", "steps = 2"),
    }
    clips_used = {}
    for name, text in recipes.items():
        (tmp_path / f"{name}.toml").write_text(text)
        result = train(tmp_path / f"{name}.toml", "--out", tmp_path / name)
        assert result.returncode == 0, result.stderr
        assert ("are left out: they are copies of" in result.stderr) == (name == "without")
        spec = Detector.open(tmp_path / name / "beep.onnx").spec
        clips_used[name] = spec.training["train"]["keywords"]["beep"]["clips"]
    assert clips_used["with"] > clips_used["without"]
    assert clips_used["without"] <= len(clips)


def test_resume_without_a_run_and_with_another_recipe(project: Path, run_folder: Path, tmp_path: Path) -> None:
    assert_one_line(train(project / "beep.toml", "--out", tmp_path / "none", "--resume"), "no such checkpoint")
    (project / "other.toml").write_text(RECIPE.replace("n_hidden = 16", "n_hidden = 8"))
    result = train(project / "other.toml", "--out", run_folder, "--resume")
    assert_one_line(result, "another recipe (model.settings.n_hidden: 16 -> 8)")


def test_unwritable_folder(project: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_one_line(train(project / "beep.toml", "--out", tmp_path / "file" / "run"), "cannot be written")


def test_help_shows_examples() -> None:
    result = train("--help")
    assert result.returncode == 0
    assert "recipes/computer.toml" in result.stdout
