"""``kws eval`` as a user drives it: folders in, tables, JSON and a report out, and every wrong input."""

import csv
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch

from export import export_model, open_trained
from kws.audio import write_audio
from kws.cli import main
from kws.config import DecisionConfig, ModelConfig
from kws.models import build_model
from kws.spec import ModelSpec
from kws.train.checkpoint import save_checkpoint
from tests.tiny_model import bursts, tiny_spec, write_tiny_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of three people, one of them too quiet to be heard; minutes without a word, with two bursts; and noise."""
    folder = tmp_path_factory.mktemp("eval")
    write_tiny_model(folder / "tiny.onnx")
    stricter = tiny_spec()
    rule = dataclasses.replace(stricter.decision["loud"], threshold=0.9999)
    write_tiny_model(folder / "strict.onnx", dataclasses.replace(stricter, decision={"loud": rule}))
    rows = []
    for speaker, gain in (("anna", 1.0), ("ben", 1.0), ("carl", 0.0005)):
        for take in range(4):
            path = folder / "said" / speaker / f"{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_audio(path, bursts((0.5,), 1.5, take) * gain / 32768)
            rows.append({"path": f"said/{speaker}/{take}.wav", "speaker": speaker, "split": ("val", "test")[take % 2]})
    for name, starts, seconds in (("quiet", (), 90.0), ("radio", (30.0, 60.0), 120.0)):
        (folder / name).mkdir()
        # The two bursts of the radio are in the recordings of the test.
        for take, split in enumerate(("val", "test")):
            samples = bursts(starts if take else (), seconds, take) / 32768
            # A quiet room: digital silence has no level, and so cannot be laid under a word.
            samples += 1e-4 * np.random.default_rng(take).standard_normal(len(samples))
            write_audio(folder / name / f"{take}.flac", samples)
            rows.append({"path": f"{name}/{take}.flac", "speaker": f"{name}{take}", "split": split})
    (folder / "hum").mkdir()
    write_audio(folder / "hum" / "hum.wav", 0.01 * np.random.default_rng(0).standard_normal(80_000))
    (folder / "hall").mkdir()
    response = np.zeros(800, np.float32)
    response[[100, 500]] = [0.9, 0.3]
    write_audio(folder / "hall" / "hall.wav", response)
    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["path", "speaker", "split"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Result]


@pytest.fixture
def run(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Call the command line in the folder of the recordings."""

    def call(*arguments: object) -> Result:
        monkeypatch.chdir(place)
        monkeypatch.setenv("COLUMNS", "100")
        with pytest.raises(SystemExit) as left:
            main("eval", [str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Result(int(left.value.code or 0), said.out, said.err)

    return call


def figures(result: Result) -> dict:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def by_condition(values: dict, index: int = 0) -> dict[str, tuple[int, int]]:
    return {row["condition"]: (row["missed"], row["words"]) for row in values["results"][index]["words"]}


FOLDERS = ("--words", "said", "--negatives", "quiet", "--negatives", "radio")
PLAIN = (*FOLDERS, "--rooms", "0")


def test_words_and_hours_of_folders_are_counted(place: Path, run: Run) -> None:
    noisy = ("--noise", "hum", "--rirs", "hall", "--snr", "30", "--speech-snr", "30", "--mixes", "2")
    values = figures(run("tiny.onnx", *PLAIN, *noisy, "--json", "-"))
    assert by_condition(values) == {"clean": (4, 12), "noise 30 dB": (8, 24), "speech 30 dB": (8, 24), "far": (8, 24)}
    sets = {row["set"]: row["false_accepts"] for row in values["results"][0]["negatives"]}
    assert sets == {"quiet": 0, "radio": 2, "all": 2}
    assert values["results"][0]["negatives"][2]["hours"] == pytest.approx(420 / 3600)
    places = [
        (a["recording"], round(a["event_s"]))
        for a in values["results"][0]["false_accepts"]
        if "quiet" not in a["trial"]
    ]
    assert {("radio/1.flac", 30), ("radio/1.flac", 60)} <= {(r, s % 120) for r, s in places}


def test_tables_are_for_people(place: Path, run: Run) -> None:
    result = run("tiny.onnx", *PLAIN, "--with", "noise", "--by", "speaker", "--by", "weather")
    assert result.returncode == 0, result.stderr
    assert "threshold 0.5000: the model's own" in result.stdout
    assert "carl" in result.stdout and "4/4" in result.stdout
    assert "no trial says anything of 'weather'" in result.stdout
    assert "to show fewer than 1 % takes 299 words without a miss" in result.stdout
    assert "every event is the detector's" in result.stdout
    assert not result.stderr


def test_threshold_chosen_on_one_split_and_reported_on_another(place: Path, run: Run) -> None:
    chosen = ("--fa-per-h", "0", "--with", "noise", "--json", "-")
    values = figures(run("tiny.onnx", *PLAIN, *chosen, "--choose-on", "val", "--report-on", "test"))
    (result,) = values["results"]
    assert result["threshold"]["origin"] == "chosen" and not result["threshold"]["is_same_data"]
    assert result["threshold"]["chosen_on"] == "the split 'val'"
    # Nothing sounds in val, so that the lowest threshold does; in the test two bursts do.
    assert result["threshold"]["value"] < 0.02
    assert result["negatives"][2]["false_accepts"] == 2
    assert values["data"]["words: loud"]["recordings"] == values["chosen_on"]["words: loud"]["recordings"] == 6
    same = figures(run("tiny.onnx", *PLAIN, *chosen))
    assert same["results"][0]["threshold"]["is_same_data"] and same["results"][0]["negatives"][2]["false_accepts"] == 0


def test_threshold_chosen_on_a_folder_or_on_half_of_the_speakers(place: Path, run: Run) -> None:
    words = ("--words", "said", "--rooms", "0", "--with", "noise", "--json", "-", "--fa-per-h", "0")
    values = figures(run("tiny.onnx", *words, "--negatives", "quiet", "--choose-on-folder", "radio"))
    assert values["results"][0]["threshold"]["chosen_on"] == "radio"
    halves = figures(run("tiny.onnx", *words, "--negatives", "quiet", "--negatives", "radio", "--cross-fit"))
    threshold = halves["results"][0]["threshold"]
    assert threshold["origin"] == "cross-fitted" and set(threshold["by_fold"]) == {"A", "B"}
    # The half with the bursts is reported at the threshold of the silent one.
    assert halves["results"][0]["negatives"][2]["false_accepts"] == 2


def test_same_data_and_seed_give_the_same_document(place: Path, run: Run) -> None:
    arguments = ("tiny.onnx", *PLAIN, "--noise", "hum", "--snr", "5", "--mixes", "1", "--seed", "9")
    first = run(*arguments, "--json", "first.json", "--processes", "1")
    again = run(*arguments, "--json", "again.json", "--processes", "2")
    assert first.returncode == again.returncode == 0, first.stderr + again.stderr
    assert (place / "first.json").read_text() == (place / "again.json").read_text()


def test_two_models_are_compared_and_reported(place: Path, run: Run) -> None:
    outputs = ("--json", "two.json", "--report", "two.html")
    result = run("tiny.onnx", "strict.onnx", *PLAIN, "--with", "noise", *outputs)
    assert result.returncode == 0, result.stderr
    assert "strict.onnx against tiny.onnx" in result.stdout
    values = json.loads((place / "two.json").read_text())
    (comparison,) = values["comparisons"]
    clean = comparison["words"][0]
    counts = [clean[key] for key in ("both_hit", "only_a_missed", "only_b_missed", "both_missed")]
    assert sum(counts) == 12 and counts[1] == 0 and counts[3] == 4
    assert by_condition(values, 1)["clean"][0] == 4 + counts[2]
    page = (place / "two.html").read_text()
    assert "strict.onnx" in page and "<audio" in page


def test_a_checkpoint_is_evaluated_as_its_export(place: Path, run: Run) -> None:
    torch.manual_seed(3)
    settings = {"n_filters": 6, "n_hidden": 5, "kernel_frames": 6, "stride": 2}
    rule = DecisionConfig(threshold=0.3, refractory_s=0.1)
    spec = ModelSpec("net", ("loud",), model=ModelConfig("conv_gru", settings), step_frames=2, decision={"loud": rule})
    network = build_model(spec.model, spec.front_end.n_bands, 1)
    save_checkpoint(place / "best.pt", {"spec": spec.to_dict(), "model": network.state_dict()})
    export_model(open_trained(place / "best.pt"), place / "net.onnx")
    arguments = ("--words", "said", "--negatives", "radio", "--rooms", "0", "--with", "noise", "--json", "-")
    results = [figures(run(name, *arguments))["results"][0] for name in ("best.pt", "net.onnx")]
    assert [result["model"] for result in results] == ["best.pt", "net.onnx"]
    for key in ("words", "negatives", "misses", "false_accepts", "model_sha256"):
        assert results[0][key] == results[1][key]
    # An untrained network has something to say: the comparison is not one of nothing.
    assert results[0]["false_accepts"] or results[0]["words"][0]["missed"] < 12


RECIPE = """
name = "loud"
[data]
root = "."
manifest = "manifest.csv"
negatives = ["quiet", "radio"]
noise = ["hum"]
rirs = ["hall"]
[data.keywords]
loud = ["said"]
"""


def test_held_out_side_of_a_recipe(place: Path, run: Run) -> None:
    (place / "loud.toml").write_text(RECIPE.replace('noise = ["hum"]', 'noise = ["radio"]'))
    result = run("tiny.onnx", "--recipe", "loud.toml", "--with", "far", "--json", "-")
    values = figures(result)
    assert by_condition(values) == {"clean": (2, 6), "far": (10, 30)}
    assert [row["set"] for row in values["results"][0]["negatives"]] == ["validation speech", "validation noise", "all"]
    assert any("its own" in note for note in values["notes"]) and "careful:" in result.stderr
    tested = figures(run("tiny.onnx", "--recipe", "loud.toml", "--with", "far", "--report-on", "test", "--json", "-"))
    assert tested["results"][0]["negatives"][0]["set"] == "test speech"
    assert tested["results"][0]["negatives"][0]["false_accepts"] == 2
    assert not any("its own" in note for note in tested["notes"])


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("tiny.onnx",), ("nothing to listen to", "--recipe")),
        (("none.onnx", *FOLDERS), ("none.onnx", "no such")),
        (("tiny.onnx", "--words", "nowhere"), ("nowhere: no such folder",)),
        (("tiny.onnx", "--words", "quite=said"), ("'quite'", "loud")),
        (("tiny.onnx", *FOLDERS, "--threshold", "2"), ("threshold is 2",)),
        (("tiny.onnx", *FOLDERS, "--threshold", "0.5", "--fa-per-h", "1"), ("accepted is one of them",)),
        (("tiny.onnx", *FOLDERS, "--cross-fit"), ("--fa-per-h",)),
        (("tiny.onnx", *FOLDERS, "--fa-per-h", "1", "--choose-on", "val", "--cross-fit"), ("accepted is one of",)),
        (("tiny.onnx", *FOLDERS, "--fa-per-h", "1", "--choose-on", "val", "--report-on", "val"), ("two splits",)),
        (
            ("tiny.onnx", *FOLDERS, "--fa-per-h", "1", "--choose-on-folder", "radio"),
            ("2 recordings", "radio/", "--cross-fit"),
        ),
        (("tiny.onnx", "--words", "said", "--fa-per-h", "1"), ("needs recordings without the word",)),
        (("tiny.onnx", *FOLDERS, "--report-on", "dev"), ("no recordings of split 'dev'",)),
        (("tiny.onnx", *FOLDERS, "--with", "rain"), ("'rain'", "noise")),
        (("tiny.onnx", *FOLDERS, "--snr", "10"), ("'noise 10 dB'", "no recordings")),
        (("tiny.onnx", *FOLDERS, "--mixes", "0"), ("mixes is 0",)),
        (
            ("tiny.onnx", "--words", "said", "--json", "no/such/folder.json", "--rooms", "0", "--with", "noise"),
            ("no/such",),
        ),
        (("tiny.onnx", "--recipe", "none.toml"), ("none.toml: cannot be read",)),
    ],
)
def test_wrong_input_is_one_line(run: Run, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.returncode == 2, result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    for part in parts:
        assert part in result.stderr


@pytest.mark.parametrize("option", ["--json", "--report"])
def test_where_nothing_can_be_written_nothing_is_heard(run: Run, option: str) -> None:
    result = run("tiny.onnx", *FOLDERS, option, "no/such/file.html")
    assert result.returncode == 2 and result.stdout == ""
    assert (
        result.stderr
        == "error: no/such/file.html: there is no folder no/such; accepted is a file in a folder that is\n"
    )


def test_a_process_of_its_own_prints_tables_and_nothing_else(place: Path) -> None:
    command = [sys.executable, "-c", "from kws.cli import main; main()", "eval", "tiny.onnx", "--words", "said/carl"]
    command += ["--negatives", "quiet", "--rooms", "0", "--with", "noise", "--processes", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, cwd=place, env=environment, timeout=300)
    assert (result.returncode, result.stderr) == (0, "")
    assert "4 of 4 words missed" in result.stdout and "every event is the detector's" in result.stdout
