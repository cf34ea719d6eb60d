"""``kws data check`` as a user runs it: planted faults are named, a clean set has no finding, bad input is one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_tools.check import check_data, list_folder
from tests.planted import make_clean, make_faulty, utterance, write, write_manifest

ROOT = Path(__file__).parents[2]

RECIPE = """
name = "lantern"
[data]
root = "audio"
manifest = "manifest.csv"
negatives = ["window"]
noise = ["noise"]
[data.keywords]
lantern = ["lantern"]
[model]
family = "ds_tcn"
[model.settings]
n_channels = 8
dilations = [1]
[synthesis]
duration_s = 3.0
keywords_per_stream = [1, 1]
negatives_per_stream = [0, 0]
[training]
batch_size = 8
"""


def check(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from kws.cli import main; main()", "data", "check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    folder = tmp_path_factory.mktemp("faulty")
    return folder, make_faulty(folder)


def test_every_planted_fault_is_named_with_its_files(faulty, tmp_path: Path) -> None:
    folder, planted = faulty
    result = check(folder, "--keyword", "lantern", "--keyword", "window", "--json", tmp_path / "x.json", "--jobs", 2)
    assert result.returncode == 1, result.stderr
    report = json.loads((tmp_path / "x.json").read_text())
    named = {finding["code"]: {file["path"] for file in finding["files"]} for finding in report["findings"]}
    assert len(planted) >= 36
    assert {code: named.get(code) for code in planted} == planted
    # What is left is true of the whole: hardly any speech without the words, no noise, few words to judge by.
    assert named.keys() - planted.keys() == {"few-negatives", "no-noise", "figures-allowed"}
    for finding in report["findings"]:
        assert finding["count"] == len(finding["files"]) and finding["advice"]
        assert f"{finding['code']}: " in result.stdout
    severities = [finding["severity"] for finding in report["findings"]]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    assert report["errors"] == severities.count("error") >= 15


def test_the_terminal_shows_the_first_files(faulty) -> None:
    folder, _ = faulty
    one = check(folder, "--files", 1).stdout
    assert "lantern/empty.wav" in one and "errors" in one
    assert "window/row-unreadable.wav" in one
    none = check(folder, "--files", 0).stdout
    assert "empty-file: " in none and "lantern/empty.wav" not in none


def test_a_clean_set_is_left_in_peace(tmp_path: Path) -> None:
    make_clean(tmp_path / "data")
    result = check(tmp_path / "data", "--picture", tmp_path / "x.png", "--json", "-")
    assert result.returncode == 0, result.stdout
    report = json.loads(result.stdout)
    assert (report["errors"], report["warnings"], report["notes"]) == (0, 0, 0), report["findings"]
    assert report["format"] == 1
    counts = {(count["label"], count["split"]): count for count in report["counts"]}
    assert counts["lantern", "train"]["n_clips"] == 16 and counts["lantern", "train"]["n_speakers"] == 4
    assert counts["window", "val"]["n_clips"] == 8 and counts["window", "val"]["rates_hz"] == [16_000]
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("seed", range(2, 6))
def test_other_clean_sets_give_no_warning_either(tmp_path: Path, seed: int) -> None:
    make_clean(tmp_path, seed=seed)
    report = check_data(list_folder(tmp_path))
    assert [finding.what for finding in report.findings] == []


def test_labels_that_are_all_shifted_are_an_error(tmp_path: Path) -> None:
    rows = make_clean(tmp_path)
    for row in rows:
        row["kw_start_s"] = f"{float(row['kw_start_s']) - 0.35:.3f}"
        row["kw_end_s"] = f"{float(row['kw_end_s']) - 0.35:.3f}"
    write_manifest(tmp_path, rows)
    result = check(tmp_path)
    assert result.returncode == 1
    assert "labels-shifted: all 48 labels together fit the sound best when they are moved by +0.3" in result.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    rows = make_clean(folder / "audio")
    rng = np.random.default_rng(0)
    for number, split in enumerate(["train", "train", "val"]):
        write(folder / "audio" / "noise" / f"{number}.wav", 0.01 * (number + 1) * rng.standard_normal(80_000))
        rows.append({"path": f"noise/{number}.wav", "label": "noise", "split": split})
    write_manifest(folder / "audio", rows)
    (folder / "lantern.toml").write_text(RECIPE)
    return folder


def test_a_recipe_is_checked_with_a_batch_of_its_own(project: Path, tmp_path: Path) -> None:
    result = check(project / "lantern.toml", "--picture", tmp_path / "batch.png", "--json", tmp_path / "x.json")
    assert result.returncode == 0, result.stdout + result.stderr
    report = json.loads((tmp_path / "x.json").read_text())
    assert {finding["code"] for finding in report["findings"]} == {
        "few-negatives",
        "figures-allowed",
        # 15 + 4 * 4 frames of 10 ms.
        "longer-than-receptive-field",
    }
    assert "(0.31 s)" in result.stdout
    sides = {(count["label"], count["split"]): count["n_clips"] for count in report["counts"]}
    assert sides == {
        ("lantern", "train"): 16,
        ("lantern", "validation"): 8,
        ("window", "train"): 16,
        ("window", "validation"): 8,
        ("noise", "train"): 2,
        ("noise", "validation"): 1,
    }
    assert (tmp_path / "batch.png").read_bytes().startswith(b"\x89PNG")


def test_what_would_stop_training_is_an_error(project: Path, tmp_path: Path) -> None:
    make_clean(tmp_path / "audio")
    write(tmp_path / "audio" / "noise" / "0.wav", utterance(np.random.default_rng(0)))
    (tmp_path / "audio" / "lantern" / "broken.wav").write_bytes(b"RIFF")
    (tmp_path / "x.toml").write_text(RECIPE)
    result = check(tmp_path / "x.toml", "--picture", tmp_path / "x.png")
    assert result.returncode == 1
    assert "training-stops: training would not start: " in result.stdout
    assert "unreadable-file: 1 file is not readable" in result.stdout
    assert not (tmp_path / "x.png").exists()


def test_streams_that_were_synthesised_are_checked(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = ["path,duration_s,segments"]
    for number in range(2):
        samples = np.concatenate([utterance(rng), utterance(rng)])
        write(tmp_path / f"{number}.flac", samples)
        end_s = 0.5 if number == 0 else 9.0
        rows.append(
            f'{number}.flac,{len(samples) / 16_000},"[{{""label"": ""up"", ""start_s"": 0.4, ""end_s"": {end_s}}}]"'
        )
    (tmp_path / "manifest.csv").write_text("\n".join(rows))
    result = check(tmp_path, "--json", "-")
    report = json.loads(result.stdout)
    assert [(f["code"], [file["path"] for file in f["files"]]) for f in report["findings"]] == [
        ("label-beyond-end", ["1.flac"])
    ]
    assert result.returncode == 1


def assert_one_line(result: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for part in parts:
        assert part in lines[0]


def test_bad_input_is_one_line(project: Path, tmp_path: Path) -> None:
    audio, recipe = project / "audio", project / "lantern.toml"
    assert_one_line(check(tmp_path / "nowhere"), "nowhere: no such folder")
    assert_one_line(check(tmp_path), "holds no audio")
    assert_one_line(check(tmp_path / "no.toml"), "no.toml: cannot be read")
    assert_one_line(check(audio, "--data", audio), "--data", "a recipe")
    assert_one_line(check(audio, "--keyword", "door"), "'door'", "lantern, noise, window")
    assert_one_line(check(recipe, "--keyword", "lantern"), "--keyword", "a folder")
    assert_one_line(check(recipe, "--data", tmp_path), "manifest cannot be read")
    assert_one_line(check(audio, "--jobs", 0), "--jobs is 0")
    assert_one_line(check(audio, "--picture", tmp_path), "is a folder")
    assert_one_line(check(audio, "--json", tmp_path / "no" / "x.json"), "there is no folder")
    assert_one_line(check(audio, "--files", -1), "--files")
